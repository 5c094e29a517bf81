//! The keyed operators: `host/std/keyed`.

use super::{Function, ModuleKind};

/// All of them, by name.
pub(super) const FUNCTIONS: &[Function] = &[Function {
    summary: "the first row of each key; later ones are dropped",
    makes: "the input's columns",
    arguments: &[],
    example: r#"module = "std:dedup"
key = ["order"]
state = { ttl = "1h" }"#,
    notes: "The first in the order in which rows came. The operator's `key` says what makes two rows the same; null is a key like any other. \
            A key is remembered until its time to live ends, which begins anew with each of its rows, duplicate or not: with \
            `state = { ttl = \"1h\" }`, until an epoch ends with the watermark an hour past its last row (a row of the key in that same epoch still counts as a duplicate). Without a `ttl` it is remembered for ever, and \
            state grows with the number of keys. A row that comes so late that its key was forgotten counts as new: \
            `state = { ttl = \"1h\", lateness = \"0s\" }` sends rows behind the watermark to `NAME.late` instead. \
            With all columns in `key` what leaves is [distinct rows](std.md#distinct-rows).",
    ..Function::new("dedup", ModuleKind::Keyed)
}];
