//! What must come out, worked out from the rows that went in: naively, over all of them at once, by what the docs say, and with no
//! code of the engine.
//!
//! ```text
//!  input rows ─┬─► pelton, not disturbed ─► files ─┐ equal? else the engine is wrong, killed or not
//!              └─► this file ─────────────► lines ─┘
//! ```
//!
//! An undisturbed run is no witness of itself: a row that is lost in every run would be missed by nobody. [`Answer::refute`] is asked
//! once for each job, before the first kill. No row of these inputs is late: the first batch of the next file holds the watermark back
//! (docs/windows.md), and later rows of it are less than two seconds behind it; so windows, sessions and joins have all rows.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Of the watermark, of the first batch of a file, and of what a key is remembered for; as in jobs.rs and run.rs.
const BOUND_MS: i64 = 2_000;
const BATCH_ROWS: usize = 512;
const TTL_MS: i64 = 4_000;

/// A bid, whose value is its price, or an ask, whose value is the number in its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub auction: i64,
    pub value: i64,
    /// ms since 1970.
    pub time: i64,
}

/// The rows of both sources, file by file. A file is an epoch.
pub struct Inputs {
    pub bids: Vec<Vec<Row>>,
    pub asks: Vec<Vec<Row>>,
}

/// The lines that must be there, each as often, and no other.
pub struct Answer {
    lines: Vec<String>,
    /// Lines whose first so many columns are equal come in the order of `lines`, the others in any: with none the order of all
    /// is told, and with all columns of none.
    key: usize,
    /// Columns at the end that nobody tells.
    untold: usize,
    /// Lines end with 1 or -1, and what counts are those that stand in the end.
    are_changes: bool,
}

impl Answer {
    /// Of the job of this name in jobs.rs.
    pub fn of(job: &str, inputs: &Inputs) -> Self {
        let bids: Vec<Row> = inputs.bids.concat();
        let asks: Vec<Row> = inputs.asks.concat();
        let ordered = |lines, key| Self { lines, key, untold: 0, are_changes: false };
        let any = |lines| ordered(lines, usize::MAX);
        match job {
            "stateless" | "stateless-to-parquet" => ordered(dear(&bids), 0),
            "folders" | "folders-of-parquet" => ordered(folders(&bids), 1),
            "running" => ordered(running(&inputs.bids), 1),
            "tumbling" => ordered(windows(&bids, 7_000, 7_000, |of| format!("{},{:?}", of.len(), average(of))), 1),
            "sliding" => {
                let most = |of: &[Row]| of.iter().map(|row| row.value).max().unwrap_or(0);
                ordered(windows(&bids, 10_000, 2_000, |of| format!("{},{},{:?}", of.len(), most(of), average(of))), 1)
            }
            "taking-rows-back" => {
                ordered(windows(&bids, 10_000, 2_000, |of| format!("{},{:?}", of.len(), average(of))), 1)
            }
            "over-changes" => Self { are_changes: true, ..any(regular(&bids)) },
            "windows-over-changes" => ordered(sizes(&bids), 1),
            "sessions" => Self { untold: 1, ..ordered(sessions(&bids), 1) },
            "deduplicated" => ordered(distinct(&inputs.bids), 2),
            "joined" => any(near(&bids, &asks)),
            "joined-in-sessions" => any(together(&bids, &asks)),
            "sorted" => ordered(sorted(bids), 0),
            _ => panic!("nobody has worked out what `{job}` must write"),
        }
    }

    /// What is wrong with these lines, if anything is.
    pub fn refute(&self, found: &[String]) -> Option<String> {
        if self.lines.is_empty() {
            return Some("the oracle has no line: the test is wrong".to_owned());
        }
        let found = match self.are_changes.then(|| standing(found)) {
            Some(Err(line)) => return Some(format!("`{line}` takes back what does not stand")),
            Some(Ok(lines)) => lines,
            None => found.to_vec(),
        };
        let (expected, found) = (self.by_key(&self.lines, 0), self.by_key(&found, self.untold));
        let same = expected.iter().zip(&found).take_while(|(one, other)| one == other).count();
        if same == expected.len() && same == found.len() {
            return None;
        }
        let at = |of: &[(&str, &str)]| of.get(same).map_or("nothing".to_owned(), |(_, line)| format!("`{line}`"));
        let counts = format!("{} lines instead of {}", found.len(), expected.len());
        Some(format!("{counts}; by key, line {same} is {} instead of {}", at(&found), at(&expected)))
    }

    /// Keys and lines in the order of keys, and for each in their own. `untold` columns are cut off.
    fn by_key<'a>(&self, lines: &'a [String], untold: usize) -> Vec<(&'a str, &'a str)> {
        let split = |line: &'a String| {
            let ends: Vec<usize> = line.match_indices(',').map(|(at, _)| at).chain([line.len()]).collect();
            let told = &line[..ends[ends.len() - 1 - untold]];
            let end = match self.key {
                0 => 0,
                key => ends.get(key - 1).map_or(told.len(), |end| told.len().min(*end)),
            };
            (&told[..end], told)
        };
        let mut lines: Vec<_> = lines.iter().map(split).collect();
        lines.sort_by_key(|(key, _)| *key);
        lines
    }
}

/// What is left of changes; the line that takes back what does not stand, if there is one.
fn standing(changes: &[String]) -> Result<Vec<String>, String> {
    let mut lines: Vec<String> = Vec::new();
    for change in changes {
        let (line, op) = change.rsplit_once(',').ok_or(change)?;
        let stands = lines.iter().position(|standing| standing == line);
        match (op, stands) {
            ("1", _) => lines.push(line.to_owned()),
            ("-1", Some(at)) => drop(lines.swap_remove(at)),
            _ => return Err(change.clone()),
        }
    }
    Ok(lines)
}

fn dear(bids: &[Row]) -> Vec<String> {
    bids.iter().filter(|bid| bid.value > 300).map(bid).collect()
}

fn folders(bids: &[Row]) -> Vec<String> {
    let folder = |bid: &Row| format!("third={}/dear={}", bid.auction % 3, bid.value > 900);
    bids.iter().map(|bid| format!("{},{},{}", folder(bid), bid.auction, bid.value)).collect()
}

/// After each file, those auctions that it has bids of.
fn running(files: &[Vec<Row>]) -> Vec<String> {
    let mut groups: BTreeMap<i64, (usize, i64)> = BTreeMap::new();
    let mut lines = Vec::new();
    for file in files {
        for bid in file {
            let (n, sum) = groups.entry(bid.auction).or_default();
            (*n, *sum) = (*n + 1, *sum + bid.value);
        }
        for auction in file.iter().map(|bid| bid.auction).collect::<BTreeSet<_>>() {
            let (n, sum) = groups[&auction];
            lines.push(format!("{{\"auction\":{auction},\"n\":{n},\"sum\":{sum}}}"));
        }
    }
    lines
}

/// Each auction's windows that have a row, in order of time.
fn windows(bids: &[Row], length: i64, slide: i64, results: impl Fn(&[Row]) -> String) -> Vec<String> {
    let mut lines = Vec::new();
    for ((auction, start), rows) in in_windows(bids, length, slide) {
        lines.push(format!("{auction},{},{},{}", micros(start), micros(start + length), results(&rows)));
    }
    lines
}

/// Rows by auction and by the beginning of the windows that they are in.
fn in_windows(rows: &[Row], length: i64, slide: i64) -> BTreeMap<(i64, i64), Vec<Row>> {
    let mut windows: BTreeMap<(i64, i64), Vec<Row>> = BTreeMap::new();
    for row in rows {
        let mut start = row.time.div_euclid(slide) * slide;
        while start + length > row.time {
            windows.entry((row.auction, start)).or_default().push(*row);
            start -= slide;
        }
    }
    windows
}

/// Of the auctions that have more than twenty bids: how many have as many, and what was bidden.
fn regular(bids: &[Row]) -> Vec<String> {
    let mut by_bids: BTreeMap<usize, (usize, i64)> = BTreeMap::new();
    for rows in by_auction(bids).into_values().filter(|rows| rows.len() > 20) {
        let (auctions, sum) = by_bids.entry(rows.len()).or_default();
        (*auctions, *sum) = (*auctions + 1, *sum + rows.iter().map(|row| row.value).sum::<i64>());
    }
    by_bids.into_iter().map(|(bids, (auctions, sum))| format!("{bids},{auctions},{sum}")).collect()
}

/// Windows of two seconds by how many rows they have, in windows of twelve that begin every four. The end of a window, which is the time of
/// its result, is not part of it.
fn sizes(bids: &[Row]) -> Vec<String> {
    let small = in_windows(bids, 2_000, 2_000).into_iter().map(|((_, start), rows)| {
        let sum = rows.iter().map(|row| row.value).sum();
        Row { auction: rows.len() as i64, value: sum, time: start + 2_000 - 1 }
    });
    windows(&small.collect::<Vec<_>>(), 12_000, 4_000, |of| {
        format!("{},{}", of.len(), of.iter().map(|row| row.value).sum::<i64>())
    })
}

fn sessions(bids: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    for (auction, mut rows) in by_auction(bids) {
        rows.sort_by_key(|row| row.time);
        for session in rows.chunk_by(|one, next| next.time - one.time < 900) {
            let (start, end) = (session[0].time, session[session.len() - 1].time + 900);
            lines.push(format!("{auction},{},{},{}", micros(start), micros(end), session.len()));
        }
    }
    lines
}

/// The first bid of each auction and price. A key is forgotten at the end of an epoch without a row of it, when the watermark has passed
/// its last row by the time to live.
fn distinct(files: &[Vec<Row>]) -> Vec<String> {
    let mut known: HashMap<(i64, i64), i64> = HashMap::new();
    let mut lines = Vec::new();
    let mut watermark = i64::MIN;
    for (at, file) in files.iter().enumerate() {
        for row in file {
            let last = known.get(&(row.auction, row.value)).copied();
            if last.is_none() {
                lines.push(bid(row));
            }
            known.insert((row.auction, row.value), last.unwrap_or(i64::MIN).max(row.time));
        }
        let to_come = files[at + 1..].iter().flat_map(|file| file.iter().take(BATCH_ROWS));
        let seen = file.iter().map(|row| row.time).max().expect("a file has rows");
        let held = to_come.map(|row| row.time).min().unwrap_or(i64::MAX);
        watermark = watermark.max(seen.min(held) - BOUND_MS);
        let fresh: HashSet<(i64, i64)> = file.iter().map(|row| (row.auction, row.value)).collect();
        known.retain(|key, last| fresh.contains(key) || watermark < *last + TTL_MS);
    }
    lines
}

/// All pairs that are at most a second apart, and those rows alone that are in none.
fn near(bids: &[Row], asks: &[Row]) -> Vec<String> {
    let asks = by_auction(asks);
    let mut lines = Vec::new();
    for (auction, bids) in by_auction(bids) {
        let mut met = HashSet::new();
        let asks = asks.get(&auction).map(Vec::as_slice).unwrap_or_default();
        for bid in &bids {
            let before = lines.len();
            for (at, ask) in asks.iter().enumerate() {
                if (bid.time - ask.time).abs() <= 1_000 {
                    lines.push(pair(Some(bid), Some(ask)));
                    met.insert(at);
                }
            }
            if lines.len() == before {
                lines.push(pair(Some(bid), None));
            }
        }
        let alone = asks.iter().enumerate().filter(|(at, _)| !met.contains(at));
        lines.extend(alone.map(|(_, ask)| pair(None, Some(ask))));
    }
    lines
}

/// Sessions of both sides: all pairs of each, or its rows alone if all are of one side.
fn together(bids: &[Row], asks: &[Row]) -> Vec<String> {
    let mut both: BTreeMap<i64, Vec<(Row, bool)>> = BTreeMap::new();
    for (rows, is_bid) in [(bids, true), (asks, false)] {
        rows.iter().for_each(|row| both.entry(row.auction).or_default().push((*row, is_bid)));
    }
    let mut lines = Vec::new();
    for mut rows in both.into_values() {
        rows.sort_by_key(|(row, _)| row.time);
        for session in rows.chunk_by(|(one, _), (next, _)| next.time - one.time < 100) {
            let bounds = format!("{},{}", micros(session[0].0.time), micros(session[session.len() - 1].0.time + 100));
            let side = |wanted| session.iter().filter(move |(_, is_bid)| *is_bid == wanted).map(|(row, _)| row);
            let mut rows: Vec<String> = Vec::new();
            for bid in side(true) {
                rows.extend(side(false).map(|ask| pair(Some(bid), Some(ask))));
            }
            if rows.is_empty() {
                rows.extend(side(true).map(|bid| pair(Some(bid), None)));
                rows.extend(side(false).map(|ask| pair(None, Some(ask))));
            }
            lines.extend(rows.into_iter().map(|row| format!("{row},{bounds}")));
        }
    }
    lines
}

fn sorted(mut bids: Vec<Row>) -> Vec<String> {
    bids.sort_by_key(|bid| (bid.auction, -bid.value));
    bids.iter().map(bid).collect()
}

fn by_auction(rows: &[Row]) -> BTreeMap<i64, Vec<Row>> {
    let mut auctions: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    rows.iter().for_each(|row| auctions.entry(row.auction).or_default().push(*row));
    auctions
}

fn average(rows: &[Row]) -> f64 {
    rows.iter().map(|row| row.value).sum::<i64>() as f64 / rows.len() as f64
}

/// As it was read.
pub fn bid(row: &Row) -> String {
    format!("{},{},{}", row.auction, row.value, millis(row.time))
}

/// Key and event time are of whichever row there is; the rest of a row that is not there is null.
fn pair(bid: Option<&Row>, ask: Option<&Row>) -> String {
    let Some(one) = bid.or(ask) else { return String::new() };
    let price = bid.map(|bid| bid.value.to_string()).unwrap_or_default();
    let (name, time) = ask.map(|ask| (format!("name-{}", ask.value), millis(ask.time))).unwrap_or_default();
    format!("{},{price},{},{name},{time}", one.auction, millis(one.time))
}

fn millis(time: i64) -> String {
    let day = ["1969-12-31", "1970-01-01"][(time.div_euclid(86_400_000) + 1) as usize];
    let (seconds, millis) = (time.rem_euclid(86_400_000) / 1_000, time.rem_euclid(1_000));
    format!("{day}T{:02}:{:02}:{:02}.{millis:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn micros(time_ms: i64) -> String {
    format!("{}000", millis(time_ms))
}
