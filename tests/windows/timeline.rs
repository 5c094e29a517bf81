//! Random timelines: a job and its epochs, all from one seed.

use pelton::operator::aggregate::Crossing;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::watermark;

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
    /// Whether the operator is told that its results depend on the order of rows. Where it is not, rows of sessions may be in any.
    pub in_order: bool,
    pub sources: Vec<Source>,
    pub epochs: Vec<Epoch>,
}

/// A source gives its files one after the other.
#[derive(Debug)]
pub struct Source {
    /// How far out of order its rows are said to be. They may be further.
    pub bound: i64,
    /// The earliest sound time in the first batch of each file, as if one had looked before; empty: nobody has.
    pub beginnings: Vec<i64>,
}

#[derive(Debug, Default)]
pub struct Epoch {
    pub now: i64,
    /// Of the input, after this epoch: by a naive rule.
    pub watermark: i64,
    pub batches: Vec<Vec<Row>>,
    /// What it tells of the sources, in the order in which it happened.
    pub facts: Vec<Fact>,
}

#[derive(Debug, Clone, Copy)]
pub enum Fact {
    /// A batch of a file of a source came, with rows up to this time; none: no row had a sound one.
    Read {
        source: usize,
        file: u32,
        latest: Option<i64>,
    },
    /// From here on nobody waits for the source, or somebody does again.
    Idle(usize, bool),
    Ended(usize),
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
        let (sources, epochs) = epochs(random);
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
            in_order: seed % 4 != 3,
            sources,
            epochs,
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

/// How a timeline's rows are drawn.
struct Pace {
    base: i64,
    keys: i64,
    speed: i64,
    disorder: i64,
    /// Whether rows may be without a sound time.
    strange: bool,
}

/// A source that is being read.
struct Reading {
    front: i64,
    file: u32,
    files: u32,
    /// Of each file that has been begun, how its first batch begins.
    begun: Vec<Option<i64>>,
    is_idle: bool,
    has_ended: bool,
}

fn sources(random: &mut StdRng, base: i64) -> Vec<(Reading, Source)> {
    let count = [1, 1, 2, 3][random.random_range(0..4)];
    let source = |_| {
        let files = [1, 1, 2, 3][random.random_range(0..4)];
        let reading = Reading {
            front: base + random.random_range(-20..20),
            file: 0,
            files,
            begun: vec![None; files as usize],
            is_idle: false,
            has_ended: false,
        };
        (reading, Source { bound: random.random_range(0..30), beginnings: Vec::new() })
    };
    (0..count).map(source).collect()
}

/// The sources of a timeline and its epochs: each batch is of the open file of one source.
fn epochs(random: &mut StdRng) -> (Vec<Source>, Vec<Epoch>) {
    let pace = Pace {
        base: [0, -40, 1_700_000_000_000_000][random.random_range(0..3)],
        keys: random.random_range(1..6),
        speed: random.random_range(1..8),
        disorder: random.random_range(1..40),
        strange: random.random_ratio(1, 4),
    };
    let mut sources = sources(random, pace.base);
    let mut now = pace.base;
    let mut rows = Rows { pace, id: 0, last: None };
    let mut epochs = Vec::new();
    let count = random.random_range(1..8);
    for at in 1..=count {
        now += random.random_range(0..15);
        let mut epoch = Epoch { now, watermark: i64::MIN, batches: Vec::new(), facts: Vec::new() };
        let batches = if random.random_ratio(1, 6) { 0 } else { random.random_range(1..5) };
        let mut heard = vec![false; sources.len()];
        for _ in 0..batches {
            let source = random.random_range(0..sources.len());
            let (reading, _) = &mut sources[source];
            if reading.has_ended {
                continue;
            }
            heard[source] = true;
            epoch.batches.push(rows.batch(random, source, reading, &mut epoch.facts));
        }
        for (source, (reading, _)) in sources.iter_mut().enumerate() {
            let ends = at == count || source > 0 && random.random_ratio(1, 10);
            if ends && !reading.has_ended {
                reading.has_ended = true;
                epoch.facts.push(Fact::Ended(source));
            } else if !heard[source] && !reading.has_ended && !reading.is_idle && random.random_ratio(1, 2) {
                reading.is_idle = true;
                epoch.facts.push(Fact::Idle(source, true));
            }
        }
        epochs.push(epoch);
    }
    let sources = sources.into_iter().map(|(reading, source)| {
        // Of some sources nobody knows how their files begin.
        let is_known = random.random_ratio(3, 4);
        let begun = reading.begun.into_iter().map(|first| first.unwrap_or(i64::MAX));
        Source { beginnings: begun.filter(|_| is_known).collect(), ..source }
    });
    let sources: Vec<Source> = sources.collect();
    for (at, watermark) in watermark::naive(&sources, &epochs, watermark::Rule::ALL).into_iter().enumerate() {
        epochs[at].watermark = watermark;
    }
    (sources, epochs)
}

/// Makes rows.
struct Rows {
    pace: Pace,
    id: i64,
    last: Option<Row>,
}

impl Rows {
    /// A batch of the open file of a source, or of its next one.
    fn batch(&mut self, random: &mut StdRng, source: usize, reading: &mut Reading, facts: &mut Vec<Fact>) -> Vec<Row> {
        if reading.file + 1 < reading.files && random.random_ratio(1, 3) {
            reading.file += 1;
            // Files overlap.
            reading.front += random.random_range(-50..20);
        }
        let count = random.random_range(0..12);
        let rows: Vec<Row> = (0..count).map(|_| self.row(random, &mut reading.front)).collect();
        let times = || rows.iter().filter_map(|row| row.time).filter(|time| !ABSURD.contains(time));
        // A file with rows, but none to tell by, is waited for.
        let first = times().min().unwrap_or(if rows.is_empty() { i64::MAX } else { i64::MIN });
        reading.begun[reading.file as usize].get_or_insert(first);
        if std::mem::take(&mut reading.is_idle) {
            facts.push(Fact::Idle(source, false));
        }
        facts.push(Fact::Read { source, file: reading.file, latest: times().max() });
        rows
    }

    fn row(&mut self, random: &mut StdRng, front: &mut i64) -> Row {
        *front += random.random_range(0..self.pace.speed);
        if let Some(last) = &self.last
            && random.random_ratio(1, 12)
        {
            return last.clone();
        }
        self.id += 1;
        let time = *front - random.random_range(0..self.pace.disorder);
        let time = match self.pace.strange.then(|| random.random_range(0..20)) {
            Some(0) => None,
            Some(1) => Some(ABSURD[random.random_range(0..3)]),
            _ => Some(time),
        };
        let name = [None, Some(""), Some("a"), Some("b")][random.random_range(0..4)];
        let row = Row { number: random.random_range(0..self.pace.keys), name, time, id: self.id };
        self.last = Some(row.clone());
        row
    }
}
