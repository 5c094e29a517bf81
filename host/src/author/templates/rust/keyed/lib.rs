//! The bids of each bidder, as long as they are less than `gap` seconds apart.

use std::time::Duration;

use pelton_guest::prelude::*;

/// The number of the timer: a bidder has one.
const END: u32 = 0;

#[derive(Options)]
struct Options {
    gap: u64,
}

#[derive(Row)]
struct Bid {
    price: f64,
    at: Timestamp,
}

/// What is kept for each bidder.
#[derive(State)]
struct Session {
    bids: i64,
    spent: f64,
    ends: Timestamp,
}

#[derive(Row)]
struct Ended {
    bids: i64,
    spent: f64,
}

#[keyed]
fn {{id}}(
    _bidder: (),
    session: &mut Option<Session>,
    bids: Group<Bid>,
    timers: &mut Timers,
    out: &mut Out<Ended>,
    options: &Options,
) {
    for bid in bids {
        if bid.price < 0.0 {
            out.reject(&bid, format!("{} is no price", bid.price));
            continue;
        }
        // The gap may be over, though the timer has not told yet.
        if session.as_ref().is_some_and(|session| bid.at >= session.ends) {
            end(session, out);
        }
        let session = session.get_or_insert(Session { bids: 0, spent: 0.0, ends: bid.at });
        session.bids += 1;
        session.spent += bid.price;
        session.ends = bid.at + Duration::from_secs(options.gap);
        timers.set(END, session.ends);
    }
    while timers.next_due().is_some() {
        end(session, out);
    }
}

/// Emits a session that has ended, if there was one.
fn end(session: &mut Option<Session>, out: &mut Out<Ended>) {
    if let Some(Session { bids, spent, .. }) = session.take() {
        out.emit(Ended { bids, spent });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_after_the_gap() {
        let at = |seconds: i64| Timestamp(seconds * 1_000_000);
        let mut test = {{id}}.key(["bidder"]).options(Options { gap: 30 }).start();
        test.rows(rows! { bidder: [1, 2, 1], price: [3.0, 5.0, 10.5], at: [at(0), at(1), at(2)] });
        assert_eq!(test.state(), rows! { bidder: [1, 2], bids: [2, 1], spent: [13.5, 5.0], ends: [at(32), at(31)] });
        let out = test.watermark(at(31));
        assert_eq!(out.main(), &rows! { bidder: [2], bids: [1], spent: [5.0] });
    }
}
