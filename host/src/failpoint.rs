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

struct Armed {
    name: String,
    left: AtomicU64,
}

static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

/// Dies here if somebody asked for it. `name` is one of [`NAMES`].
pub fn reach(name: &str) {
    let armed = ARMED.get_or_init(|| {
        let wanted = env::var("PELTON_FAILPOINT").ok()?;
        let (name, times) = wanted.split_once(':').unwrap_or((&wanted, "1"));
        Some(Armed { name: name.to_owned(), left: AtomicU64::new(times.parse().ok()?) })
    });
    if let Some(armed) = armed
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
