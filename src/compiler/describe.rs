//! A plan as text: what a person reads to see what was fused.
