//! Places where a test can have the process die: between the steps of the epoch.
//!
//! `PELTON_FAILPOINT=commit:3` kills the process, as `kill -9` does, when it comes to `commit` for the third time. Without the
//! variable a place costs one look at a number. The names are in [`NAMES`]; tests/chaos goes through them.

use std::{
    env,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// All places, in the order in which an epoch comes to them.
pub const NAMES: [&str; 8] =
    ["republish", "recover", "prepare", "snapshot", "commit", "publish", "published", "collect"];

/// Places that only jobs come to whose sources have logs: before what was received is written, and when it is durable and nobody has been
/// told so.
pub const INPUT_NAMES: [&str; 2] = ["receive", "receipt"];

/// Places that only jobs come to whose sinks write to a server: when it has an epoch's rows, before it is asked to commit them; and when it has said
/// that it did, and nobody has been told so.
pub const SERVER_NAMES: [&str; 2] = ["sent", "confirmed"];

/// Places that only savepoints come to: when one is on the disk and has no name yet; and while one is restored, when the checkpoint was taken over,
/// when the state is in it, and when the epoch is committed.
pub const SAVEPOINT_NAMES: [&str; 4] = ["drafted", "restoring", "refilled", "restored"];

struct Armed {
    name: String,
    left: AtomicU64,
}

static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

/// A fault that a test plants, to see that it is found out: `PELTON_FAILPOINT=early-receipt` has sources promise rows that are not in their
/// logs yet.
pub fn is_planted(name: &str) -> bool {
    armed().is_some_and(|armed| armed.name == name)
}

fn armed() -> Option<&'static Armed> {
    let armed = ARMED.get_or_init(|| {
        let wanted = env::var("PELTON_FAILPOINT").ok()?;
        let (name, times) = wanted.split_once(':').unwrap_or((&wanted, "1"));
        Some(Armed { name: name.to_owned(), left: AtomicU64::new(times.parse().ok()?) })
    });
    armed.as_ref()
}

/// Dies here if somebody asked for it. `name` is one of [`NAMES`], [`INPUT_NAMES`], [`SERVER_NAMES`] or [`SAVEPOINT_NAMES`].
pub fn reach(name: &str) {
    if let Some(armed) = armed()
        && armed.name == name
        && armed.left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        // Nothing may run after this: no destructor, no flush.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}
