//! Under construction.
pub struct Context;
