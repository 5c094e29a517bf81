//! The thread on which a source receives: tokio with one thread, for as many connections as there are.
//!
//! Dropping the [`Receiver`] closes listeners and connections and waits for that: whoever starts the job again can have the same port.

use std::{
    future::Future,
    thread::{self, JoinHandle},
};

use tokio::{runtime, sync::watch};

use crate::source::SourceError;

pub(super) struct Receiver {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Asks a receiver to end.
#[derive(Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Comes back when the receiver is to end.
    pub(super) async fn requested(&mut self) {
        // Whoever would ask is gone: that asks as well.
        let _ = self.0.wait_for(|is_requested| *is_requested).await;
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
        let (stop, stopped) = watch::channel(false);
        let (begun, is_begun) = crossbeam_channel::bounded(1);
        let body = move || {
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
        };
        let thread = thread::Builder::new().name("pelton-receiver".to_owned()).spawn(body).map_err(failed)?;
        let receiver = Self { stop, thread: Some(thread) };
        match is_begun.recv() {
            Ok(begun) => begun.map(|()| receiver),
            Err(_) => Err(failed(std::io::Error::other("its thread has died"))),
        }
    }

    /// Asks it to end, and does not wait.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until it has ended. The error is what it panicked with.
    pub(super) fn end(mut self) -> thread::Result<()> {
        self.stop();
        self.thread.take().map_or(Ok(()), JoinHandle::join)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
