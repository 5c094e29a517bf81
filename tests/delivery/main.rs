//! Every source with every sink under every fault, through the real binary; docs/delivery.md is written by what was seen.
//!
//! ```text
//!  source × sink ─► run, which a fault ends ─► run again, to its end ─► rows that are missing, rows that are there twice ─► the page
//! ```
//!
//! `PELTON_BLESS=1` writes the page; without it, it must say what these runs came to. A job is caught up within [`CAUGHT_UP_MAX`] after the last fault.

#[path = "../received/clients.rs"]
#[expect(dead_code, reason = "the tests of sources whose rows come once have other clients as well")]
mod clients;
mod feeds;
mod page;
#[path = "../received/place.rs"]
#[expect(dead_code, reason = "the tests of sources whose rows come once do more with a place")]
mod place;
#[path = "../postgres/server.rs"]
#[expect(dead_code, reason = "the tests of the postgres sink do more with a server")]
mod server;
mod sinks;
mod trial;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use self::{
    feeds::Source,
    server::Server,
    sinks::Sink,
    trial::{Fault, Outcome, Trial},
};

/// Rows of each source.
const ROWS: u64 = 2_400;
/// The lag of a job is gone within this time after its last fault.
const CAUGHT_UP_MAX: Duration = Duration::from_secs(30);
/// Runs at the same time: most of them wait for the disk.
const AT_ONCE: usize = 4;

/// What was seen, by source, sink and fault.
type Outcomes = BTreeMap<(Source, Sink, Fault), Outcome>;

fn outcomes(server: Option<&Server>) -> Outcomes {
    let mut cells = Vec::new();
    for source in Source::ALL {
        for sink in Sink::ALL.into_iter().filter(|sink| *sink != Sink::Postgres || server.is_some()) {
            cells.extend(Fault::ALL.map(|fault| (source, sink, fault)));
        }
    }
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Outcomes::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((source, sink, fault)) = cells.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                    let outcome = Trial::new(source, sink, server).outcome(fault);
                    outcomes.lock().unwrap().insert((source, sink, fault), outcome);
                }
            });
        }
    });
    outcomes.into_inner().unwrap()
}

#[test]
fn every_pair_delivers_what_the_page_says() {
    let server = Server::start();
    let outcomes = outcomes(server.as_ref());
    let slowest = outcomes.values().map(|outcome| outcome.caught_up).max().unwrap();
    println!("{} trials; the slowest was caught up {slowest:.1?} after its last fault", outcomes.len());
    assert!(slowest <= CAUGHT_UP_MAX);
    page::hold(&outcomes);
}

/// The test of the test: a job whose checkpoint is lost repeats rows, and that is counted.
#[test]
fn a_lost_checkpoint_is_seen() {
    let outcome = Trial::new(Source::File, Sink::Print, None).forgetting().outcome(Fault::Stopped);
    assert!(outcome.twice > 0, "{outcome:?}");
}

/// Three epochs are committed when the process dies before the fourth commit.
#[test]
fn nothing_is_visible_that_is_not_committed() {
    for sink in [Sink::Text, Sink::Parquet, Sink::Print] {
        let visible = Trial::new(Source::File, sink, None).visible_after(Fault::Prepared);
        assert_eq!(visible.len() as u64, 3 * ROWS / feeds::FILES, "{}", sink.name());
    }
}
