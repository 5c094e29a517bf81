//! Breaks `after-others`: the batch that it saw before changes the rows of the next. Run by tests/laws.rs.

use std::cell::Cell;

use pelton_guest::prelude::*;

thread_local! {
    static BEFORE: Cell<Option<u64>> = const { Cell::new(None) };
}

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Row)]
struct Made {
    follows: bool,
}

#[transform(columns)]
fn remembers(read: ReadColumns<'_>, ctx: &Context) -> Emit<MadeValues> {
    let first = ctx.at(0).row();
    let follows = BEFORE.replace(Some(first)).is_some_and(|before| before != first);
    Emit::every_row(MadeValues { follows: read.n.iter().map(|_| follows).collect() })
}
