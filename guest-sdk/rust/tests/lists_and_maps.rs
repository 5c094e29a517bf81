//! Lists and maps of keyed operators in the offline harness, beside the collections of `std`, and what each of their calls answers.
//!
//! `PELTON_SEED` says with which of the random runs to begin, `PELTON_RUNS` how many; a failure prints both.

#[path = "../../../tests/guests/shelves/src/lib.rs"]
mod guest;
#[path = "../../../tests/keyed/shelf.rs"]
mod shelf;

use std::{collections::BTreeMap, env};

use pelton_guest::prelude::*;
use shelf::{COMMANDS, Shelf};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % end
    }
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().expect("a number"))
}

#[test]
fn what_a_function_sees_is_what_it_has_made() {
    let (first, runs) = (number("PELTON_SEED").unwrap_or(1), number("PELTON_RUNS").unwrap_or(40));
    for seed in first..first + runs {
        let again = format!(
            "again: PELTON_SEED={seed} PELTON_RUNS=1 cargo test --release -p pelton-guest --test lists_and_maps made"
        );
        let mut random = Random(seed);
        let mut shelves: BTreeMap<i64, Shelf> = BTreeMap::new();
        let mut test = guest::shelves.key(["key"]).start();
        for _ in 0..random.below(6) + 1 {
            let rows: Vec<(i64, &str, i64)> = (0..random.below(60))
                .map(|_| {
                    let command = COMMANDS[random.below(COMMANDS.len() as u64) as usize];
                    (random.below(3) as i64, command, random.below(80) as i64 - 20)
                })
                .collect();
            let mut expected = Vec::new();
            let mut by_key = rows.clone();
            by_key.sort_by_key(|(key, ..)| *key);
            for (key, command, x) in by_key {
                let n = shelves.entry(key).or_default().obey(command, x).expect("a command");
                expected.push((key, command.to_owned(), n));
            }
            let out = test.rows(rows! {
                key: rows.iter().map(|row| row.0).collect::<Vec<_>>(),
                command: rows.iter().map(|row| row.1).collect::<Vec<_>>(),
                x: rows.iter().map(|row| row.2).collect::<Vec<_>>(),
            });
            let out = out.main();
            let (keys, whats) = (out.column::<i64>("key"), out.column::<String>("what"));
            let mut made: Vec<_> = keys
                .into_iter()
                .zip(whats)
                .zip(out.column::<i64>("n"))
                .map(|((key, what), n)| (key, what, n))
                .collect();
            made.sort_by_key(|(key, ..)| *key);
            assert_eq!(made, expected, "left: the harness's; {again}");
        }
        let queued: usize = shelves.values().map(|shelf| shelf.queue.len()).sum();
        assert_eq!(test.table("queue").len(), queued, "{again}");
        assert_eq!(
            test.table("places").len(),
            shelves.values().map(|shelf| shelf.places.len()).sum::<usize>(),
            "{again}"
        );
        let live = shelves.values().filter(|shelf| !shelf.is_empty()).count();
        assert_eq!(test.expire().main().len(), live, "each key with anything has a last call; {again}");
        assert!(test.table("queue").is_empty() && test.table("numbers").is_empty() && test.table("places").is_empty());
    }
}

#[derive(Row)]
struct User {
    user: i64,
}

#[derive(Row)]
struct Note<'a> {
    text: &'a str,
}

/// Keeps the notes of a user, and no other state.
#[keyed]
fn notes(_user: User, notes: Group<Note<'_>>, kept: &mut List<String>, out: &mut Out<Many>) {
    for note in notes {
        match note.text {
            "forget" => kept.clear(),
            text => kept.push(text.to_owned()),
        }
    }
    out.emit(Many { many: kept.len() as i64 });
}

#[derive(Row)]
struct Many {
    many: i64,
}

#[test]
fn a_function_may_keep_a_list_and_no_state() {
    let mut test = notes.key(["user"]).start();
    let out = test.rows(rows! { user: [1_i64, 1, 2], text: ["a", "b", "c"] });
    assert_eq!(out.main(), &rows! { user: [1, 2], many: [2, 1] });
    assert_eq!(test.table("kept"), rows! { user: [1, 1, 2], position: [0, 1, 0], value: ["a", "b", "c"] });
    let out = test.rows(rows! { user: [1_i64, 1], text: ["forget", "d"] });
    assert_eq!(out.main(), &rows! { user: [1], many: [1] });
    assert_eq!(test.table("kept").column::<String>("value"), ["d", "c"]);
    let contract = notes.key(["user"]).contract(&rows! { user: [1_i64], text: ["a"] });
    let [table] = contract.state.as_slice() else { panic!("one table") };
    assert_eq!(table.name, "kept");
}

#[test]
fn the_contract_has_the_tables_by_the_names_of_their_arguments() {
    let contract = guest::shelves.key(["key"]).contract(&rows! { key: [1], command: ["len"], x: [1_i64] });
    let shown: Vec<String> = contract
        .state
        .iter()
        .map(|table| {
            let columns = |fields: &[pelton_guest::bindings::Field]| {
                let shown = |field: &pelton_guest::bindings::Field| {
                    format!("{}:{}{}", field.name, field.format, if field.nullable { "?" } else { "" })
                };
                fields.iter().map(shown).collect::<Vec<_>>().join(" ")
            };
            format!("{} {} -> {}", table.name, columns(&table.subkey), columns(&table.values))
        })
        .collect();
    assert_eq!(
        shown,
        [
            "state  -> value:l?",
            "queue position:l -> x:l label:u note:l?",
            "numbers key:l -> x:l label:u note:l?",
            "places row:i name:u -> value:l",
        ]
    );
}

#[derive(Subkey, Clone)]
struct Day {
    day: Date,
    open: bool,
}

#[derive(State, Clone)]
struct Hours {
    day: i64,
}

#[keyed]
fn same_names(_user: User, _notes: Group<()>, _days: &mut Map<Day, Hours>, _out: &mut Out<Many>) {}

#[test]
fn a_subkey_and_a_value_of_one_name_are_refused() {
    let why = same_names.key(["user"]).refusal(&rows! { user: [1_i64] });
    assert!(why.starts_with("state table `days` would have two columns `day`"), "{why}");
}

#[derive(Row)]
struct Sold<'a> {
    key: &'a str,
    total: i64,
}

/// Each kind of subkey in a table of its own.
#[keyed]
#[expect(clippy::too_many_arguments, reason = "a test of many types")]
fn kinds(
    _user: User,
    rows: Group<Note<'_>>,
    bools: &mut Map<bool, f64>,
    bytes: &mut Map<Vec<u8>, Vec<u8>>,
    days: &mut Map<Day, Date>,
    times: &mut Map<Timestamp, bool>,
    money: &mut Map<Decimal<5, 2>, Decimal<9, 3>>,
    small: &mut Map<u8, f32>,
    out: &mut Out<Sold<'_>>,
) {
    for row in rows {
        for at in 0..40_u8 {
            bools.put(at % 2 == 0, f64::from(at) / 4.0);
            bytes.put(vec![255, at, 0], vec![at; usize::from(at)]);
            days.put(Day { day: Date(20 - i32::from(at)), open: at % 3 == 0 }, Date(at.into()));
            times.put(Timestamp(-i64::from(at)), at < 7);
            money.put(Decimal(i128::from(at) - 20), Decimal(i128::from(at) << 3));
            small.put(at, f32::from(at) + 0.5);
        }
        // From the state of the call before, if it is the second row.
        let mut note = |key, total| out.emit_from(&row, Sold { key, total });
        note("bools", bools.range(true..).map(|(_, quarter)| (quarter * 4.0) as i64).sum());
        note("bytes", bytes.range(vec![255, 37]..).map(|(key, value)| (key.len() + value.len()) as i64).sum());
        let from = Day { day: Date(0), open: false };
        note("days", days.range(..from).next_back().map_or(0, |(day, at)| i64::from(day.day.0 * 100 + at.0)));
        note("times", times.iter().rev().take_while(|(_, is_early)| *is_early).map(|(at, _)| at.0).sum());
        note("money", money.range(Decimal(-1)..=Decimal(1)).map(|(key, value)| (key.0 + value.0) as i64).sum());
        note("small", small.range(250..).count() as i64 + small.get(&39).map_or(0, |half| (half * 2.0) as i64));
    }
}

#[test]
fn subkeys_and_values_of_every_type_come_back_in_order() {
    let mut test = kinds.key(["user"]).start();
    let whole = [38, 3 + 37 + 3 + 38 + 3 + 39, -100 + 21, -21, (20 << 3) * 3, 79];
    for _ in 0..2 {
        let out = test.rows(rows! { user: [1_i64], text: ["go"] });
        assert_eq!(out.main().column::<i64>("total"), whole);
    }
    assert_eq!(test.table("bools"), rows! { user: [1, 1], key: [false, true], value: [9.75, 9.5] });
}
