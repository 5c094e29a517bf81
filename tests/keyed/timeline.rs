//! A timeline: how a keyed operator is set up, and what comes to it in each epoch. All of it is drawn from one seed.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::shelf;

/// The module, which decides what commands there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guest {
    /// Written against `wit/`.
    Ledger,
    /// Written with the SDK.
    Shelves,
    /// `std:dedup`, for which all rows are alike but in their key.
    Dedup,
}

/// The columns that make the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyForm {
    Number,
    Text,
    NullableText,
    Both,
    /// All rows are one group.
    None,
}

#[derive(Debug, Clone)]
pub struct Timeline {
    pub guest: Guest,
    pub key: KeyForm,
    pub partitions: u16,
    pub rows_max: usize,
    /// In µs.
    pub ttl: Option<i64>,
    pub lateness: Option<i64>,
    pub idle_keys: bool,
    pub epochs: Vec<Epoch>,
}

#[derive(Debug, Clone)]
pub struct Epoch {
    /// What it has reached when it closes; the last one's is the end of the input.
    pub watermark: i64,
    pub now: i64,
    /// Each a batch of a task.
    pub batches: Vec<Vec<Row>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub number: i64,
    /// Null for every tenth number, where the key takes nulls.
    pub text: Option<String>,
    /// In µs.
    pub time: Option<i64>,
    pub command: &'static str,
    pub x: i64,
}

/// The more often a command is here, the more often it is drawn.
const COMMANDS: [&str; 16] = [
    "add", "add", "add", "drop", "push", "push", "push", "pull", "sum", "put", "put", "remove", "some", "set", "set",
    "clear",
];

impl Timeline {
    pub fn random(guest: Guest, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let random = &mut random;
        let keys = *[1, 3, 20, 100].choose(random).expect("four");
        let forms: &[KeyForm] = match guest {
            Guest::Ledger => &[KeyForm::Number, KeyForm::Text, KeyForm::NullableText, KeyForm::Both, KeyForm::None],
            // The SDK takes no operator without a key.
            Guest::Shelves | Guest::Dedup => &[KeyForm::Number, KeyForm::Text, KeyForm::NullableText, KeyForm::Both],
        };
        let key = *forms.choose(random).expect("some");
        let epochs = random.random_range(1..8);
        let mut watermark = i64::MIN;
        let mut time = 1_000;
        let epochs = (0..epochs).map(|number| {
            let batches = (0..random.random_range(0..4)).map(|_| {
                let rows = *[0, 1, 5, 40].choose(random).expect("four");
                (0..rows).map(|_| row(random, guest, key, keys, &mut time)).collect()
            });
            let batches = batches.collect();
            if random.random_bool(0.8) {
                watermark = watermark.max(time - 60);
            }
            let watermark = if number + 1 == epochs { i64::MAX } else { watermark };
            Epoch { watermark, now: 5_000_000 + number * 100, batches }
        });
        let epochs = epochs.collect();
        Self {
            guest,
            key,
            partitions: random.random_range(1..6),
            rows_max: *[1, 2, 7, 8192].choose(random).expect("four"),
            ttl: random.random_bool(0.5).then(|| random.random_range(1..400)),
            lateness: random.random_bool(0.3).then(|| random.random_range(0..40)),
            idle_keys: random.random_bool(0.2),
            epochs,
        }
    }

    /// The same rows in other epochs: those cut after so many batches.
    pub fn folds_only(seed: u64, batches_per_epoch: usize) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let random = &mut random;
        let mut time = 1_000;
        let batches: Vec<Vec<Row>> = (0..24)
            .map(|_| {
                (0..30)
                    .map(|_| {
                        let mut row = row(random, Guest::Ledger, KeyForm::Number, 17, &mut time);
                        row.time = Some(time);
                        row.command = ["add", "push", "sum", "put", "some", "drop"].choose(random).expect("six");
                        row
                    })
                    .collect()
            })
            .collect();
        let parts: Vec<_> = batches.chunks(batches_per_epoch).collect();
        let last = parts.len() - 1;
        let epochs = parts.into_iter().enumerate().map(|(number, batches)| Epoch {
            watermark: if number == last { i64::MAX } else { i64::MIN },
            now: 0,
            batches: batches.to_vec(),
        });
        let epochs = epochs.collect();
        Self {
            guest: Guest::Ledger,
            key: KeyForm::Number,
            partitions: 4,
            rows_max: 64,
            ttl: None,
            lateness: None,
            idle_keys: false,
            epochs,
        }
    }
}

fn row(random: &mut StdRng, guest: Guest, key: KeyForm, keys: i64, time: &mut i64) -> Row {
    *time += random.random_range(0..12);
    let number = random.random_range(0..keys);
    let is_null = key == KeyForm::NullableText && number % 10 == 0;
    let command = match (guest, random.random_range(0..50)) {
        (Guest::Dedup, _) => "row",
        (Guest::Ledger, 0) => "reject",
        (Guest::Ledger, 1 | 2) => "set-past",
        (Guest::Ledger, _) => COMMANDS.choose(random).expect("some"),
        (Guest::Shelves, 0..4) => ["wake", "wake", "sleep"].choose(random).expect("three"),
        (Guest::Shelves, _) => shelf::COMMANDS.choose(random).expect("some"),
    };
    Row {
        number,
        text: (!is_null).then(|| format!("key {}", number / 2)),
        time: match random.random_range(0..100) {
            0 => None,
            1 => Some(i64::MAX),
            _ => Some(*time - random.random_range(0..80)),
        },
        command,
        x: random.random_range(-20..60),
    }
}
