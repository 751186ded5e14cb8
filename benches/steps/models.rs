//! The models of the workloads. Parameters have the names and shapes that they have in `benches/peers/peer_torch.py`, so that both can start from the
//! same numbers.

use crate::net::{Init, Net};
use tenon::DType;
use tenon::ir::Value;
use tenon::ops::composite::vision::{Padding, convolution::Convolution, pool::Pool};
use tenon::ops::{AttentionOptions, Trace};

type Forward = Box<dyn Fn(&Net, &mut Trace, Value) -> Value + Send + Sync>;

/// What a model's parameters are, and its forward pass.
pub struct Model {
    /// Name, shape, initial values.
    pub parameters: Vec<(String, Vec<usize>, Init)>,
    pub forward: Forward,
}

fn linear(parameters: &mut Vec<(String, Vec<usize>, Init)>, name: &str, inputs: usize, outputs: usize) {
    parameters.push((format!("{name}.weight"), vec![outputs, inputs], Init::Fan(inputs)));
    parameters.push((format!("{name}.bias"), vec![outputs], Init::Fan(inputs)));
}

fn convolution(parameters: &mut Vec<(String, Vec<usize>, Init)>, name: &str, inputs: usize, outputs: usize, size: usize) {
    let fan = inputs * size * size;
    parameters.push((format!("{name}.weight"), vec![outputs, inputs, size, size], Init::Fan(fan)));
    parameters.push((format!("{name}.bias"), vec![outputs], Init::Fan(fan)));
}

fn norm(parameters: &mut Vec<(String, Vec<usize>, Init)>, name: &str, width: usize) {
    parameters.push((format!("{name}.weight"), vec![width], Init::Constant(1.0)));
    parameters.push((format!("{name}.bias"), vec![width], Init::Constant(0.0)));
}

/// Dense layers of these widths, named like the linear ones in a chain whose other links are activations.
pub fn mlp(widths: &'static [usize], first: usize, activation: fn(&mut Trace, Value) -> Value) -> Model {
    let mut parameters = Vec::new();
    for (i, pair) in widths.windows(2).enumerate() {
        linear(&mut parameters, &(first + 2 * i).to_string(), pair[0], pair[1]);
    }
    let layers = widths.len() - 1;
    let forward = move |net: &Net, g: &mut Trace, mut x: Value| {
        for i in 0..layers {
            x = net.linear(g, &(first + 2 * i).to_string(), x);
            x = if i + 1 < layers { activation(g, x) } else { x };
        }
        x
    };
    Model { parameters, forward: Box::new(forward) }
}

fn pool(g: &mut Trace, x: Value) -> Value {
    g.max_pool(x, &Pool::new(&[2, 2]))
}

pub fn lenet() -> Model {
    let mut parameters = Vec::new();
    convolution(&mut parameters, "0", 1, 6, 5);
    convolution(&mut parameters, "3", 6, 16, 5);
    let head = mlp(&[256, 120, 84, 10], 7, |g, x| g.relu(x));
    parameters.extend(head.parameters);
    let forward = move |net: &Net, g: &mut Trace, mut x: Value| {
        for name in ["0", "3"] {
            x = net.convolution(g, name, x, Padding::Valid);
            x = g.relu(x);
            x = pool(g, x);
        }
        let x = g.flatten(x, 1);
        (head.forward)(net, g, x)
    };
    Model { parameters, forward: Box::new(forward) }
}

pub fn convnet() -> Model {
    const CHANNELS: [usize; 4] = [3, 32, 64, 128];
    let mut parameters = Vec::new();
    for (stage, pair) in CHANNELS.windows(2).enumerate() {
        convolution(&mut parameters, &(4 * stage).to_string(), pair[0], pair[1], 3);
        let name = (4 * stage + 1).to_string();
        norm(&mut parameters, &name, pair[1]);
        parameters.push((format!("{name}.running_mean"), vec![pair[1]], Init::Moving(0.0)));
        parameters.push((format!("{name}.running_var"), vec![pair[1]], Init::Moving(1.0)));
    }
    linear(&mut parameters, "13", 2048, 10);
    let forward = |net: &Net, g: &mut Trace, mut x: Value| {
        for stage in 0..3 {
            x = net.convolution(g, &(4 * stage).to_string(), x, Padding::even(1));
            x = net.batch_norm(g, &(4 * stage + 1).to_string(), x);
            x = g.relu(x);
            x = pool(g, x);
        }
        let x = g.flatten(x, 1);
        net.linear(g, "13", x)
    };
    Model { parameters, forward: Box::new(forward) }
}

pub fn lstm() -> Model {
    const HIDDEN: usize = 128;
    let mut parameters = vec![("embedding.weight".to_string(), vec![64, 64], Init::Normal)];
    for (name, inputs) in [("ih", 64), ("hh", HIDDEN)] {
        parameters.push((format!("lstm.weight_{name}_l0"), vec![4 * HIDDEN, inputs], Init::Fan(HIDDEN)));
    }
    for name in ["ih", "hh"] {
        parameters.push((format!("lstm.bias_{name}_l0"), vec![4 * HIDDEN], Init::Fan(HIDDEN)));
    }
    linear(&mut parameters, "out", HIDDEN, 64);
    let forward = |net: &Net, g: &mut Trace, tokens: Value| {
        let (batch, length) = (g.dims(tokens)[0], g.dims(tokens)[1]);
        let table = net.read(g, "embedding.weight");
        // Steps first: each takes a slice.
        let tokens = g.transpose(tokens, &[1, 0]);
        let x = g.gather(table, tokens, 0);
        let (weight, recurrent) = (net.read(g, "lstm.weight_ih_l0"), net.read(g, "lstm.weight_hh_l0"));
        let (bias, second) = (net.read(g, "lstm.bias_ih_l0"), net.read(g, "lstm.bias_hh_l0"));
        let bias = g.add(bias, second);
        let gates = g.linear(x, weight, Some(bias));
        let zeros = g.full(DType::F32, &[batch, HIDDEN], 0.0);
        let hidden = g.scan(length, false, [&[zeros, zeros], &[gates], &[recurrent]], |g, x| {
            let (hidden, memory, gates, recurrent) = (x[0], x[1], x[2], x[3]);
            let product = g.linear(hidden, recurrent, None);
            let gates = g.add(gates, product);
            let part = |g: &mut Trace, number: usize| g.narrow(gates, 1, number * HIDDEN, HIDDEN);
            let (entry, forget, candidate, exit) = (part(g, 0), part(g, 1), part(g, 2), part(g, 3));
            let (entry, forget, exit) = (g.sigmoid(entry), g.sigmoid(forget), g.sigmoid(exit));
            let candidate = g.tanh(candidate);
            let (kept, added) = (g.mul(forget, memory), g.mul(entry, candidate));
            let memory = g.add(kept, added);
            let shown = g.tanh(memory);
            let hidden = g.mul(exit, shown);
            Ok(vec![hidden, memory, hidden])
        });
        let hidden = match hidden {
            Ok(results) => results[2],
            Err(error) => return g.fail(error),
        };
        let hidden = g.transpose(hidden, &[1, 0, 2]);
        let hidden = g.reshape(hidden, &[batch * length, HIDDEN]);
        net.linear(g, "out", hidden)
    };
    Model { parameters, forward: Box::new(forward) }
}

pub fn gpt() -> Model {
    const WIDTH: usize = 128;
    const HEADS: usize = 4;
    let mut parameters = vec![
        ("tokens.weight".to_string(), vec![256, WIDTH], Init::Normal),
        ("positions.weight".to_string(), vec![128, WIDTH], Init::Normal),
    ];
    for block in 0..4 {
        let name = |part: &str| format!("blocks.{block}.{part}");
        norm(&mut parameters, &name("attention_norm"), WIDTH);
        norm(&mut parameters, &name("mlp_norm"), WIDTH);
        linear(&mut parameters, &name("query_key_value"), WIDTH, 3 * WIDTH);
        linear(&mut parameters, &name("project"), WIDTH, WIDTH);
        linear(&mut parameters, &name("up"), WIDTH, 4 * WIDTH);
        linear(&mut parameters, &name("down"), 4 * WIDTH, WIDTH);
    }
    norm(&mut parameters, "norm", WIDTH);
    parameters.push(("out.weight".to_string(), vec![256, WIDTH], Init::Fan(WIDTH)));
    let forward = |net: &Net, g: &mut Trace, tokens: Value| {
        let (batch, length) = (g.dims(tokens)[0], g.dims(tokens)[1]);
        let (table, positions) = (net.read(g, "tokens.weight"), net.read(g, "positions.weight"));
        let embedded = g.gather(table, tokens, 0);
        let mut x = g.add(embedded, positions);
        for block in 0..4 {
            let name = |part: &str| format!("blocks.{block}.{part}");
            let normalized = net.layer_norm(g, &name("attention_norm"), x);
            let joined = net.linear(g, &name("query_key_value"), normalized);
            let joined = g.reshape(joined, &[batch, length, 3, HEADS, WIDTH / HEADS]);
            let joined = g.transpose(joined, &[2, 0, 3, 1, 4]);
            let part = |g: &mut Trace, number: usize| {
                let part = g.narrow(joined, 0, number, 1);
                g.squeeze(part, &[0])
            };
            let (query, key, value) = (part(g, 0), part(g, 1), part(g, 2));
            let options = AttentionOptions { causal: true, ..AttentionOptions::default() };
            let attended = g.scaled_dot_product_attention(query, key, value, options);
            let attended = g.transpose(attended, &[0, 2, 1, 3]);
            let attended = g.reshape(attended, &[batch, length, WIDTH]);
            let attended = net.linear(g, &name("project"), attended);
            x = g.add(x, attended);
            let normalized = net.layer_norm(g, &name("mlp_norm"), x);
            let up = net.linear(g, &name("up"), normalized);
            let up = g.gelu(up, true);
            let down = net.linear(g, &name("down"), up);
            x = g.add(x, down);
        }
        let x = net.layer_norm(g, "norm", x);
        let x = g.reshape(x, &[batch * length, WIDTH]);
        let out = net.read(g, "out.weight");
        g.linear(x, out, None)
    };
    Model { parameters, forward: Box::new(forward) }
}

/// A convolution with its bias.
pub fn padded(padding: Padding) -> Convolution {
    Convolution { padding, ..Convolution::default() }
}
