//! Counts the rows of a key on both sides, and minds a -7 on the left. Run by tests/poison.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Key {
    key: i64,
}

#[derive(Row)]
struct Read {
    x: i64,
}

#[derive(Row)]
struct Made {
    left: i64,
    right: i64,
    sum: i64,
}

#[cogroup]
fn touchy_pairs(key: Key, left: Group<Read>, right: Group<Read>, out: &mut Joined<Made>) {
    let mut made = Made { left: 0, right: 0, sum: 0 };
    for row in left {
        assert!(row.x != -7, "nobody thought of -7 of {}", key.key);
        made.left += 1;
        made.sum += row.x;
    }
    for row in right {
        made.right += 1;
        made.sum += row.x;
    }
    out.emit(made);
}
