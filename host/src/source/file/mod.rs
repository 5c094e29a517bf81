//! The `file` source.

pub mod ipc;
pub mod json;
pub mod lines;
pub mod newline;
pub mod parquet;
pub mod text;
