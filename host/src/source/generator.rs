//! The `generator` source.
