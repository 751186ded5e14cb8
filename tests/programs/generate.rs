//! Random graphs: every primitive, shapes of rank 0 to 4 with dimensions of one and of no elements, views of views, variables.
//!
//! Values carry what is needed to compare them fairly: a bound of their magnitude, so that rounding errors have a scale, and whether
//! they are exact, so that steps (comparison, rounding, positions) are only taken on what has the same bits everywhere.

use crate::check::Case;
use crate::draws::{Draws, tensor};
use tenon::DType;
use tenon::ir::{Binary, Compare, Op, ReduceKind, Type, Unary, Value, Variable};
use tenon::ops::Trace;
use tenon::tensor::{Allocator, Tensor};

#[derive(Clone, Copy)]
struct Item {
    value: Value,
    bound: f64,
    exact: bool,
}

/// Magnitudes stay below this: larger results are squashed.
const BOUND: f64 = 200.0;

pub struct Generator {
    g: Trace,
    d: Draws,
    float: DType,
    sizes: Vec<usize>,
    specials: bool,
    inputs: Vec<Tensor>,
    items: Vec<Item>,
    variables: Vec<Variable>,
    generator: Variable,
    bound: f64,
}

/// Graph number `number`.
pub fn random_case(number: u64) -> Case {
    let mut d = Draws::new("programs", number);
    let float = match d.below(20) {
        0..10 => DType::F64,
        10..17 => DType::F32,
        17 | 18 => DType::F16,
        _ => DType::BF16,
    };
    let ladder = [1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 12, 16, 17, 31, 33, 40];
    let mut sizes: Vec<usize> = (0..3).map(|_| d.pick(&ladder)).collect();
    sizes.push(1);
    if d.chance(0.05) {
        sizes.push(0);
    }
    if d.chance(0.03) {
        sizes.push(d.pick(&[1000, 1025, 2049]));
    }
    let specials = d.chance(0.1);
    let state = Tensor::from_slice(&Allocator::system(), &[d.below(99) as i64, 7, d.below(1000) as i64], &[3]).expect("a state");
    let generator = Variable::new("generator", state);
    let mut generator = Generator {
        g: Trace::new(),
        d,
        float,
        sizes,
        specials,
        inputs: Vec::new(),
        items: Vec::new(),
        variables: Vec::new(),
        generator,
        bound: 4.0,
    };
    generator.leaves();
    // One graph in sixteen is larger.
    let nodes = 5 + if number % 16 == 7 { generator.d.below(150) } else { generator.d.below(36) };
    let end = generator.g.mark() + nodes;
    let mut tries = 0;
    while generator.g.mark() < end && tries < 400 {
        tries += 1;
        generator.step();
        if let Some(error) = generator.g.error() {
            panic!("graph {number}: {error}");
        }
    }
    generator.finish()
}

impl Generator {
    fn dims(&mut self) -> Vec<usize> {
        let rank = self.d.pick(&[0, 1, 1, 2, 2, 2, 2, 3, 3, 4]);
        loop {
            let dims: Vec<usize> = (0..rank).map(|_| self.d.pick(&self.sizes)).collect();
            if dims.iter().product::<usize>() <= 20_000 {
                return dims;
            }
        }
    }
    fn dtype(&mut self) -> DType {
        match self.d.below(10) {
            0 => DType::I64,
            1 => DType::I32,
            2 => DType::U8,
            3 => DType::Bool,
            _ => self.float,
        }
    }
    fn numbers(&mut self, dtype: DType, dims: &[usize]) -> Tensor {
        let count = dims.iter().product();
        let whole = self.d.chance(0.3);
        let mut numbers = match dtype {
            DType::Bool => self.d.many(count, -1.0, 1.0).into_iter().map(|x| (x > 0.0) as u8 as f64).collect(),
            DType::U8 => self.d.many(count, 0.0, 256.0),
            DType::I32 | DType::I64 => self.d.many(count, -20.0, 20.0),
            _ if whole => self.d.many(count, -4.0, 4.0).into_iter().map(f64::round).collect(),
            _ => self.d.many(count, -4.0, 4.0),
        };
        if self.specials && dtype != DType::Bool {
            let special: &[f64] = match dtype {
                DType::U8 => &[0.0, 255.0],
                DType::I32 => &[i32::MIN as f64, i32::MAX as f64, 0.0],
                DType::I64 => &[i64::MIN as f64, i64::MAX as f64, 0.0],
                _ => &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0],
            };
            for number in &mut numbers {
                if self.d.chance(0.1) {
                    *number = self.d.pick(special);
                }
            }
        }
        tensor(dtype, dims, &numbers)
    }
    fn add_item(&mut self, value: Value, bound: f64, exact: bool) {
        if value.is_valid() {
            let dtype = self.g.dtype(value);
            let exact = exact || !dtype.is_float();
            if dtype.is_float() {
                self.bound = self.bound.max(bound);
            }
            self.items.push(Item { value, bound, exact });
        }
    }
    fn leaves(&mut self) {
        for _ in 0..3 + self.d.below(4) {
            let (dtype, dims) = (self.dtype(), self.dims());
            self.leaf(dtype, &dims);
        }
        let (dtype, dims) = (self.float, self.dims());
        self.leaf(dtype, &dims);
    }
    /// A new input, variable, or constant of this type.
    fn leaf(&mut self, dtype: DType, dims: &[usize]) -> Item {
        let tensor = self.numbers(dtype, dims);
        let value = match self.d.below(7) {
            0 => self.g.constant(&tensor),
            1 => {
                let number = self.d.uniform(-3.0, 3.0).abs().round();
                self.g.full(dtype, dims, number)
            }
            2 | 3 => {
                let variable = Variable::new(format!("v{}", self.variables.len()), tensor);
                self.variables.push(variable.clone());
                self.g.read(&variable)
            }
            _ => {
                let value = self.g.input(Type::new(dtype, *tensor.shape()));
                let given = if self.d.chance(0.2) { self.strided(&tensor) } else { tensor };
                self.inputs.push(given);
                value
            }
        };
        self.add_item(value, 4.0, true);
        Item { value, bound: 4.0, exact: true }
    }
    /// The same elements with other strides.
    fn strided(&mut self, tensor: &Tensor) -> Tensor {
        let rank = tensor.shape().rank();
        let turned: Vec<usize> = (0..rank).rev().collect();
        let stored = tensor.transpose(&turned).expect("a transpose").duplicate(&Allocator::system()).expect("a copy");
        stored.transpose(&turned).expect("a transpose")
    }
    fn pick(&mut self, wanted: impl Fn(&Self, &Item) -> bool) -> Option<Item> {
        // Recent values first, so that graphs grow deep.
        for _ in 0..12 {
            let count = self.items.len();
            let from = if self.d.chance(0.5) { count.saturating_sub(5) } else { 0 };
            let item = self.items[from + self.d.below(count - from)];
            if wanted(self, &item) {
                return Some(item);
            }
        }
        None
    }
    fn pick_float(&mut self) -> Option<Item> {
        self.pick(|this, item| this.g.dtype(item.value) == this.float)
    }
    fn pick_dtype(&mut self, dtype: DType) -> Option<Item> {
        self.pick(|this, item| this.g.dtype(item.value) == dtype)
    }
    /// Another value of this dtype whose shape broadcasts with `dims`.
    fn partner(&mut self, item: Item) -> Item {
        let (dtype, dims) = (self.g.dtype(item.value), self.g.dims(item.value));
        let found = self.pick(|this, other| {
            let others = this.g.dims(other.value);
            let fits = dims.iter().rev().zip(others.iter().rev()).all(|(a, b)| a == b || *a == 1 || *b == 1);
            let elements: usize = dims.iter().chain(&others).product();
            this.g.dtype(other.value) == dtype && fits && elements < 4_000_000
        });
        found.unwrap_or_else(|| {
            let mut dims = dims.clone();
            if self.d.chance(0.5) && !dims.is_empty() {
                let axis = self.d.below(dims.len());
                dims[axis] = 1;
            }
            self.leaf(dtype, &dims)
        })
    }
    fn squashed(&mut self, item: Item) -> Item {
        if item.bound <= BOUND {
            return item;
        }
        let value = if self.d.chance(0.5) { self.g.tanh(item.value) } else { self.g.mul_scalar(item.value, 1.0 / item.bound) };
        Item { value, bound: 1.0, exact: false }
    }
    fn positive(&mut self, item: Item) -> Value {
        let size = self.g.abs(item.value);
        self.g.add_scalar(size, 0.5)
    }

    fn step(&mut self) {
        let before = self.items.len();
        match self.d.below(30) {
            0..4 => self.unary(),
            4..8 => self.binary(),
            8 => self.compare(),
            9 => self.select(),
            10 => self.cast(),
            11..14 => self.integers(),
            14..21 => self.movement(),
            21..25 => self.reduction(),
            25 => self.softmax(),
            26 | 27 => self.matmul(),
            28 => self.index(),
            _ => self.random_or_state(),
        }
        for i in before..self.items.len() {
            if self.items[i].bound > BOUND && self.g.dtype(self.items[i].value).is_float() {
                self.bound = self.bound.max(self.items[i].bound);
                let small = self.squashed(self.items[i]);
                self.items[i] = small;
            }
        }
    }

    fn unary(&mut self) {
        let Some(x) = self.pick_float() else { return };
        let exact_steps = [Unary::Sign, Unary::Floor, Unary::Ceil, Unary::Round, Unary::Trunc];
        let value = x.value;
        match self.d.below(20) {
            0 => {
                let y = self.g.neg(value);
                self.add_item(y, x.bound, x.exact);
            }
            1 => {
                let y = self.g.abs(value);
                self.add_item(y, x.bound, x.exact);
            }
            2 => {
                let y = self.g.relu(value);
                self.add_item(y, x.bound, x.exact);
            }
            3 | 4 if x.exact => {
                let op = self.d.pick(&exact_steps);
                let y = self.g.push(Op::Unary(op), &[value]);
                self.add_item(y, x.bound + 1.0, true);
            }
            3 => {
                let small = self.g.tanh(value);
                let y = self.g.exp(small);
                self.add_item(y, 3.0, false);
            }
            5 => {
                let small = self.g.tanh(value);
                let y = self.g.expm1(small);
                self.add_item(y, 3.0, false);
            }
            6..10 => {
                let positive = self.positive(x);
                let op = self.d.pick(&[Unary::Log, Unary::Log1p, Unary::Sqrt, Unary::Rsqrt, Unary::Reciprocal]);
                let y = self.g.push(Op::Unary(op), &[positive]);
                self.add_item(y, x.bound.sqrt() + 8.0, false);
            }
            10 => {
                let op = self.d.pick(&[Unary::IsNan, Unary::IsInf, Unary::IsFinite]);
                let y = self.g.push(Op::Unary(op), &[value]);
                self.add_item(y, 1.0, true);
            }
            11 => {
                let y = self.g.gelu(value, x.exact);
                self.add_item(y, x.bound, false);
            }
            12 => {
                let y = self.g.silu(value);
                self.add_item(y, x.bound, false);
            }
            13 => {
                let y = self.g.identity(value);
                self.add_item(y, x.bound, x.exact);
            }
            _ => {
                let op = self.d.pick(&[Unary::Sin, Unary::Cos, Unary::Tanh, Unary::Sigmoid, Unary::Erf]);
                let y = self.g.push(Op::Unary(op), &[value]);
                self.add_item(y, 1.0, false);
            }
        }
    }

    fn binary(&mut self) {
        let Some(a) = self.pick_float() else { return };
        let b = if self.d.chance(0.15) { a } else { self.partner(a) };
        let exact = a.exact && b.exact;
        match self.d.below(12) {
            0..3 => {
                let y = self.g.add(a.value, b.value);
                self.add_item(y, a.bound + b.bound, false);
            }
            3 | 4 => {
                let y = self.g.sub(a.value, b.value);
                self.add_item(y, a.bound + b.bound, false);
            }
            5..8 => {
                let y = self.g.mul(a.value, b.value);
                self.add_item(y, a.bound * b.bound, false);
            }
            8 => {
                let divisor = self.positive(b);
                let y = self.g.div(a.value, divisor);
                self.add_item(y, 2.0 * a.bound, false);
            }
            9 => {
                let y = if self.d.chance(0.5) { self.g.maximum(a.value, b.value) } else { self.g.minimum(a.value, b.value) };
                self.add_item(y, a.bound.max(b.bound), exact);
            }
            10 => {
                let (base, exponent) = (self.positive(a), self.g.tanh(b.value));
                let y = self.g.push_pow(base, exponent);
                self.add_item(y, a.bound + 2.0, false);
            }
            _ => {
                let c = self.d.pick(&[0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 0.1]);
                let y = match self.d.below(4) {
                    0 => self.g.add_scalar(a.value, c),
                    1 => {
                        let scalar = self.g.scalar(self.float, c);
                        self.g.sub(scalar, a.value)
                    }
                    2 if c != 0.0 => {
                        let scalar = self.g.scalar(self.float, c);
                        self.g.div(a.value, scalar)
                    }
                    _ => self.g.mul_scalar(a.value, c),
                };
                self.add_item(y, a.bound * 10.0, false);
            }
        }
    }

    fn compare(&mut self) {
        let Some(a) = self.pick(|_, item| item.exact) else { return };
        let b = self.partner(a);
        if !b.exact {
            return;
        }
        let op = if self.g.dtype(a.value) == DType::Bool { self.d.pick(&[Compare::Eq, Compare::Ne]) } else { self.d.pick(Compare::ALL) };
        let y = self.g.compare(op, a.value, b.value);
        self.add_item(y, 1.0, true);
    }

    fn select(&mut self) {
        let Some(a) = self.pick(|_, _| true) else { return };
        let b = self.partner(a);
        let dims = self.g.dims(a.value);
        let condition = match self.pick(|this, item| this.g.dtype(item.value) == DType::Bool && this.g.dims(item.value) == dims) {
            Some(condition) => condition,
            None => self.leaf(DType::Bool, &dims),
        };
        let y = self.g.select(condition.value, a.value, b.value);
        self.add_item(y, a.bound.max(b.bound), a.exact && b.exact);
    }

    fn cast(&mut self) {
        let Some(x) = self.pick(|_, _| true) else { return };
        let from = self.g.dtype(x.value);
        let to = self.dtype();
        if from.is_float() && !to.is_float() {
            if x.exact {
                let y = self.g.cast(x.value, to);
                self.add_item(y, x.bound, true);
            }
            return;
        }
        if !from.is_float() && to.is_float() && from != DType::Bool {
            // Small integers are the same number in every float.
            let most = self.g.scalar(from, 17.0);
            let small = self.g.push_rem(x.value, most);
            let y = self.g.cast(small, to);
            self.add_item(y, 17.0, true);
            return;
        }
        let y = self.g.cast(x.value, to);
        self.add_item(y, x.bound.max(1.0), x.exact && from == to || !to.is_float() || from == DType::Bool);
    }

    fn integers(&mut self) {
        let dtype = self.d.pick(&[DType::I64, DType::I32, DType::U8, DType::Bool]);
        let Some(a) = self.pick_dtype(dtype) else {
            let dims = self.dims();
            self.leaf(dtype, &dims);
            return;
        };
        let b = self.partner(a);
        let y = if dtype == DType::Bool {
            match self.d.below(4) {
                0 => self.g.push(Op::Unary(Unary::Not), &[a.value]),
                i => self.g.push_binary([Binary::And, Binary::Or, Binary::Xor][i - 1], a.value, b.value),
            }
        } else {
            let all = [
                Binary::Add,
                Binary::Sub,
                Binary::Mul,
                Binary::Div,
                Binary::Rem,
                Binary::Max,
                Binary::Min,
                Binary::And,
                Binary::Or,
                Binary::Xor,
                Binary::Pow,
            ];
            match self.d.below(16) {
                0 => self.g.neg(a.value),
                1 => self.g.abs(a.value),
                2 => self.g.push(Op::Unary(Unary::Sign), &[a.value]),
                3 => self.g.relu(a.value),
                4 => self.g.push(Op::Unary(Unary::Not), &[a.value]),
                i => self.g.push_binary(all[i - 5], a.value, b.value),
            }
        };
        self.add_item(y, 0.0, true);
    }

    fn movement(&mut self) {
        let Some(x) = self.pick(|_, _| true) else { return };
        let dims = self.g.dims(x.value);
        let rank = dims.len();
        let elements: usize = dims.iter().product();
        let (mut bound, mut exact) = (x.bound, x.exact);
        let y = match self.d.below(10) {
            0 if rank < 4 => {
                // New dimensions in any place, old ones of one element repeated.
                let mut target = Vec::new();
                let mut axes = Vec::new();
                for size in &dims {
                    while target.len() + dims.len() - axes.len() < 4 && self.d.chance(0.3) {
                        target.push(self.d.pick(&self.sizes));
                    }
                    axes.push(target.len());
                    target.push(if *size == 1 { self.d.pick(&self.sizes) } else { *size });
                }
                if target.len() < 4 && self.d.chance(0.4) {
                    target.push(self.d.pick(&self.sizes));
                }
                if target.iter().product::<usize>() > 40_000 {
                    return;
                }
                self.g.broadcast_in(x.value, &target, &axes)
            }
            1 | 2 => {
                let target = self.factors(elements);
                self.g.reshape(x.value, &target)
            }
            3 | 4 => {
                let permutation = self.permutation(rank);
                self.g.transpose(x.value, &permutation)
            }
            5 | 6 => {
                let (mut start, mut stop, mut step) = (Vec::new(), Vec::new(), Vec::new());
                for size in &dims {
                    let low = if *size > 0 && self.d.chance(0.4) { self.d.below(*size) } else { 0 };
                    let high = if self.d.chance(0.4) { low + self.d.below(size - low + 1) } else { *size };
                    let high = if high == low && self.d.chance(0.95) { *size } else { high };
                    start.push(low);
                    stop.push(high);
                    step.push(self.d.pick(&[1, 1, 1, 2, 3]));
                }
                self.g.slice(x.value, &start, &stop, &step)
            }
            7 => {
                let axes: Vec<usize> = (0..rank).filter(|_| self.d.chance(0.6)).collect();
                self.g.reverse(x.value, &axes)
            }
            8 => {
                let mut amount =
                    |most: usize| (0..rank).map(|_| if self.d.chance(0.5) { self.d.below(most) } else { 0 }).collect::<Vec<_>>();
                let (low, high, interior) = (amount(3), amount(3), amount(2));
                let fill = self.d.pick(&[0.0, 1.0, 3.0]);
                let fill = self.g.scalar(self.g.dtype(x.value), fill);
                self.g.pad(x.value, fill, &low, &high, &interior)
            }
            _ if rank > 0 => {
                let axis = self.d.below(rank);
                let mut parts = vec![x.value];
                for _ in 0..self.d.below(3) {
                    let dtype = self.g.dtype(x.value);
                    let other = self.pick(|this, other| {
                        let others = this.g.dims(other.value);
                        let fits = others.len() == rank && (0..rank).all(|i| i == axis || others[i] == dims[i]);
                        this.g.dtype(other.value) == dtype && fits
                    });
                    if let Some(other) = other {
                        bound = bound.max(other.bound);
                        exact &= other.exact;
                        parts.push(other.value);
                    }
                }
                self.g.concat(&parts, axis)
            }
            _ => return,
        };
        if self.g.contains(y) && self.g.shape(y).elements() > 100_000 {
            return;
        }
        self.add_item(y, bound.max(3.0), exact);
    }
    /// A random shape of this many elements.
    fn factors(&mut self, elements: usize) -> Vec<usize> {
        if elements == 0 {
            return vec![0, self.d.pick(&[1, 2, 5])];
        }
        let mut left = elements;
        let mut dims = Vec::new();
        while left > 1 && dims.len() < 3 {
            let divisors: Vec<usize> = (2..=left.min(64)).filter(|divisor| left.is_multiple_of(*divisor)).chain([left]).collect();
            let divisor = self.d.pick(&divisors);
            dims.push(divisor);
            left /= divisor;
        }
        if left > 1 || self.d.chance(0.2) {
            dims.push(left);
        }
        dims
    }
    fn permutation(&mut self, rank: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..rank).collect();
        for i in (1..rank).rev() {
            order.swap(i, self.d.below(i + 1));
        }
        order
    }

    fn reduction(&mut self) {
        let Some(x) = self.pick(|_, _| true) else { return };
        let dims = self.g.dims(x.value);
        let rank = dims.len();
        let dtype = self.g.dtype(x.value);
        let axes: Vec<usize> = match self.d.below(4) {
            0 => (0..rank).collect(),
            1 if rank > 0 => vec![self.d.below(rank)],
            _ => (0..rank).filter(|_| self.d.chance(0.5)).collect(),
        };
        let count: usize = axes.iter().map(|axis| dims[*axis]).product();
        let keep_dims = self.d.chance(0.3);
        if dtype == DType::Bool {
            let kind = self.d.pick(&[ReduceKind::Any, ReduceKind::All]);
            let y = self.g.reduce(kind, x.value, &axes, keep_dims);
            return self.add_item(y, 1.0, true);
        }
        match self.d.below(8) {
            0 if rank > 0 && x.exact => {
                let axis = self.d.below(rank);
                if dims[axis] > 0 {
                    let y = if self.d.chance(0.5) { self.g.argmax(x.value, axis) } else { self.g.argmin(x.value, axis) };
                    self.add_item(y, dims[axis] as f64, true);
                }
            }
            0 | 1 if count > 0 => {
                let kind = self.d.pick(&[ReduceKind::Max, ReduceKind::Min]);
                let y = self.g.reduce(kind, x.value, &axes, keep_dims);
                self.add_item(y, x.bound, x.exact);
            }
            2 if !dtype.is_float() || count < 40 => {
                let x = if dtype.is_float() { self.g.cos(x.value) } else { x.value };
                let y = self.g.prod(x, &axes, keep_dims);
                self.add_item(y, 1.0, false);
            }
            3 | 4 if dtype.is_float() && count > 0 => {
                let y = self.g.mean(x.value, &axes, keep_dims);
                // The sum before the division is what errors are relative to.
                self.bound = self.bound.max(x.bound * count as f64);
                self.add_item(y, x.bound, false);
            }
            _ => {
                let y = self.g.sum(x.value, &axes, keep_dims);
                self.add_item(y, x.bound * count as f64, false);
            }
        }
    }

    fn softmax(&mut self) {
        let Some(x) = self.pick(|this, item| this.g.dtype(item.value) == this.float && this.g.rank(item.value) > 0) else { return };
        let rank = self.g.rank(x.value);
        let axis = self.d.below(rank);
        if self.g.dims(x.value)[axis] == 0 {
            return;
        }
        let y = match self.d.below(3) {
            0 => self.g.softmax(x.value, axis),
            1 => self.g.log_softmax(x.value, axis),
            _ => self.g.logsumexp(x.value, &[axis], self.d.chance(0.5)),
        };
        self.add_item(y, 2.0 * x.bound + 10.0, false);
    }

    fn matmul(&mut self) {
        let dtype = if self.d.chance(0.8) { self.float } else { self.d.pick(&[DType::I64, DType::I32, DType::U8]) };
        let found = self.pick(|this, item| this.g.dtype(item.value) == dtype && this.g.rank(item.value) >= 2);
        let a = match found {
            Some(a) => a,
            None => {
                let dims: Vec<usize> = (0..2).map(|_| self.d.pick(&self.sizes)).collect();
                self.leaf(dtype, &dims)
            }
        };
        let dims = self.g.dims(a.value);
        let rank = dims.len();
        let (transpose_a, transpose_b) = (self.d.chance(0.3), self.d.chance(0.3));
        let k = if transpose_a { dims[rank - 2] } else { dims[rank - 1] };
        let n = self.d.pick(&self.sizes);
        let mut others = dims[..rank - 2].to_vec();
        others.extend(if transpose_b { [n, k] } else { [k, n] });
        if others.iter().product::<usize>() > 40_000 {
            return;
        }
        let found = self.pick(|this, item| this.g.dtype(item.value) == dtype && this.g.dims(item.value) == others);
        let b = match found {
            Some(b) => b,
            None => self.leaf(dtype, &others),
        };
        let y = self.g.product(a.value, b.value, transpose_a, transpose_b);
        self.add_item(y, a.bound * b.bound * k as f64, false);
    }

    fn index(&mut self) {
        let Some(x) = self.pick(|this, item| this.g.rank(item.value) > 0) else { return };
        let dims = self.g.dims(x.value);
        let axis = self.d.below(dims.len());
        let size = dims[axis];
        let index_dims: Vec<usize> = match self.d.below(3) {
            0 => Vec::new(),
            1 => vec![1 + self.d.below(6)],
            _ => vec![2, 1 + self.d.below(3)],
        };
        let count: usize = index_dims.iter().product();
        if size == 0 || dims.len() - 1 + index_dims.len() > 5 {
            return;
        }
        let numbers: Vec<f64> = self.d.many(count, -(size as f64), size as f64).into_iter().map(f64::floor).collect();
        let dtype = self.d.pick(&[DType::I32, DType::I64]);
        let indices = tensor(dtype, &index_dims, &numbers);
        let indices = if self.d.chance(0.5) {
            let value = self.g.input(Type::new(dtype, *indices.shape()));
            self.inputs.push(indices);
            value
        } else {
            self.g.constant(&indices)
        };
        let gathered = self.g.gather(x.value, indices, axis);
        if self.d.chance(0.5) {
            return self.add_item(gathered, x.bound, x.exact);
        }
        if self.g.dtype(x.value) != DType::Bool {
            let y = self.g.scatter_add(x.value, indices, gathered, axis);
            self.add_item(y, x.bound * (1.0 + count as f64), false);
        }
    }

    fn random_or_state(&mut self) {
        let dims = self.dims();
        let generator = self.generator.clone();
        match self.d.below(6) {
            0 => {
                let y = self.g.random_uniform(self.float, &dims, &generator);
                self.add_item(y, 1.0, self.float != DType::F16 && self.float != DType::BF16);
            }
            1 => {
                let y = self.g.random_normal(self.float, &dims, &generator);
                self.add_item(y, 7.0, false);
            }
            2 => {
                let y = self.g.random_bernoulli(0.3, &dims, &generator);
                self.add_item(y, 1.0, true);
            }
            3 if !dims.is_empty() => {
                let dtype = self.d.pick(&[self.float, DType::I64, DType::I32, DType::U8]);
                let axis = self.d.below(dims.len());
                let y = self.g.iota(dtype, &dims, axis);
                self.add_item(y, dims[axis] as f64, true);
            }
            _ => self.assign_one(),
        }
    }
    /// Gives a variable a new value; later reads see it.
    fn assign_one(&mut self) {
        if self.variables.is_empty() {
            return;
        }
        let variable = self.variables[self.d.below(self.variables.len())].clone();
        let ty = variable.ty();
        let dims = ty.shape.dims().to_vec();
        let old = self.g.read(&variable);
        let found = self.pick(|this, item| this.g.ty(item.value) == ty);
        let value = match (self.d.below(8), found) {
            (0, _) if dims.len() == 2 && dims[0] == dims[1] => self.g.transpose(old, &[1, 0]),
            (1, _) if !dims.is_empty() => self.g.reverse(old, &[0]),
            (2, _) if dims.len() > 1 => {
                // Rows moved by one: what is read lies beside what is written.
                let head = self.g.narrow(old, 0, 0, dims[0].min(1));
                let tail = self.g.narrow(old, 0, dims[0].min(1), dims[0] - dims[0].min(1));
                self.g.concat(&[tail, head], 0)
            }
            (3, _) if ty.dtype.is_float() && !dims.is_empty() => {
                let sum = self.g.mean(old, &[0], true);
                let scaled = self.g.mul_scalar(old, 0.5);
                self.g.add(scaled, sum)
            }
            (4, _) if ty.dtype.is_float() => self.g.mul_scalar(old, 0.9),
            (_, Some(found)) => found.value,
            _ if ty.dtype == DType::Bool => self.g.push(Op::Unary(Unary::Not), &[old]),
            _ => self.g.abs(old),
        };
        if self.g.contains(value) {
            self.g.assign(&variable, value);
        }
    }

    fn finish(mut self) -> Case {
        for _ in 0..self.d.below(3) {
            self.assign_one();
        }
        // Two variables that change places.
        if self.d.chance(0.3) {
            let (i, j) = (self.d.below(self.variables.len().max(1)), self.d.below(self.variables.len().max(1)));
            if i != j && self.variables[i].ty() == self.variables[j].ty() {
                self.swap(i, j);
            } else if let Some(first) = self.variables.first().cloned() {
                let Type { dtype, shape } = first.ty();
                let twin = self.numbers(dtype, shape.dims());
                self.variables.push(Variable::new("twin", twin));
                self.swap(0, self.variables.len() - 1);
            }
        }
        let mut outputs = Vec::new();
        for _ in 0..1 + self.d.below(5) {
            let last = self.items.len() - 1;
            let item = if self.d.chance(0.6) { last - self.d.below(last.min(4) + 1) } else { self.d.below(last + 1) };
            outputs.push(self.items[item].value);
        }
        if self.d.chance(0.2) {
            outputs.push(outputs[0]);
        }
        if self.d.chance(0.3) {
            // What an assigned variable ends up with is an output too.
            let assigned = self.g.graph().assignments.clone();
            if !assigned.is_empty() {
                outputs.push(assigned[self.d.below(assigned.len())].1);
            }
        }
        let graph = self.g.finish(&outputs).expect("the graph was recorded without errors");
        Case { graph, inputs: self.inputs, magnitude: self.bound }
    }
    fn swap(&mut self, i: usize, j: usize) {
        let (a, b) = (self.variables[i].clone(), self.variables[j].clone());
        let (old_a, old_b) = (self.g.read(&a), self.g.read(&b));
        self.g.assign(&a, old_b);
        self.g.assign(&b, old_a);
    }
}

/// Primitives by name of the enum, broadcast first.
trait Primitives {
    fn push_binary(&mut self, op: Binary, a: Value, b: Value) -> Value;
    fn push_rem(&mut self, a: Value, b: Value) -> Value;
    fn push_pow(&mut self, a: Value, b: Value) -> Value;
}

impl Primitives for Trace {
    fn push_binary(&mut self, op: Binary, a: Value, b: Value) -> Value {
        let (dims_a, dims_b) = (self.dims(a), self.dims(b));
        let rank = dims_a.len().max(dims_b.len());
        let size = |dims: &[usize], axis: usize| if axis + dims.len() >= rank { dims[axis + dims.len() - rank] } else { 1 };
        let dims: Vec<usize> =
            (0..rank).map(|axis| if size(&dims_a, axis) == 1 { size(&dims_b, axis) } else { size(&dims_a, axis) }).collect();
        let (a, b) = (self.broadcast_to(a, &dims), self.broadcast_to(b, &dims));
        self.push(Op::Binary(op), &[a, b])
    }
    fn push_rem(&mut self, a: Value, b: Value) -> Value {
        self.push_binary(Binary::Rem, a, b)
    }
    fn push_pow(&mut self, a: Value, b: Value) -> Value {
        self.push_binary(Binary::Pow, a, b)
    }
}
