//! Random timelines: a job and its epochs, all from one seed.

use pelton::operator::aggregate::Crossing;
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Every batch is folded before it moves.
pub const FOLDED: Crossing = Crossing { rows_min: usize::MAX, groups_min: 100, share_max: 1 };
/// None is that has four rows or more.
pub const CROSSING: Crossing = Crossing { rows_min: 4, groups_min: 0, share_max: usize::MAX };
/// The real choice, of batches that are small.
pub const BY_SHARE: Crossing = Crossing { rows_min: 2, groups_min: 70, share_max: 4 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Tumbling,
    Sliding,
    Global,
    Session,
    Count,
}

/// A kind of window with its numbers, in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Tumbling windows slide by their length.
    Time {
        length: i64,
        slide: i64,
        offset: i64,
    },
    Session {
        gap: i64,
    },
    Count {
        rows: usize,
    },
    Global,
}

/// When results leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emit {
    OnClose,
    OnUpdate,
    /// Also every so many µs of processing time.
    Early(i64),
}

/// Where the time of rows comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    Event,
    Processing,
}

#[derive(Debug)]
pub struct Timeline {
    pub kind: Kind,
    pub shape: Shape,
    pub clock: Clock,
    pub lateness: i64,
    pub emit: Emit,
    pub partitions: u16,
    /// Rows in one call, at most.
    pub rows_max: usize,
    /// When a batch is not folded before it moves.
    pub crossing: Crossing,
    /// Whether `number` and `name` are of the key.
    pub key: [bool; 2],
    pub epochs: Vec<Epoch>,
}

#[derive(Debug)]
pub struct Epoch {
    pub now: i64,
    /// Of the input, after this epoch.
    pub watermark: i64,
    pub batches: Vec<Vec<Row>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub number: i64,
    pub name: Option<&'static str>,
    pub time: Option<i64>,
    pub id: i64,
}

/// Beyond what the host believes.
pub const ABSURD: [i64; 3] = [i64::MIN, i64::MAX, 253_400_000_000_000_000];

impl Timeline {
    pub fn random(kind: Kind, seed: u64) -> Self {
        let random = &mut StdRng::seed_from_u64(seed);
        let has_time = matches!(kind, Kind::Tumbling | Kind::Sliding | Kind::Session);
        let clock = if has_time && random.random_ratio(1, 6) { Clock::Processing } else { Clock::Event };
        let shape = shape(kind, random);
        Self {
            kind,
            shape,
            clock,
            lateness: if has_time && random.random() { random.random_range(1..30) } else { 0 },
            emit: match random.random_range(0..5) {
                0 | 1 => Emit::OnUpdate,
                2 => Emit::Early(random.random_range(1..30)),
                _ => Emit::OnClose,
            },
            partitions: random.random_range(1..=8),
            rows_max: random.random_range(1..20),
            crossing: [FOLDED, CROSSING, BY_SHARE][random.random_range(0..3)],
            key: [random.random_ratio(4, 5), random.random_ratio(1, 3)],
            epochs: epochs(random),
        }
    }
}

fn shape(kind: Kind, random: &mut StdRng) -> Shape {
    match kind {
        Kind::Tumbling => {
            let length = random.random_range(1..25);
            Shape::Time { length, slide: length, offset: random.random_range(0..10) }
        }
        Kind::Sliding => {
            let slide = random.random_range(1..9);
            let length = slide + random.random_range(0..25);
            Shape::Time { length, slide, offset: random.random_range(0..10) }
        }
        Kind::Session => Shape::Session { gap: random.random_range(1..12) },
        Kind::Count => Shape::Count { rows: random.random_range(1..7) },
        Kind::Global => Shape::Global,
    }
}

fn epochs(random: &mut StdRng) -> Vec<Epoch> {
    let base = [0, -40, 1_700_000_000_000_000][random.random_range(0..3)];
    let keys = random.random_range(1..6);
    let (speed, disorder, bound) = (random.random_range(1..8), random.random_range(1..40), random.random_range(0..30));
    let strange = random.random_ratio(1, 4);
    let (mut front, mut latest, mut now) = (base, i64::MIN, base);
    let mut id = 0;
    let mut last: Option<Row> = None;
    let count = random.random_range(1..8);
    let epoch = |at: i64| {
        now += random.random_range(0..15);
        let batches = if random.random_ratio(1, 6) { 0 } else { random.random_range(1..5) };
        let mut batch = |random: &mut StdRng| {
            let rows = random.random_range(0..12);
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
                let name = [None, Some(""), Some("a"), Some("b")][random.random_range(0..4)];
                let row = Row { number: random.random_range(0..keys), name, time, id };
                last = Some(row.clone());
                row
            };
            (0..rows).map(&mut row).collect::<Vec<Row>>()
        };
        let batches: Vec<Vec<Row>> = (0..batches).map(|_| batch(random)).collect();
        let times = batches.iter().flatten().filter_map(|row| row.time).filter(|time| !ABSURD.contains(time));
        latest = times.fold(latest, i64::max);
        let watermark = if at + 1 == count { i64::MAX } else { latest.saturating_sub(bound) };
        Epoch { now, watermark, batches }
    };
    (0..count).map(epoch).collect()
}
