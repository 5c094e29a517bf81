//! Breaks `empty`: after a batch without rows it leaves out the first row of the next.

use std::cell::Cell;

use pelton_guest::prelude::*;

thread_local! {
    static WAS_EMPTY: Cell<bool> = const { Cell::new(false) };
}

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Row)]
struct Made {
    same: i64,
}

#[transform(columns)]
fn forgets(read: ReadColumns<'_>) -> Emit<MadeValues> {
    let first = u32::from(WAS_EMPTY.replace(read.n.is_empty()));
    let rows = first..read.n.len() as u32;
    let same = read.n.iter().skip(first as usize).copied().collect();
    Emit::rows(rows.collect::<Vec<u32>>(), MadeValues { same })
}
