//! The `file` source.

pub mod ipc;
pub mod lines;
pub mod parquet;
