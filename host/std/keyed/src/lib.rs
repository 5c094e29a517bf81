//! The keyed operator that is shipped inside Pelton: `std:dedup`, the first row of each key.
//!
//! An ordinary module, written with the SDK that anybody uses and run in the same sandbox. It reads no column and has no option: what
//! makes two rows the same is the operator's `key`, and how long a key is remembered is its `state.ttl`. What a job says is in
//! the host's catalog (`host/src/standard/catalog`, docs/std.md).

use pelton_guest::prelude::*;

/// A key that came before. The host drops it with the key's time to live.
#[derive(State)]
pub struct Seen {
    seen: bool,
}

/// Lets the first row of each key pass, with all its columns, and drops the others.
#[keyed(pass = all)]
pub fn dedup(_key: (), seen: &mut Option<Seen>, mut rows: Group<()>, out: &mut Out<()>) {
    if seen.is_none()
        && let Some(first) = rows.next()
    {
        out.emit_from(&first, ());
        *seen = Some(Seen { seen: true });
    }
}
