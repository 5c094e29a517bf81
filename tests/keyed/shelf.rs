//! What the commands of `tests/guests/shelves` should do to one key, with the collections of `std` and all at once.
//!
//! Shared by the tests in the engine and by those of the SDK, so that both check the same sentences.

use std::collections::{BTreeMap, VecDeque};

/// The more often a command is here, the more often it is drawn.
pub const COMMANDS: [&str; 47] = [
    "add",
    "drop",
    "push",
    "push",
    "push",
    "push",
    "fill",
    "fill",
    "pop",
    "pop",
    "pop-below",
    "keep",
    "clear-list",
    "at",
    "ends",
    "all",
    "slice",
    "slice-back",
    "tail",
    "both",
    "len",
    "len",
    "put",
    "put",
    "put",
    "stock",
    "stock",
    "remove",
    "remove",
    "get",
    "get",
    "map-all",
    "some",
    "some-back",
    "some-after",
    "map-both",
    "map-ends",
    "clear-map",
    "map-empty",
    "place",
    "place",
    "place",
    "unplace",
    "find",
    "row",
    "from",
    "last-place",
];

/// A key's shelves.
#[derive(Debug, Default, Clone)]
pub struct Shelf {
    pub total: Option<i64>,
    pub queue: VecDeque<i64>,
    pub numbers: BTreeMap<i64, i64>,
    pub places: BTreeMap<(i64, String), i64>,
}

fn fold(numbers: impl IntoIterator<Item = i64>) -> i64 {
    numbers.into_iter().fold(7, |sum, number| sum.wrapping_mul(31).wrapping_add(number))
}

/// First, last, second, last but one …
fn both(mut numbers: VecDeque<i64>, count: usize) -> i64 {
    let mut taken = Vec::new();
    while taken.len() < count && !numbers.is_empty() {
        taken.extend(if taken.len() % 2 == 0 { numbers.pop_front() } else { numbers.pop_back() });
    }
    fold(taken)
}

fn place(x: i64) -> (i64, String) {
    (x.rem_euclid(5) - 2, format!("n{}", x.rem_euclid(7)))
}

impl Shelf {
    pub fn is_empty(&self) -> bool {
        self.total.is_none() && self.queue.is_empty() && self.numbers.is_empty() && self.places.is_empty()
    }

    /// What the command answers; none if there is no such command.
    pub fn obey(&mut self, command: &str, x: i64) -> Option<i64> {
        Some(match command {
            "add" => {
                *self.total.get_or_insert(0) += x;
                self.total.unwrap_or(0)
            }
            "drop" => {
                self.total = None;
                0
            }
            _ => {
                return self
                    .obey_list(command, x)
                    .or_else(|| self.obey_map(command, x))
                    .or_else(|| self.obey_places(command, x));
            }
        })
    }

    fn obey_list(&mut self, command: &str, x: i64) -> Option<i64> {
        let queue = &mut self.queue;
        let few = x.unsigned_abs() as usize;
        let slice = |end: usize| -> Vec<i64> { queue.iter().copied().take(end).skip(few).collect() };
        Some(match command {
            "push" => {
                queue.push_back(x);
                0
            }
            "fill" => {
                queue.extend(0..x * 5);
                queue.len() as i64
            }
            "pop" => queue.pop_front().unwrap_or(-1_000),
            "pop-below" => {
                let count = queue.iter().take_while(|item| **item < x).count();
                queue.drain(..count);
                count as i64
            }
            "keep" => {
                let gone = queue.len().saturating_sub(few);
                queue.drain(..gone);
                queue.len() as i64
            }
            "clear-list" => {
                queue.clear();
                1
            }
            "at" => queue.get(few).copied().unwrap_or(-1_000),
            "ends" => fold([queue.front(), queue.back()].map(|end| end.copied().unwrap_or(-1_000))),
            "all" => fold(queue.iter().copied()),
            "slice" => fold(slice(few * 3)),
            "slice-back" => fold(slice(few * 3 + 1).into_iter().rev()),
            "tail" => fold(queue.iter().rev().take(few).copied()),
            "both" => both(queue.clone(), few * 4),
            "len" => queue.len() as i64 * 2 + i64::from(queue.is_empty()),
            _ => return None,
        })
    }

    fn obey_map(&mut self, command: &str, x: i64) -> Option<i64> {
        let numbers = &mut self.numbers;
        let rows = |is_in: &dyn Fn(i64) -> bool| -> VecDeque<i64> {
            numbers.iter().filter(|(at, _)| is_in(**at)).map(|(at, item)| at * 1_000 + item).collect()
        };
        Some(match command {
            "put" => {
                numbers.insert(x, x + 1);
                0
            }
            "stock" => {
                numbers.extend((0..x * 5).map(|x| (x * 7 % 311, x)));
                0
            }
            "remove" => {
                numbers.remove(&x);
                0
            }
            "get" => numbers.get(&x).copied().unwrap_or(-1_000),
            "map-all" => fold(rows(&|_| true)),
            "some" => fold(rows(&|at| x <= at && at < x + 40)),
            "some-back" => fold(rows(&|at| at <= x).into_iter().rev()),
            "some-after" => fold(rows(&|at| x < at && at <= x * 3)),
            "map-both" => both(rows(&|at| x <= at), x.unsigned_abs() as usize * 4),
            "map-ends" => {
                let all = rows(&|_| true);
                fold([all.front(), all.back()].map(|end| end.copied().unwrap_or(-1_000)))
            }
            "clear-map" => {
                numbers.clear();
                1
            }
            "map-empty" => i64::from(numbers.is_empty()),
            _ => return None,
        })
    }

    fn obey_places(&mut self, command: &str, x: i64) -> Option<i64> {
        let row =
            |((row, name), x): (&(i64, String), &i64)| fold([*row, *x].into_iter().chain(name.bytes().map(i64::from)));
        let here = place(x);
        let places = &mut self.places;
        Some(match command {
            "place" => {
                places.insert(here, x);
                0
            }
            "unplace" => {
                places.remove(&here);
                0
            }
            "find" => places.get(&here).copied().unwrap_or(-1_000),
            "row" => fold(places.iter().filter(|((row, _), _)| *row == here.0).map(row)),
            "from" => fold(places.iter().filter(|(place, _)| **place >= here).map(row)),
            "last-place" => places.iter().next_back().map_or(-1_000, row),
            _ => return None,
        })
    }
}
