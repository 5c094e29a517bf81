//! What parts of Pelton say by `tracing` while they work for a job: on standard error with the job's name, and in the job's own log.
//!
//! ```text
//! thread of a job ─► span `run` ─► warnings of it, and of the threads that it starts ─┬► standard error
//!                                                                                     └► Heard ─► the job's log
//! ```
//!
//! Called by the engine, which has its jobs listen, and by whoever starts a thread for a job ([`inherited`]). Invariant: whoever listens says
//! nothing by `tracing` itself while he does.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tracing::{
    Event, Id, Level, Span, Subscriber,
    field::{Field, Visit},
    span::Attributes,
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

/// The span of a job, and its field with the job's name.
const SPAN: &str = "run";
const JOB: &str = "job";
/// Fields that name who speaks.
const SPEAKERS: [&str; 4] = ["source", "table", "operator", "sink"];

/// Takes the lines of a job.
pub trait Listen: Send + Sync {
    fn hear(&self, level: Level, from: Option<&str>, message: &str);
}

/// Hands warnings and errors to the job that they are of. Clones share their listeners.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<BTreeMap<String, Weak<dyn Listen>>>>);

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Heard")
    }
}

impl Heard {
    /// From now on, until it is gone.
    pub fn listen(&self, job: &str, listener: Weak<dyn Listen>) {
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|_, listener| listener.strong_count() > 0);
        listeners.insert(job.to_owned(), listener);
    }
}

/// What is said within it is of this job. At the level that is left out last.
pub fn of_job(name: &str) -> Span {
    tracing::error_span!("run", job = name)
}

/// `work` for another thread, as part of what this one does.
pub fn inherited<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let span = Span::current();
    move || span.in_scope(work)
}

/// The name of a span's job.
struct Named(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Heard {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != SPAN {
            return;
        }
        let mut said = Said { named: JOB, ..Said::default() };
        attributes.record(&mut said);
        if let (Some(name), Some(span)) = (said.from, context.span(id)) {
            span.extensions_mut().insert(Named(name));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let level = *event.metadata().level();
        // They are ordered by how much is said.
        if level > Level::WARN {
            return;
        }
        let Some(mut scope) = context.event_scope(event) else { return };
        let name = scope.find_map(|span| span.extensions().get::<Named>().map(|named| named.0.clone()));
        let Some(name) = name else { return };
        let listener = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&name).and_then(Weak::upgrade);
        let Some(listener) = listener else { return };
        let mut said = Said::default();
        event.record(&mut said);
        let from = said.from.take();
        listener.hear(level, from.as_deref(), &said.line());
    }
}

/// What an event says.
#[derive(Default)]
struct Said {
    /// Another field that names who speaks.
    named: &'static str,
    from: Option<String>,
    message: String,
    more: String,
}

impl Said {
    /// `a connection ended within a row, which is dropped (bytes=5, torn=1)`
    fn line(self) -> String {
        if self.more.is_empty() { self.message } else { format!("{} ({})", self.message, self.more) }
    }

    fn take(&mut self, field: &Field, value: String) {
        let name = field.name();
        if name == "message" {
            self.message = value;
        } else if name == self.named || SPEAKERS.contains(&name) {
            self.from = Some(value);
        } else {
            let comma = if self.more.is_empty() { "" } else { ", " };
            write!(self.more, "{comma}{name}={value}").expect("text takes whatever is written");
        }
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.take(field, value.to_string());
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Log(Mutex<Vec<String>>);

    impl Listen for Log {
        fn hear(&self, level: Level, from: Option<&str>, message: &str) {
            self.0.lock().unwrap().push(format!("{level} {}: {message}", from.unwrap_or_default()));
        }
    }

    fn said(log: &Log) -> Vec<String> {
        log.0.lock().unwrap().clone()
    }

    #[test]
    fn a_job_hears_its_own_warnings_also_those_of_its_threads() {
        let heard = Heard::default();
        let logs: [Arc<Log>; 2] = Default::default();
        for (name, log) in ["a", "b"].into_iter().zip(&logs) {
            let listener: Weak<dyn Listen> = Arc::downgrade(&(Arc::clone(log) as Arc<dyn Listen>));
            heard.listen(name, listener);
        }
        let subscriber = tracing_subscriber::registry().with(heard);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!("of nobody");
            of_job("a").in_scope(|| {
                tracing::warn!(source = "lines", bytes = 5, peer = %"x", "torn");
                tracing::info!("nothing to worry about");
                let dispatch = tracing::dispatcher::get_default(Clone::clone);
                let work = inherited(|| tracing::error!("it is gone"));
                std::thread::scope(|scope| {
                    scope.spawn(move || tracing::dispatcher::with_default(&dispatch, work));
                });
            });
            of_job("b").in_scope(|| tracing::warn!(table = "rates", "cannot be loaded"));
        });
        assert_eq!(said(&logs[0]), ["WARN lines: torn (bytes=5, peer=x)", "ERROR : it is gone"]);
        assert_eq!(said(&logs[1]), ["WARN rates: cannot be loaded"]);
    }
}
