//! The one place that loads native code, and the only unsafe code of the host.
//!
//! Called by the compile cache alone, with bytes whose keyed hash it has just verified.

use wasmtime::{Engine, component::Component};

/// Compiled code that this host made with a compatible engine: only [`crate::cache`] can vouch for it.
pub(crate) struct Verified<'a>(pub(crate) &'a [u8]);

#[expect(unsafe_code, reason = "deserialising compiled code is the purpose of this file")]
pub(crate) fn load(engine: &Engine, code: &Verified<'_>) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` requires bytes that `Component::serialize` made and nobody changed. The cache writes
    // nothing else, and a `Verified` is only made after the BLAKE3 hash of these bytes, keyed with a secret that
    // this host made for itself and that only its user can read, has been compared. wasmtime checks version and
    // configuration by itself.
    unsafe { Component::deserialize(engine, code.0) }
}
