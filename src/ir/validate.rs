//! Checks that a graph is well formed.
use crate::error::Result;
use crate::ir::Graph;
pub fn validate(_graph: &Graph) -> Result<()> {
    Ok(())
}
