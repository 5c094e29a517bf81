//! Random timelines: a join and its epochs, all from one seed.

use pelton_core::job::JoinKind;
use rand::{Rng, SeedableRng, rngs::StdRng};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Interval,
    Windows,
    Sessions,
    Global,
}

/// Numbers of a form, in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Interval { least: i64, most: i64 },
    Windows { length: i64, slide: i64, offset: i64 },
    Sessions { gap: i64 },
    Global,
}

#[derive(Debug)]
pub struct Timeline {
    pub kind: JoinKind,
    pub shape: Shape,
    pub lateness: i64,
    /// Whether `name` is of the key as well as `number`.
    pub by_name: bool,
    pub partitions: u16,
    /// Rows in one batch of the output, at most.
    pub rows_max: usize,
    pub epochs: Vec<Epoch>,
}

#[derive(Debug)]
pub struct Epoch {
    /// Of both inputs, after this epoch.
    pub watermark: i64,
    /// (side, rows), in order.
    pub batches: Vec<(usize, Vec<Row>)>,
}

#[derive(Debug, Clone)]
pub struct Row {
    pub number: Option<i64>,
    pub name: Option<&'static str>,
    pub time: Option<i64>,
    pub id: i64,
}

/// Beyond what the host believes.
pub const ABSURD: [i64; 3] = [i64::MIN, i64::MAX, 253_400_000_000_000_000];

impl Timeline {
    pub fn random(form: Form, seed: u64) -> Self {
        let random = &mut StdRng::seed_from_u64(seed);
        let kinds = [JoinKind::Inner, JoinKind::Left, JoinKind::Right, JoinKind::Full];
        let shape = match form {
            Form::Interval => {
                let least = random.random_range(-20..10);
                Shape::Interval { least, most: least + random.random_range(0..20) }
            }
            Form::Windows => {
                let slide = random.random_range(1..12);
                let length = if random.random() { slide } else { slide + random.random_range(0..15) };
                Shape::Windows { length, slide, offset: random.random_range(0..10) }
            }
            Form::Sessions => Shape::Sessions { gap: random.random_range(1..15) },
            Form::Global => Shape::Global,
        };
        Self {
            kind: kinds[random.random_range(0..4)],
            shape,
            lateness: if form != Form::Global && random.random() { random.random_range(1..25) } else { 0 },
            by_name: random.random_ratio(1, 3),
            partitions: random.random_range(1..=8),
            rows_max: random.random_range(1..20),
            epochs: epochs(random),
        }
    }
}

fn epochs(random: &mut StdRng) -> Vec<Epoch> {
    let base = [0, -40, 1_700_000_000_000_000][random.random_range(0..3)];
    let keys = random.random_range(1..5);
    let (speed, disorder, bound) = (random.random_range(1..6), random.random_range(1..30), random.random_range(0..25));
    let strange = random.random_ratio(1, 3);
    let only = [None, None, None, Some(0), Some(1)][random.random_range(0..5)];
    let mut front = base;
    let mut latest = [i64::MIN; 2];
    let mut id = 0;
    let mut last: Option<Row> = None;
    let count = random.random_range(1..8);
    let epoch = |at: i64| {
        let batches = if random.random_ratio(1, 6) { 0 } else { random.random_range(1..6) };
        let mut batch = |random: &mut StdRng| {
            let side = only.unwrap_or_else(|| random.random_range(0..2));
            let rows = random.random_range(0..10);
            let mut row = |_| {
                front += random.random_range(0..speed);
                if let Some(last) = &last
                    && random.random_ratio(1, 12)
                {
                    return last.clone();
                }
                id += 1;
                let time = front - random.random_range(0..disorder);
                let time = match strange.then(|| random.random_range(0..20)) {
                    Some(0) => None,
                    Some(1) => Some(ABSURD[random.random_range(0..3)]),
                    _ => Some(time),
                };
                let number = (!strange || random.random_ratio(7, 8)).then(|| random.random_range(0..keys));
                let name = [None, Some(""), Some("a"), Some("b")][random.random_range(0..4)];
                let row = Row { number, name, time, id };
                last = Some(row.clone());
                row
            };
            (side, (0..rows).map(&mut row).collect::<Vec<Row>>())
        };
        let batches: Vec<(usize, Vec<Row>)> = (0..batches).map(|_| batch(random)).collect();
        for (side, rows) in &batches {
            let times = rows.iter().filter_map(|row| row.time).filter(|time| !ABSURD.contains(time));
            latest[*side] = times.fold(latest[*side], i64::max);
        }
        let both = if only.is_some() { latest[0].max(latest[1]) } else { latest[0].min(latest[1]) };
        let watermark = if at + 1 == count { i64::MAX } else { both.saturating_sub(bound) };
        Epoch { watermark, batches }
    };
    (0..count).map(epoch).collect()
}
