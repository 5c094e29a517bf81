//! Nexmark q4 and q9: the bids that came while their auction was open. Run by tests/nexmark/q4.toml and q9.toml.

use pelton_guest::prelude::*;

/// A bid joined with its auction.
#[derive(Row)]
struct Offer {
    date_time: Timestamp,
    auction_date_time: Timestamp,
    expires: Timestamp,
}

#[derive(Row)]
struct InTime {
    /// Time to the auction's end, in µs: of equal offers, the one with more came first.
    lead: i64,
}

#[transform]
fn in_time(offer: Offer) -> Option<InTime> {
    let is_open = offer.auction_date_time <= offer.date_time && offer.date_time <= offer.expires;
    is_open.then_some(InTime { lead: offer.expires.0 - offer.date_time.0 })
}
