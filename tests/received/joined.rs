//! Two sources of HTTP meet in a join, and the process is killed again and again: each pair that both were answered for is there once.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    clients::post,
    kills::kills,
    place::{Place, free, reachable, was_killed},
};

/// Between receiving and committing. Which pass it is at is drawn.
const POINTS: [&str; 5] = ["receive", "receipt", "prepare", "commit", "publish"];

/// A number is the key, and also the event time: twenty thousand numbers may be on their way.
fn job(left: SocketAddr, right: SocketAddr) -> String {
    let source = |name: &str, address| {
        format!(
            "[source.{name}]\ntype = \"http\"\nlisten = \"{address}\"\nformat = \"csv\"\n\
             schema = {{ number = \"u64\", at = \"timestamp[ms]\", of-{name} = \"u64\" }}\n\
             event-time = {{ column = \"at\", watermark = \"20s\" }}\n"
        )
    };
    format!(
        "name = \"joined\"\ncheckpoint = \"state\"\nsnapshots = \"150ms\"\nbatch = {{ interval = \"3ms\" }}\n{}{}\
         [operator.pairs]\njoin = {{ left = \"left\", right = \"right\", on = [\"number\"], within = \"0s\" }}\n\
         [sink.met]\ninput = \"pairs\"\ncolumns = [\"number\", \"of-left\", \"of-right\"]\ntype = \"file\"\npath = \"pairs\"\nformat = \"csv\"\n\
         [sink.missed-left]\ninput = \"pairs.left-late\"\ntype = \"file\"\npath = \"late-left\"\nformat = \"csv\"\n\
         [sink.missed-right]\ninput = \"pairs.right-late\"\ntype = \"file\"\npath = \"late-right\"\nformat = \"csv\"\n",
        source("left", left),
        source("right", right),
    )
}

/// A client that posts rows to both sides; its thread answers the numbers that both answered with 200.
fn client(seed: u64, sides: [SocketAddr; 2], next: &Arc<AtomicU64>, stop: &Arc<AtomicBool>) -> JoinHandle<Vec<u64>> {
    let (next, stop) = (Arc::clone(next), Arc::clone(stop));
    thread::spawn(move || {
        let mut random = StdRng::seed_from_u64(seed);
        let mut paired = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let count = random.random_range(1..20);
            let first = next.fetch_add(count, Ordering::Relaxed);
            let numbers = first..first + count;
            let is_answered = |(side, address): (u64, &SocketAddr)| {
                let body: String =
                    numbers.clone().map(|number| format!("{number},{number},{}\n", check(side, number))).collect();
                match post(*address, &body) {
                    200 => true,
                    0 | 503 => {
                        thread::sleep(Duration::from_millis(10));
                        false
                    }
                    other => panic!("status {other}"),
                }
            };
            if (0..).zip(&sides).all(is_answered) {
                paired.extend(numbers);
            }
        }
        paired
    })
}

fn check(side: u64, number: u64) -> u64 {
    number * 31 % 9_973 + side
}

#[test]
fn pairs_of_what_was_answered_are_there_once_however_often_the_process_is_killed() {
    let (left, right) = (free(), free());
    let place = Place::new(&job(left, right));
    let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..3).map(|seed| client(seed, [left, right], &next, &stop)).collect();
    let mut random = StdRng::seed_from_u64(8);
    let mut fired = 0;
    for kill in 0..kills() / 2 {
        let fail = (kill % 2 == 1)
            .then(|| format!("{}:{}", POINTS[kill as usize / 2 % POINTS.len()], random.random_range(1..40)));
        let mut run = place.run(fail.as_deref());
        let patience = if fail.is_some() { 2_000 } else { random.random_range(100..600) };
        match run.end(Duration::from_millis(patience)) {
            Some(status) => {
                assert!(was_killed(status), "{status}: {}", place.log());
                fired += 1;
            }
            None => run.kill(),
        }
    }
    let run = place.run(None);
    reachable(left);
    reachable(right);
    thread::sleep(Duration::from_millis(300));
    stop.store(true, Ordering::Relaxed);
    let paired: BTreeSet<u64> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    let found = |place: &Place| -> BTreeSet<u64> { place.rows("pairs").iter().map(|row| row[0]).collect() };
    place.until("all pairs are there", |place| paired.is_subset(&found(place)));
    assert_eq!(run.stop().code(), Some(130), "{}", place.log());
    let rows = place.rows("pairs");
    assert_eq!(rows.len(), found(&place).len(), "a pair is there twice");
    let is_whole = |row: &Vec<u64>| row[1..] == [check(0, row[0]), check(1, row[0])];
    assert!(rows.iter().all(is_whole), "these are no pairs: {:?}", rows.iter().find(|row| !is_whole(row)));
    assert_eq!(
        [place.lines("late-left"), place.lines("late-right")],
        [const { Vec::<String>::new() }; 2],
        "nothing was late"
    );
    assert!(paired.len() > 500 && fired > 2, "{} pairs, {fired} fail points", paired.len());
    println!(
        "{} kills, {fired} of them at fail points: {} pairs of rows that were answered, {} pairs in all",
        kills() / 2,
        paired.len(),
        rows.len()
    );
}
