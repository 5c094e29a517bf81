//! The job graph.
