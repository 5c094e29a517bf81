//! The `print` sink.
