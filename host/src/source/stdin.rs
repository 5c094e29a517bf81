//! The `stdin` source.
