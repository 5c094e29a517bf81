//! A bid, as far as the queries read it. Parsers fill one and lend it to the query, row by row.
//!
//! The columns that no query reads (channel, filler) are skipped by every parser, as Pelton's source skips
//! columns that a job does not read.

/// The columns of a row that the queries use.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bid {
    pub auction: i64,
    pub bidder: i64,
    pub price: f64,
    /// Milliseconds since 1970.
    pub ts: i64,
}
