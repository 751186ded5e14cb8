//! Chapter: attention.

use crate::capi::arguments::{CBool, init_options, options, read_options};
use crate::capi::error::{TenonStatus, boundary_status};
use crate::capi::generator::TenonGenerator;
use crate::capi::graph::{TenonGraph, TenonValue};
use crate::capi::handle::Handle;
use crate::capi::ops_random::generator_of;
use crate::capi::record::try_record;
use crate::error::Result;
use crate::ir::Value;
use crate::ops::{AttentionOptions, Trace};

/// Options of tenon_scaled_dot_product_attention.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonScaledDotProductAttentionOptions {
    /// sizeof(TenonScaledDotProductAttentionOptions), set by tenon_scaled_dot_product_attention_options_init.
    pub struct_size: usize,
    /// Query t sees the keys 0 to t alone, also where there are more or fewer keys than queries. Joins with a mask. Default:
    /// false.
    pub causal: CBool,
    /// Key and value may have fewer heads (the dimension before the last two) than the query; neighbouring heads of the
    /// query share one of theirs. Default: false.
    pub enable_gqa: CBool,
    /// The factor of the scores; 0 stands for 1 / sqrt(E). Default: 0.
    pub scale: f64,
    /// The share of the weights that is set to 0 while the others grow by 1 / (1 - share), at least 0 and below 1. It is for
    /// training: nothing switches it off. Default: 0.
    pub dropout: f64,
    /// What the dropout draws from, a word for each weight; zero stands for the context's own. It moves on when the program
    /// has run. Default: zero.
    pub generator: TenonGenerator,
}
options!(TenonScaledDotProductAttentionOptions { causal, enable_gqa, scale, dropout, generator } | _options | {});

/// Fills options with the defaults. `size` is sizeof(TenonScaledDotProductAttentionOptions). Refuses NULL and a size that is
/// no options struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_scaled_dot_product_attention_options_init(
    options: *mut TenonScaledDotProductAttentionOptions,
    size: usize,
) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// dropout(softmax(scale query key^T + mask)) value: for query [..., T, E], key [..., S, E], and value [..., S, D] a result
/// [..., T, D]. Floats; leading dimensions broadcast, dtypes promote; 16-bit floats are computed in f32. The weights
/// [..., T, S] are never stored, so that memory grows with T + S, for the gradient too.
///
/// The mask broadcasts to [..., T, S]: bool, true where a key takes part (as in PyTorch; in MindSpore's MultiheadAttention
/// true is what does not), or a float that is added to the scores. A mask of all zero bytes, (TenonValue){0}, stands for
/// none. A query that sees no key gets zeros. What is masked should be finite nonetheless. NULL options are the defaults.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_scaled_dot_product_attention(
    query: TenonValue,
    key: TenonValue,
    value: TenonValue,
    mask: TenonValue,
    options: *const TenonScaledDotProductAttentionOptions,
) -> TenonValue {
    const NAME: &str = "scaled_dot_product_attention";
    let graph = TenonGraph::from_id(query.graph);
    let body = |g: &mut Trace, [query, key, value]: [Value; 3], mask: Option<Value>| -> Result<Value> {
        let TenonScaledDotProductAttentionOptions { causal, enable_gqa, scale, dropout, generator, .. } = read_options(options)?;
        let generator = generator_of(graph, generator)?;
        let options = AttentionOptions {
            mask,
            causal: causal.get(),
            scale: (scale != 0.0).then_some(scale),
            dropout: (dropout != 0.0).then_some((dropout, generator.variable())),
            enable_gqa: enable_gqa.get(),
        };
        Ok(g.scaled_dot_product_attention(query, key, value, options))
    };
    if (mask.graph, mask.index, mask.reserved) == (0, 0, 0) {
        try_record(NAME, [query, key, value], |g, operands| body(g, operands, None))
    } else {
        try_record(NAME, [query, key, value, mask], |g, [query, key, value, mask]| body(g, [query, key, value], Some(mask)))
    }
}
