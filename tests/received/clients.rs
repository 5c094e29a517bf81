//! Clients that send numbered rows for as long as they are told to, to a process that dies now and then.
//!
//! A row is `client,number,check`: the check is wrong in a row that was cut. No row is ever sent twice, so that one which was not answered may be
//! missing, and none may be there twice.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};

pub fn row(client: u64, number: u64) -> String {
    format!("{client},{number},{}\n", check(client, number))
}

fn check(client: u64, number: u64) -> u64 {
    (number * 1_000_003 + client) % 999_983
}

/// The client and number of a row that is whole.
pub fn whole(row: &[u64]) -> (u64, u64) {
    match *row {
        [client, number, checked] if checked == check(client, number) => (client, number),
        _ => panic!("half a row: {row:?}"),
    }
}

/// Sends a body, and answers the status; 0 where there was none.
pub fn post(address: SocketAddr, body: &str) -> u16 {
    let attempt = || -> std::io::Result<u16> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0))
    };
    attempt().unwrap_or(0)
}

/// A client that posts; its thread answers the numbers that were answered with 200.
pub fn posting(client: u64, address: SocketAddr, stop: &Arc<AtomicBool>) -> JoinHandle<Vec<u64>> {
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        let mut random = StdRng::seed_from_u64(client);
        let (mut next, mut answered) = (0, Vec::new());
        while !stop.load(Ordering::Relaxed) {
            let numbers = next..next + random.random_range(1..20);
            next = numbers.end;
            let body: String = numbers.clone().map(|number| row(client, number)).collect();
            match post(address, &body) {
                200 => answered.extend(numbers),
                // Nobody is there, or it has died.
                0 => thread::sleep(Duration::from_millis(2)),
                503 => thread::sleep(Duration::from_millis(10)),
                other => panic!("status {other}"),
            }
        }
        answered
    })
}

/// A client that says lines, in pieces that do not end where rows do, each connection as a client of its own: their order is that of a connection.
/// Its thread answers how many it began.
pub fn saying(client: u64, address: SocketAddr, stop: &Arc<AtomicBool>) -> JoinHandle<u64> {
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        let mut random = StdRng::seed_from_u64(client);
        let (mut next, mut connection) = (0, 1_000_000 * client);
        while !stop.load(Ordering::Relaxed) {
            connection += 1;
            let Ok(mut stream) = TcpStream::connect(address) else {
                thread::sleep(Duration::from_millis(2));
                continue;
            };
            let mut pending = String::new();
            // A connection is left now and then, within a row.
            for _ in 0..random.random_range(1..400) {
                while pending.len() < 64 {
                    pending += &row(connection, next);
                    next += 1;
                }
                let rest = pending.split_off(random.random_range(1..64));
                if stream.write_all(pending.as_bytes()).is_err() {
                    break;
                }
                pending = rest;
                if random.random_ratio(1, 20) {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        }
        next
    })
}
