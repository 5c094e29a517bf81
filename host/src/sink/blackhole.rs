//! The `blackhole` sink.
