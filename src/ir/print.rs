//! A graph as text that a person can read.
