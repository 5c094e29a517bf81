//! The answer of a call, put together row by row.

use crate::{
    bindings::{
        exports::pelton::operator::keyed::{Change, KeyedEmitted, KeyedOutput, TimerChanges, Timers},
        pelton::operator::types::{Rejection, Table},
    },
    contract::{LIST, MAP, TOTAL},
    table,
};

pub const NO_ORIGIN: u32 = u32::MAX;

const PUT: u8 = 0;
const DELETE: u8 = 1;
const APPEND: u8 = 2;

#[derive(Default)]
pub struct Answer {
    /// key, origin, what, n
    out: Vec<(u32, u32, &'static str, i64)>,
    /// key, origin
    pushed: Vec<(u32, u32)>,
    /// kind, key, total
    totals: Vec<(u8, u32, Option<i64>)>,
    /// kind, key, at, x
    list: Vec<(u8, u32, i64, i64)>,
    /// kind, key, rest, x
    map: Vec<(u8, u32, String, i64)>,
    /// key, id, at, cleared
    timers: Vec<(u32, u32, i64, u8)>,
    rejected: Vec<Rejection>,
}

impl Answer {
    pub fn emit(&mut self, key: u32, origin: u32, what: &'static str, n: i64) {
        self.out.push((key, origin, what, n));
    }

    pub fn pushed(&mut self, key: u32, origin: u32) {
        self.pushed.push((key, origin));
    }

    pub fn total(&mut self, key: u32, total: Option<i64>) {
        self.totals.push((if total.is_some() { PUT } else { DELETE }, key, total));
    }

    pub fn push(&mut self, key: u32, x: i64) {
        self.list.push((APPEND, key, -1, x));
    }

    pub fn pull(&mut self, key: u32, at: i64) {
        self.list.push((DELETE, key, at, -1));
    }

    pub fn put(&mut self, key: u32, rest: &str, x: i64) {
        self.map.push((PUT, key, rest.to_owned(), x));
    }

    pub fn remove(&mut self, key: u32, rest: &str) {
        self.map.push((DELETE, key, rest.to_owned(), -1));
    }

    pub fn timer(&mut self, key: u32, id: u32, at: i64) {
        self.timers.push((key, id, at, 0));
    }

    pub fn clear(&mut self, key: u32, id: u32) {
        self.timers.push((key, id, 0, 1));
    }

    pub fn reject(&mut self, row: u32, reason: String) {
        self.rejected.push(Rejection { row, reason });
    }

    pub fn into_output(self) -> KeyedOutput {
        let what = table::text_node(self.out.iter().map(|(_, _, what, _)| *what));
        let n = table::number_node(&self.out.iter().map(|(.., n)| Some(*n)).collect::<Vec<_>>());
        let out = KeyedEmitted {
            port: 0,
            key: words(self.out.iter().map(|(key, ..)| *key)),
            origin: Some(words(self.out.iter().map(|(_, origin, ..)| *origin))),
            time: None,
            computed: Table { rows: self.out.len() as u32, nodes: vec![what, n] },
        };
        let pushed = KeyedEmitted {
            port: 1,
            key: words(self.pushed.iter().map(|(key, _)| *key)),
            origin: Some(words(self.pushed.iter().map(|(_, origin)| *origin))),
            time: None,
            computed: Table { rows: self.pushed.len() as u32, nodes: vec![] },
        };
        let timers = TimerChanges {
            timers: Timers {
                key: words(self.timers.iter().map(|(key, ..)| *key)),
                ids: words(self.timers.iter().map(|(_, id, ..)| *id)),
                at: self.timers.iter().flat_map(|(_, _, at, _)| at.to_le_bytes()).collect(),
                clock: vec![0; self.timers.len()],
            },
            cleared: self.timers.iter().map(|(.., cleared)| *cleared).collect(),
        };
        let (totals, list, map) = (self.totals, self.list, self.map);
        let changes = [
            change(TOTAL, totals.iter().map(|(kind, key, _)| (*kind, *key)), {
                vec![table::number_node(&totals.iter().map(|(.., total)| *total).collect::<Vec<_>>())]
            }),
            change(LIST, list.iter().map(|(kind, key, ..)| (*kind, *key)), {
                let at = list.iter().map(|(_, _, at, _)| Some(*at)).collect::<Vec<_>>();
                let x = list.iter().map(|(.., x)| Some(*x)).collect::<Vec<_>>();
                vec![table::number_node(&at), table::number_node(&x)]
            }),
            change(MAP, map.iter().map(|(kind, key, ..)| (*kind, *key)), {
                let x = map.iter().map(|(.., x)| Some(*x)).collect::<Vec<_>>();
                vec![table::text_node(map.iter().map(|(_, _, rest, _)| rest.as_str())), table::number_node(&x)]
            }),
        ];
        KeyedOutput { emitted: vec![out, pushed], changes: changes.into(), timers, rejected: self.rejected }
    }
}

fn words(words: impl Iterator<Item = u32>) -> Vec<u8> {
    words.flat_map(u32::to_le_bytes).collect()
}

fn change(
    table: u32,
    rows: impl Iterator<Item = (u8, u32)>,
    nodes: Vec<crate::bindings::pelton::operator::types::Node>,
) -> Change {
    let (kind, keys): (Vec<u8>, Vec<u32>) = rows.unzip();
    Change { table, key: words(keys.iter().copied()), rows: Table { rows: kind.len() as u32, nodes }, kind }
}
