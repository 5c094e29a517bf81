//! The keys of `on-trap`, as a table.

use std::time::Duration;

use super::{DAY, Default, Keys, Required, Shape, key};

pub static ON_TRAP: Keys = Keys {
    title: "`on-trap` of an operator, as a table",
    about: "Where there are more poison rows, the module is at fault and not the rows: the epoch is not committed, a job of an engine pauses, and `pelton run` fails.",
    keys: &[
        key(
            "type",
            Shape::Choice(&["skip", "dead-letter"]),
            Required,
            "`skip`: poison rows are counted and forgotten; `dead-letter`: they are kept in the checkpoint, for `pelton dlq`",
        ),
        key("rows", Shape::Integer { min: 0, max: 1_000_000 }, Default("100"), "Poison rows that are borne"),
        key(
            "within",
            Shape::Duration { min: Duration::from_millis(1), max: DAY },
            Default("\"1m\""),
            "The processing time within which they are counted",
        ),
    ],
};
