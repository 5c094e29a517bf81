//! Nexmark q15, q16 and q17: the day and the price rank of a bid. Run by tests/nexmark/q15.toml, q16.toml and q17.toml.
//!
//! What SQL counts with a `FILTER` is counted here as the values of a column that is null in all other rows.

use pelton_guest::prelude::*;

const US_PER_MINUTE: i64 = 60_000_000;
const MINUTES_PER_DAY: i64 = 24 * 60;

#[derive(Row)]
struct Bid {
    auction: i64,
    bidder: i64,
    price: i64,
    date_time: Timestamp,
}

#[derive(Row)]
struct Ranked {
    day: Date,
    /// Of the day, as in `09:05`.
    minute: String,
    rank1_bidder: Option<i64>,
    rank2_bidder: Option<i64>,
    rank3_bidder: Option<i64>,
    rank1_auction: Option<i64>,
    rank2_auction: Option<i64>,
    rank3_auction: Option<i64>,
}

#[transform]
fn ranks(bid: Bid) -> Result<Ranked, String> {
    let rank = match bid.price {
        ..10_000 => 1,
        10_000..1_000_000 => 2,
        _ => 3,
    };
    let bidder = |of: i32| (rank == of).then_some(bid.bidder);
    let auction = |of: i32| (rank == of).then_some(bid.auction);
    let minutes = bid.date_time.0.div_euclid(US_PER_MINUTE);
    let minute = minutes.rem_euclid(MINUTES_PER_DAY);
    let day = i32::try_from(minutes.div_euclid(MINUTES_PER_DAY)).map_err(|_| "its time is out of range".to_owned())?;
    Ok(Ranked {
        day: Date(day),
        minute: format!("{:02}:{:02}", minute / 60, minute % 60),
        rank1_bidder: bidder(1),
        rank2_bidder: bidder(2),
        rank3_bidder: bidder(3),
        rank1_auction: auction(1),
        rank2_auction: auction(2),
        rank3_auction: auction(3),
    })
}
