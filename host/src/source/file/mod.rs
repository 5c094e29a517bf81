//! The `file` source.

pub mod bytes;
pub mod columns;
pub mod ipc;
pub mod lines;
pub mod listing;
pub mod parquet;
