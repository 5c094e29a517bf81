//! One key during one call: its state as the host gave it, and what this call has made of it.

use std::collections::BTreeMap;

use crate::{
    answer::{Answer, NO_ORIGIN},
    bindings::pelton::operator::state,
    command::Command,
    contract::{LIST, MAP},
    table,
};

/// What came with the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub total: Option<i64>,
}

pub struct Key {
    index: u32,
    given: State,
    total: Option<i64>,
    /// Read when they are first needed.
    list: Option<BTreeMap<i64, i64>>,
    map: Option<BTreeMap<String, i64>>,
}

impl Key {
    pub fn new(index: u32, given: State) -> Self {
        Self { index, total: given.total, given, list: None, map: None }
    }

    pub fn obey(&mut self, command: Command, row: u32, x: i64, time: i64, answer: &mut Answer) {
        let timer = x.rem_euclid(3) as u32;
        let rest = x.rem_euclid(5).to_string();
        match command {
            Command::Add => {
                let total = self.total.unwrap_or_default().wrapping_add(x);
                self.total = Some(total);
                answer.emit(self.index, row, "add", total);
            }
            Command::Drop => self.total = None,
            Command::Push => {
                let list = self.list();
                let next = list.last_key_value().map_or(0, |(last, _)| last + 1);
                list.insert(next, x);
                answer.push(self.index, x);
                answer.pushed(self.index, row);
            }
            Command::Pull => {
                self.list().remove(&x);
                answer.pull(self.index, x);
            }
            Command::Sum => {
                let sum = self.list().range(x..).map(|(_, x)| x).sum();
                answer.emit(self.index, row, "sum", sum);
            }
            Command::Put => {
                self.map().insert(rest.clone(), x);
                answer.put(self.index, &rest, x);
            }
            Command::Remove => {
                self.map().remove(&rest);
                answer.remove(self.index, &rest);
            }
            Command::Some => {
                let some: Vec<i64> = self.map().range("1".to_owned().."4".to_owned()).map(|(_, x)| *x).collect();
                answer.emit(self.index, row, "count", some.len() as i64);
                answer.emit(self.index, row, "some", some.iter().sum());
            }
            Command::Set => answer.timer(self.index, timer, time.saturating_add(x)),
            Command::SetPast => answer.timer(self.index, timer, i64::MIN + x.rem_euclid(60)),
            Command::Clear => answer.clear(self.index, timer),
            Command::Reject => answer.reject(row, format!("rejected {x}")),
        }
    }

    /// A timer adds its number, less one hundred, to the total; timer 2 sets timer 0 for a time that has passed.
    pub fn fires(&mut self, id: u32, at: i64, answer: &mut Answer) {
        let total = self.total.unwrap_or_default().wrapping_add(i64::from(id) - 100);
        self.total = Some(total);
        answer.emit(self.index, NO_ORIGIN, "timer", total);
        answer.emit(self.index, NO_ORIGIN, "at", at);
        if id == 2 {
            answer.timer(self.index, 0, at);
        }
    }

    pub fn ends(&mut self, answer: &mut Answer) {
        answer.emit(self.index, NO_ORIGIN, "end", self.total.unwrap_or(-1));
    }

    pub fn idles(&mut self, answer: &mut Answer) {
        answer.emit(self.index, NO_ORIGIN, "idle", self.total.unwrap_or(-1));
    }

    /// The end of the call: the total that it leaves.
    pub fn leave(self, answer: &mut Answer) {
        if self.total != self.given.total {
            answer.total(self.index, self.total);
        }
    }

    fn list(&mut self) -> &mut BTreeMap<i64, i64> {
        let keys = self.index.to_le_bytes();
        self.list.get_or_insert_with(|| {
            // In two ranges, so that both bounds are used.
            let middle = table::one_row(vec![table::number_node(&[Some(3)])]);
            let parts = [
                state::get(LIST, &keys, None, Some(&middle), u32::MAX, false),
                state::get(LIST, &keys, Some(&middle), None, u32::MAX, false),
            ];
            let rows = parts.iter().flat_map(|part| {
                let at = table::numbers(part, 1).unwrap_or_default();
                at.into_iter().flatten().zip(table::numbers(part, 2).unwrap_or_default().into_iter().flatten())
            });
            rows.collect()
        })
    }

    fn map(&mut self) -> &mut BTreeMap<String, i64> {
        let keys = self.index.to_le_bytes();
        self.map.get_or_insert_with(|| {
            let all = state::get(MAP, &keys, None, None, u32::MAX, false);
            let rest = table::texts(&all, 1).unwrap_or_default();
            rest.into_iter().zip(table::numbers(&all, 2).unwrap_or_default().into_iter().flatten()).collect()
        })
    }
}
