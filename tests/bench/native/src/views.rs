//! Yahoo's streaming benchmark: views of each campaign's advertisements in each 10 seconds, over events as lines of JSON.
//!
//! A hand-written program for these lines alone: it looks for the names of the three fields that it needs, and nothing is escaped.

use std::{collections::BTreeMap, fs, io, path::Path};

use memchr::memmem::Finder;
use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::{
    blackhole::{Blackhole, of_bytes, of_integer},
    chunks,
};

const BOUND_MS: i64 = 1_000;
const WINDOW_MS: i64 = 10_000;
const DAY_MS: i64 = 86_400_000;

/// Views by the start of their window, then by campaign.
#[derive(Debug)]
pub struct Views {
    campaign_of: FxHashMap<Box<[u8]>, usize>,
    campaigns: Vec<Box<[u8]>>,
    counts: BTreeMap<i64, Vec<i64>>,
    latest: i64,
    /// The watermark at which there is something to close.
    due: i64,
    /// The day of the last event: its first ten bytes, and when it began.
    day: ([u8; 10], i64),
    out: Blackhole<3>,
}

struct Fields {
    ad: Finder<'static>,
    kind: Finder<'static>,
    time: Finder<'static>,
}

impl Views {
    /// Counts the events below `directory/events/json`; `directory/ads.csv` says of which campaign an advertisement is.
    pub fn count(directory: &Path) -> io::Result<Self> {
        let mut views = Self::new(&fs::read(directory.join("ads.csv"))?)?;
        let fields = Fields {
            ad: Finder::new(r#""ad_id":""#),
            kind: Finder::new(r#""event_type":""#),
            time: Finder::new(r#""event_time":""#),
        };
        chunks::for_each(&directory.join("events/json"), "jsonl", |chunk| {
            let mut start = 0;
            for end in memchr::memchr_iter(b'\n', chunk) {
                let line = chunk.get(start..end).unwrap_or_default();
                views.event(line, &fields).ok_or_else(|| invalid("an event lacks a field"))?;
                start = end + 1;
            }
            Ok(())
        })?;
        views.close(i64::MAX);
        Ok(views)
    }

    fn new(ads: &[u8]) -> io::Result<Self> {
        let mut views = Self {
            campaign_of: FxHashMap::default(),
            campaigns: Vec::new(),
            counts: BTreeMap::new(),
            latest: i64::MIN,
            due: i64::MIN,
            day: Default::default(),
            out: Blackhole::new(["campaign_id", "window_start", "views"]),
        };
        let mut number_of: FxHashMap<&[u8], usize> = FxHashMap::default();
        for line in ads.split(|byte| *byte == b'\n').skip(1).filter(|line| !line.is_empty()) {
            let comma = memchr::memchr(b',', line).ok_or_else(|| invalid("an advertisement lacks its campaign"))?;
            let (ad, campaign) = line.split_at(comma);
            let campaign = campaign.get(1..).unwrap_or_default();
            let number = *number_of.entry(campaign).or_insert_with(|| {
                views.campaigns.push(campaign.into());
                views.campaigns.len() - 1
            });
            views.campaign_of.insert(ad.into(), number);
        }
        Ok(views)
    }

    /// None: a field is missing.
    #[inline(always)]
    fn event(&mut self, line: &[u8], fields: &Fields) -> Option<()> {
        // Fields come in this order.
        let (ad, rest) = value(line, &fields.ad)?;
        let (kind, rest) = value(rest, &fields.kind)?;
        let (time, _) = value(rest, &fields.time)?;
        let time = self.time(time)?;
        if kind == b"view"
            && let Some(campaign) = self.campaign_of.get(ad)
        {
            let start = time - time.rem_euclid(WINDOW_MS);
            let campaigns = self.campaigns.len();
            *self.counts.entry(start).or_insert_with(|| vec![0; campaigns]).get_mut(*campaign)? += 1;
        }
        self.latest = self.latest.max(time);
        let watermark = self.latest - BOUND_MS;
        if watermark >= self.due {
            self.due = watermark - watermark.rem_euclid(WINDOW_MS) + WINDOW_MS;
            self.close(watermark);
        }
        Some(())
    }

    /// Milliseconds since 1970 of a time such as `2026-03-02T12:00:00.065`.
    #[inline(always)]
    fn time(&mut self, text: &[u8]) -> Option<i64> {
        let (day, clock) = text.split_first_chunk::<10>()?;
        if *day != self.day.0 {
            self.day = (*day, day_start(day)?);
        }
        let number = |range: std::ops::Range<usize>| digits(clock.get(range)?);
        let seconds = number(1..3)? * 3_600 + number(4..6)? * 60 + number(7..9)?;
        let fraction = clock.get(10..13).map_or(Some(0), digits)?;
        Some(self.day.1 + seconds * 1_000 + fraction)
    }

    #[cold]
    fn close(&mut self, watermark: i64) {
        let open = self.counts.split_off(&watermark.saturating_sub(WINDOW_MS).saturating_add(1));
        for (start, counts) in std::mem::replace(&mut self.counts, open) {
            for (campaign, count) in self.campaigns.iter().zip(counts).filter(|(_, count)| *count > 0) {
                self.out.take([of_bytes(campaign), of_integer(start * 1_000), of_integer(count)]);
            }
        }
    }

    pub fn answer(&self) -> Value {
        self.out.answer()
    }
}

/// The text behind a field's name, and what follows it.
#[inline(always)]
fn value<'a>(line: &'a [u8], name: &Finder<'_>) -> Option<(&'a [u8], &'a [u8])> {
    let rest = line.get(name.find(line)? + name.needle().len()..)?;
    Some(rest.split_at(memchr::memchr(b'"', rest)?))
}

#[inline(always)]
fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + i64::from(digit))
    })
}

/// When a day such as `2026-03-02` began, in milliseconds since 1970.
#[cold]
fn day_start(day: &[u8; 10]) -> Option<i64> {
    let (year, month, day) = (digits(day.get(..4)?)?, digits(day.get(5..7)?)?, digits(day.get(8..)?)?);
    // Years begin in March, so that the odd day is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some((days - 719_468) * DAY_MS)
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_count_by_campaign_and_window() {
        let directory = tempfile::tempdir().unwrap();
        let events = directory.path().join("events/json");
        fs::create_dir_all(&events).unwrap();
        fs::write(directory.path().join("ads.csv"), "ad_id,campaign_id\na,x\nb,x\nc,y\n").unwrap();
        let line =
            |ad, kind, time| format!(r#"{{"ad_id":"{ad}","event_type":"{kind}","event_time":"1970-01-02T{time}"}}"#);
        let lines = [
            line("a", "view", "00:00:01.500"),
            line("b", "view", "00:00:09"),
            line("c", "click", "00:00:02.000"),
            line("c", "view", "00:00:30.000"),
            line("d", "view", "00:00:31.000"),
        ];
        fs::write(events.join("a.jsonl"), lines.join("\n") + "\n").unwrap();
        let mut expected = Blackhole::new(["campaign_id", "window_start", "views"]);
        expected.take([of_bytes(b"x"), of_integer(DAY_MS * 1_000), of_integer(2)]);
        expected.take([of_bytes(b"y"), of_integer((DAY_MS + 30_000) * 1_000), of_integer(1)]);
        assert_eq!(Views::count(directory.path()).unwrap().out, expected);
    }

    #[test]
    fn days_begin_where_the_calendar_says() {
        assert_eq!(day_start(b"1970-01-01"), Some(0));
        assert_eq!(day_start(b"2024-02-29"), Some(1_709_164_800_000));
        assert_eq!(day_start(b"2026-03-02"), Some(1_772_409_600_000));
    }
}
