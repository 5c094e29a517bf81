//! The `file` sink.
