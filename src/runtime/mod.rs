//! Running plans.
