//! Days of a time zone's calendar as windows.
//!
//! Called by [`super::Panes`] for tumbling windows with a zone. A window begins when the zone's clocks show the
//! beginning of its first day plus the offset: the first of two such moments, and the moment after the jump where
//! clocks leave it out. Windows follow each other without gaps; a day that a zone left out (Samoa's 30 December 2011)
//! has no window.

use jiff::{
    Timestamp,
    tz::{Offset, TimeZone},
};

use super::grid::{Grid, saturated};

/// A time zone, by name from the database that is built in: the same on every machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone with this IANA name, such as `Europe/Paris`.
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(Self)
    }

    /// Its IANA name. None: it was not made from one.
    pub fn name(&self) -> Option<&str> {
        self.0.iana_name()
    }
}

impl From<TimeZone> for Zone {
    fn from(zone: TimeZone) -> Self {
        Self(zone)
    }
}

/// Windows of whole days in a zone.
#[derive(Debug, Clone)]
pub struct Civil {
    /// Beginnings as the zone's clocks show them, in µs as if they were UTC.
    grid: Grid,
    zone: TimeZone,
}

impl Civil {
    /// `length` in whole days.
    pub fn new(length: i64, offset: i64, zone: &Zone) -> Self {
        Self { grid: Grid::new(length, offset), zone: zone.0.clone() }
    }

    /// When window `number` begins. Ascends with the number, and not strictly: a day that was left out is empty.
    pub fn start(&self, number: i128) -> i64 {
        let clock = self.grid.boundary(number);
        let instant = Timestamp::from_microsecond(saturated(clock))
            .and_then(|time| self.zone.to_timestamp(Offset::UTC.to_datetime(time)))
            .map(Timestamp::as_microsecond);
        instant.unwrap_or_else(|_| saturated(clock - i128::from(self.shift(saturated(clock)))))
    }

    /// The number of the window that contains `time`: the last that begins at it or before.
    pub fn number(&self, time: i64) -> i128 {
        let mut number = self.grid.number(i128::from(time) + i128::from(self.shift(time)));
        // Where clocks went back or left out a day, what they show is off by a window or two.
        while number < self.last() && self.start(number + 1) <= time {
            number += 1;
        }
        while self.start(number) > time {
            number -= 1;
        }
        number
    }

    /// The last window that begins within 64 bits.
    pub fn last(&self) -> i128 {
        self.grid.number(i128::from(i64::MAX) + i128::from(self.shift(i64::MAX)))
    }

    /// How far the zone's clocks are ahead of UTC at `time`, in µs; beyond the years ±9999 as at their end.
    fn shift(&self, time: i64) -> i64 {
        let edge = if time < 0 { Timestamp::MIN } else { Timestamp::MAX };
        let instant = Timestamp::from_microsecond(time).unwrap_or(edge);
        i64::from(self.zone.to_offset(instant).seconds()) * 1_000_000
    }
}
