//! The clock of all call deadlines: a thread that moves the engine's epoch on.
//!
//! A deadline is therefore wall time in ticks of [`TICK`]. When it has come, the call is asked how much of that it had its processor
//! ([`processor_time`]), and goes on for the rest: what stands still, or waits for its turn, overruns nothing. A call may run up to one tick
//! longer than its limit.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread::JoinHandle,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use wasmtime::Engine;

pub(crate) const TICK: Duration = Duration::from_millis(5);

/// Stops its thread when dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let engine = engine.weak();
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("epoch-ticker".into()).spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How long this thread has had a processor.
pub(crate) fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// The ticks in `time`, rounded up, at least one.
pub(crate) fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(u64::MAX).clamp(1, u64::MAX / 2) + 1
}
