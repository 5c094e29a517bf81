//! Lists and maps of state, written with the SDK: rows are commands to the shelves of their key.
//!
//! `tests/keyed` runs it in the engine, and the SDK's own tests in their harness, both beside `tests/keyed/shelf.rs`, which states the same
//! with the collections of `std`. What a command reads leaves as one number, so that order matters.

use pelton_guest::prelude::*;

#[derive(Row)]
pub struct Order<'a> {
    command: &'a str,
    x: i64,
}

#[derive(Row)]
pub struct Seen<'a> {
    what: &'a str,
    n: i64,
}

#[derive(State, Clone)]
pub struct Item {
    x: i64,
    label: String,
    note: Option<i64>,
}

#[derive(Subkey, Clone)]
pub struct Place {
    row: i32,
    name: String,
}

fn item(x: i64) -> Item {
    Item { x, label: format!("{x}{}", "~".repeat(x.rem_euclid(9) as usize)), note: (x % 2 == 0).then_some(x) }
}

/// What is left of an item when it comes back: its `x`, if the rest came with it.
fn checked(item: &Item) -> i64 {
    let Item { x, label, note } = item;
    let is_whole = label.trim_end_matches('~') == x.to_string()
        && label.len() == x.to_string().len() + x.rem_euclid(9) as usize
        && *note == (x % 2 == 0).then_some(*x);
    if is_whole { *x } else { i64::MIN }
}

fn place(x: i64) -> Place {
    Place { row: x.rem_euclid(5) as i32 - 2, name: format!("n{}", x.rem_euclid(7)) }
}

/// One number of many, in which their order counts.
fn fold(numbers: impl Iterator<Item = i64>) -> i64 {
    numbers.fold(7, |sum, number| sum.wrapping_mul(31).wrapping_add(number))
}

/// From both ends in turn, so many.
fn from_both_ends(mut numbers: impl DoubleEndedIterator<Item = i64>, count: usize) -> i64 {
    let mut is_front = false;
    let turns = std::iter::from_fn(|| {
        is_front = !is_front;
        if is_front { numbers.next() } else { numbers.next_back() }
    });
    fold(turns.take(count))
}

/// What is in a map's row.
fn row((subkey, item): (i64, Item)) -> i64 {
    subkey.wrapping_mul(1_000).wrapping_add(checked(&item))
}

/// Obeys.
#[keyed]
#[expect(clippy::too_many_arguments, reason = "a test of all of them")]
pub fn shelves(
    _key: (),
    total: &mut Option<i64>,
    orders: Group<Order<'_>>,
    queue: &mut List<Item>,
    numbers: &mut Map<i64, Item>,
    timers: &mut Timers,
    places: &mut Map<Place, i64>,
    out: &mut Out<Seen<'_>>,
    ctx: &Context,
) {
    for order in orders {
        let Order { command, x } = *order;
        let few = x.unsigned_abs() as usize;
        let n = match command {
            "add" => {
                *total = Some(total.unwrap_or_default() + x);
                total.unwrap_or_default()
            }
            "drop" => {
                *total = None;
                0
            }
            "wake" => {
                let wait = x.rem_euclid(4) * 100 + ctx.epoch() as i64;
                timers.set_processing(x.rem_euclid(3) as u32, Timestamp(ctx.now().0 + wait));
                0
            }
            "wake-ms" => {
                timers.set_processing(0, Timestamp(ctx.now().0 + x * 1_000));
                0
            }
            "sleep" => {
                timers.clear(x.rem_euclid(3) as u32);
                0
            }
            _ => match obey_list(command, x, few, queue).or_else(|| obey_map(command, x, few, numbers)) {
                Some(n) => n,
                None => obey_places(command, x, places).unwrap_or(i64::MIN),
            },
        };
        out.emit_from(&order, Seen { what: command, n });
    }
    while let Some(timer) = timers.next_due() {
        out.emit(Seen { what: "woke", n: timer.at.0 });
    }
    if timers.expiring() {
        out.emit(Seen { what: "end", n: queue.len() as i64 });
    }
}

fn obey_list(command: &str, x: i64, few: usize, queue: &mut List<Item>) -> Option<i64> {
    let or_none = |item: Option<Item>| item.map_or(-1_000, |item| checked(&item));
    Some(match command {
        "push" => {
            queue.push(item(x));
            0
        }
        "fill" => {
            (0..x * 5).for_each(|x| queue.push(item(x)));
            queue.len() as i64
        }
        "pop" => or_none(queue.pop_front()),
        "pop-below" => std::iter::from_fn(|| queue.pop_front_if(|item| item.x < x)).count() as i64,
        "keep" => {
            queue.truncate_front(few);
            queue.len() as i64
        }
        "clear-list" => {
            queue.clear();
            i64::from(queue.is_empty())
        }
        "at" => or_none(queue.get(few)),
        "ends" => fold([queue.first(), queue.last()].into_iter().map(or_none)),
        "all" => fold(queue.iter().map(|item| checked(&item))),
        "slice" => fold(queue.range(few..few * 3).map(|item| checked(&item))),
        "slice-back" => fold(queue.range(few..=few * 3).rev().map(|item| checked(&item))),
        "tail" => fold(queue.iter().rev().take(few).map(|item| checked(&item))),
        "both" => from_both_ends(queue.iter().map(|item| checked(&item)), few * 4),
        "len" => queue.len() as i64 * 2 + i64::from(queue.is_empty()),
        _ => return None,
    })
}

fn obey_map(command: &str, x: i64, few: usize, numbers: &mut Map<i64, Item>) -> Option<i64> {
    Some(match command {
        "put" => {
            numbers.put(x, item(x + 1));
            0
        }
        "stock" => {
            (0..x * 5).for_each(|x| numbers.put(x * 7 % 311, item(x)));
            0
        }
        "remove" => {
            numbers.remove(&x);
            i64::from(numbers.contains_key(&x))
        }
        "get" => numbers.get(&x).map_or(-1_000, |item| checked(&item)),
        "map-all" => fold(numbers.iter().map(row)),
        "some" => fold(numbers.range(x..x + 40).map(row)),
        "some-back" => fold(numbers.range(..=x).rev().map(row)),
        "some-after" => {
            use std::ops::Bound::{Excluded, Included};
            fold(numbers.range((Excluded(x), Included(x * 3))).map(row))
        }
        "map-both" => from_both_ends(numbers.range(x..).map(row), few * 4),
        "map-ends" => {
            let ends = [numbers.iter().next(), numbers.iter().next_back()];
            fold(ends.into_iter().map(|end| end.map_or(-1_000, row)))
        }
        "clear-map" => {
            numbers.clear();
            i64::from(numbers.is_empty())
        }
        "map-empty" => i64::from(numbers.is_empty()),
        _ => return None,
    })
}

fn obey_places(command: &str, x: i64, places: &mut Map<Place, i64>) -> Option<i64> {
    let row =
        |(place, x): (Place, i64)| fold([i64::from(place.row), x].into_iter().chain(place.name.bytes().map(i64::from)));
    let first = |row: i32| Place { row, name: String::new() };
    Some(match command {
        "place" => {
            places.put(place(x), x);
            0
        }
        "unplace" => {
            places.remove(&place(x));
            0
        }
        "find" => places.get(&place(x)).unwrap_or(-1_000),
        "row" => fold(places.range(first(place(x).row)..first(place(x).row + 1)).map(row)),
        "from" => fold(places.range(place(x)..).map(row)),
        "last-place" => places.iter().next_back().map_or(-1_000, row),
        _ => return None,
    })
}
