//! The thread on which a source receives: tokio with one thread, for as many connections as there are.
//!
//! Dropping the [`Receiver`] closes listeners and connections and waits for that: whoever starts the job again can have the same port.

use std::{
    future::Future,
    thread::{self, JoinHandle},
};

use tokio::{runtime, sync::watch};

use crate::{log::inherited, source::SourceError};

pub(super) struct Receiver {
    stop: watch::Sender<Option<Ending>>,
    thread: Option<JoinHandle<()>>,
}

/// How a receiver is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// All that was read is handed over first, also where there is no room: somebody works it off, or writes it down.
    HandOver,
    /// What was read and not handed over waits, where it can, for the next attempt.
    Leave,
}

/// Asks a receiver to end.
#[derive(Clone)]
pub(super) struct Stop(watch::Receiver<Option<Ending>>);

impl Stop {
    /// Comes back when the receiver is to end.
    pub(super) async fn requested(&mut self) -> Ending {
        // Whoever would ask is gone: that asks as well.
        self.0.wait_for(Option::is_some).await.map_or(Ending::Leave, |asked| asked.unwrap_or(Ending::Leave))
    }
}

impl Receiver {
    /// Starts a thread for what `begin` answers, which is called within the runtime.
    pub(super) fn start<F: Future<Output = ()> + 'static>(
        name: &str,
        begin: impl FnOnce(Stop) -> Result<F, SourceError> + Send + 'static,
    ) -> Result<Self, SourceError> {
        let failed = |source| SourceError::Io { action: "start a receiver of", file: name.to_owned(), source };
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (stop, stopped) = watch::channel(None);
        let (begun, is_begun) = crossbeam_channel::bounded(1);
        let body = inherited(move || {
            let received = {
                let _entered = runtime.enter();
                begin(Stop(stopped))
            };
            match received {
                Ok(received) => {
                    drop(begun.send(Ok(())));
                    runtime.block_on(received);
                }
                Err(error) => drop(begun.send(Err(error))),
            }
        });
        let thread = thread::Builder::new().name("pelton-receiver".to_owned()).spawn(body).map_err(failed)?;
        let receiver = Self { stop, thread: Some(thread) };
        match is_begun.recv() {
            Ok(begun) => begun.map(|()| receiver),
            Err(_) => Err(failed(std::io::Error::other("its thread has died"))),
        }
    }

    /// Asks it to end, and does not wait. The first word counts.
    pub(super) fn stop(&self, ending: Ending) {
        self.stop.send_if_modified(|asked| asked.is_none() && asked.replace(ending).is_none());
    }

    /// Waits until it has ended. The error is what it panicked with.
    pub(super) fn end(mut self) -> thread::Result<()> {
        self.stop(Ending::Leave);
        self.thread.take().map_or(Ok(()), JoinHandle::join)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop(Ending::Leave);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
