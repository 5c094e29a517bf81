//! Jobs that change while they run: swap, shadow, promote, roll back.
//!
//! ```text
//!  swap ──────────────► revision n+1: the new module, the old one as its shadow while it is watched ─► settled, or rolled back
//!  swap --shadow ─► revision n+1: the new module as a shadow ─► promote ─► revision n+2, watched ─► …
//!                                                             └► rollback: the shadow goes
//!  swap --canary ─► revision n+1: the new module for a share of the rows ─► promote, or rollback, as above
//! ```
//!
//! Called by the engine, for a caller or by itself. Each step is a revision of the job: its text is edited, planned, compared with
//! the one before, written down, and then handed to the run, which goes over to it at the next epoch. An engine that is
//! killed in between finds on the disk which revision is wanted, and in the checkpoint which one the state is of.

use std::{
    collections::BTreeMap,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use pelton_core::{job::operator_of, model::ModuleDigest, share::Share};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    ControlError, Engine,
    catalogue::{Origin, Revision},
    job::Job,
    resolve,
};
use crate::{
    clock,
    job::{
        file::edit::{self, EditError, Replacement},
        plan::{
            Plan,
            change::{Change, OperatorChange, widened},
        },
        run::{Comparison, Control, Cost, RunError},
    },
    standard::is_std,
};

/// What becomes of the windows that are open when a module is exchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OpenWindows {
    /// The new module takes them over, with all state.
    #[default]
    Migrate,
    /// The module before finishes them.
    Drain,
    /// They are dropped, with all state.
    Reset,
}

/// What a caller wants of an operator.
#[derive(Debug, Clone, Default)]
pub struct Swap {
    /// Its name; of one of several aggregates `NAME.AGGREGATE`.
    pub operator: String,
    /// A name in the registry, `std:…`, or any name with `digest`.
    pub module: String,
    pub digest: Option<ModuleDigest>,
    /// Options that change.
    pub options: Map<String, Value>,
    /// What becomes of open windows, and of other state.
    pub windows: OpenWindows,
    /// Epochs for which it is a shadow first; none: it takes the operator's place at once.
    pub shadow: Option<u64>,
    /// The share of the operator's work that it does first, for good; none: all of it.
    pub canary: Option<Share>,
    /// After the epochs of a shadow it takes the place if all rows were the same, and goes if not.
    pub is_automatic: bool,
    /// How long it is watched afterwards.
    pub watch: Duration,
    /// Only say what would change.
    pub is_dry_run: bool,
}

/// What changed, or would.
#[derive(Debug, Clone, Serialize)]
pub struct Changed {
    pub job: String,
    pub operator: String,
    /// The revision before.
    pub from: u64,
    /// None: nothing was changed.
    pub revision: Option<u64>,
    /// The operators that change.
    pub operators: Vec<Difference>,
}

/// What becomes of an operator.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    pub operator: String,
    pub modules_before: Vec<String>,
    pub modules_after: Vec<String>,
    pub options_changed: bool,
    pub limits_changed: bool,
    /// What becomes of its state, in words.
    pub state: String,
    pub notes: Vec<String>,
}

/// How a job goes over to another revision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Going {
    /// Only say what would change.
    pub(super) is_dry_run: bool,
    /// Operators may ask more than they might before.
    pub(super) approves: bool,
}

impl Going {
    /// Refuses what nobody has approved of.
    pub(super) fn check(self, job: &str, widened: &[String]) -> Result<(), ControlError> {
        if self.approves || widened.is_empty() {
            return Ok(());
        }
        Err(ControlError::conflict(
            format!("job `{job}` would ask more than it may now: {}", widened.join("; ")),
            "if that is wanted, approve of it: `pelton job apply FILE --approve-endpoints`",
        ))
    }
}

impl Changed {
    /// Nothing yet, of a job that has had no revision.
    pub(super) fn none(job: &str) -> Self {
        Self { job: job.to_owned(), operator: String::new(), from: 0, revision: None, operators: Vec::new() }
    }
}

impl From<&OperatorChange> for Difference {
    fn from(change: &OperatorChange) -> Self {
        let (before, after) = change.modules.clone();
        Self {
            operator: change.name.clone(),
            modules_before: before,
            modules_after: after,
            options_changed: change.options_changed,
            limits_changed: change.limits_changed,
            state: change.state.to_string(),
            notes: change.notes.clone(),
        }
    }
}

/// How long a change waits for the one before it to have begun.
const TURN_PATIENCE: Duration = Duration::from_secs(30);
/// Rows after which the share of rejected ones says something.
const REJECTED_ROWS_MIN: u64 = 1_000;

impl Engine {
    /// Puts another module into an operator's place, at once or as its shadow first.
    pub fn swap(&self, name: &str, swap: &Swap, by: &str) -> Result<Changed, ControlError> {
        let (operator, alias) = split(&swap.operator);
        let job = self.find(name)?;
        let _turn = job.turn();
        let current = job.revision();
        let mut given = current.pins.clone();
        let reference = reference(swap, &mut given);
        let reset = (swap.windows == OpenWindows::Reset).then(|| job.next_number());
        let replacement = Replacement { alias, reference, options: swap.options.clone(), reset };
        let (text, named) = (&current.text, operator.to_owned());
        let (text, origin) = match (swap.shadow, swap.canary) {
            (Some(_), Some(_)) => return Err(both_candidates()),
            (Some(_), _) | (_, Some(_)) if swap.windows == OpenWindows::Drain => return Err(draining_trial()),
            (None, Some(_)) if swap.windows == OpenWindows::Reset => return Err(resetting_canary()),
            (Some(epochs), None) => {
                let origin = Origin::Shadow { operator: named, epochs, is_automatic: swap.is_automatic };
                (edit::cast_shadow(text, operator, &replacement)?, origin)
            }
            (None, Some(share)) => {
                let origin = Origin::Canary { operator: named, share: share.to_string() };
                (edit::cast_canary(text, operator, &replacement, share)?, origin)
            }
            (None, None) if swap.windows == OpenWindows::Drain => {
                let text = edit::drain(text, operator, &replacement, !swap.watch.is_zero())?;
                (text, watched(operator, swap.watch))
            }
            (None, None) => {
                let shadowed = edit::cast_shadow(text, operator, &replacement)?;
                (edit::promote(&shadowed, operator, !swap.watch.is_zero())?, watched(operator, swap.watch))
            }
        };
        self.revise(&job, &current, (text, origin), &given, by, swap.is_dry_run)
    }

    /// The plan of a job in which another module does an operator's work. Nothing of the job changes.
    pub(super) fn plan_with(&self, job: &Arc<Job>, swap: &Swap) -> Result<Plan, ControlError> {
        let (operator, alias) = split(&swap.operator);
        let current = job.revision();
        let mut given = current.pins.clone();
        let reference = reference(swap, &mut given);
        let replacement = Replacement { alias, reference, options: swap.options.clone(), reset: None };
        let text = edit::exchange(&current.text, operator, &replacement)?;
        let revision = self.pinned(job, Revision { text, ..Revision::clone(&current) }, &given, "")?;
        job.plan(self, &revision)
    }

    /// A revision with the modules that its text names.
    pub(super) fn pinned(
        &self,
        job: &Job,
        revision: Revision,
        given: &BTreeMap<String, ModuleDigest>,
        by: &str,
    ) -> Result<Revision, ControlError> {
        let file = resolve::read(&revision, &self.catalogue().checkpoint(job.name()))?;
        let named = resolve::references(&file.spec);
        let given = given.iter().filter(|(name, _)| named.contains(name.as_str()));
        let given = given.map(|(name, digest)| (name.clone(), *digest)).collect();
        let pins = resolve::pin(self.registry(), &file, &given, by)?;
        Ok(Revision { pins, ..revision })
    }

    /// Has a shadow or a canary take the place of its operator.
    pub fn promote(
        &self,
        name: &str,
        operator: Option<&str>,
        watch: Duration,
        by: &str,
    ) -> Result<Changed, ControlError> {
        let job = self.find(name)?;
        let _turn = job.turn();
        let current = job.revision();
        let candidate = match &current.origin {
            Origin::Shadow { operator, .. } | Origin::Canary { operator, .. } => Some(operator.clone()),
            _ => None,
        };
        let operator = candidate.filter(|of| operator.is_none_or(|named| named == of)).ok_or_else(|| {
            ControlError::conflict(
                format!("no shadow or canary of job `{name}` waits to take its operator's place"),
                "begin with `pelton swap JOB OPERATOR MODULE --shadow 50`, or `--canary 1/8`",
            )
        })?;
        let text = edit::promote(&current.text, &operator, !watch.is_zero())?;
        let given = current.pins.clone();
        self.revise(&job, &current, (text, watched(&operator, watch)), &given, by, false)
    }

    /// Takes the last change of a job back: a shadow or a canary goes, a module that was exchanged comes back. State stays what it is now.
    /// A job that failed as another job file was put in its place runs again.
    pub fn rollback(self: &Arc<Self>, name: &str, by: &str) -> Result<Changed, ControlError> {
        let job = self.find(name)?;
        let _turn = job.turn();
        let was_given_up = job.is_given_up();
        let changed = self.roll_back(&job, None, by)?;
        if was_given_up && changed.operator.is_empty() {
            self.resume(name)?;
        }
        Ok(changed)
    }

    fn roll_back(&self, job: &Arc<Job>, reason: Option<String>, by: &str) -> Result<Changed, ControlError> {
        let current = job.revision();
        let nothing = || {
            ControlError::conflict(
                format!("job `{}` has no change that could be taken back", job.name()),
                format!("`pelton history {}` shows what it was", job.name()),
            )
        };
        // What settled a change, or took another one back, is no change of its own.
        let revisions = job.revisions();
        let change = revisions.iter().rev().filter(|revision| revision.number <= current.number);
        let change = change.take_while(|revision| !matches!(revision.origin, Origin::Submit | Origin::Rollback { .. }));
        let change = change.into_iter().find(|revision| !matches!(revision.origin, Origin::Settle { .. }));
        let (operator, is_candidate) = match change.map(|revision| &revision.origin) {
            Some(Origin::Shadow { operator, .. } | Origin::Canary { operator, .. }) => (operator.clone(), true),
            Some(Origin::Swap { operator, .. }) => (operator.clone(), false),
            Some(Origin::Apply) => {
                let applied = change.map_or(0, |revision| revision.number);
                let before = revisions.iter().rev().find(|revision| revision.number < applied).ok_or_else(nothing)?;
                let origin = Origin::Rollback { operator: String::new(), reason };
                let (number, created) = (job.next_number(), clock::now_us());
                let revision = Revision { number, created, by: by.to_owned(), origin, ..Revision::clone(before) };
                if job.is_given_up() {
                    // Its state is of the revision before, if it has not come to an epoch of its own.
                    return self.go_back(job, &current, revision, &before.pins, by);
                }
                return self.go_over(
                    job,
                    &current,
                    revision,
                    &before.pins,
                    by,
                    Going { is_dry_run: false, approves: true },
                );
            }
            _ => return Err(nothing()),
        };
        let text = if is_candidate {
            edit::drop_candidate(&current.text, &operator).map_err(|_| nothing())?
        } else if let Ok(text) = edit::promote(&current.text, &operator, false) {
            // The old module runs as its shadow, and has current state.
            text
        } else {
            let before = before(&revisions, &current, &operator).ok_or_else(nothing)?;
            edit::restore(&current.text, &operator, &before.text)?
        };
        // Modules of all revisions are in the registry.
        let mut given = current.pins.clone();
        for revision in &revisions {
            for (name, digest) in &revision.pins {
                given.entry(name.clone()).or_insert(*digest);
            }
        }
        let origin = Origin::Rollback { operator, reason };
        self.revise(job, &current, (text, origin), &given, by, false)
    }

    /// A job that rests goes by another revision when it goes on.
    fn go_back(
        &self,
        job: &Arc<Job>,
        current: &Revision,
        revision: Revision,
        given: &BTreeMap<String, ModuleDigest>,
        by: &str,
    ) -> Result<Changed, ControlError> {
        let revision = self.pinned(job, revision, given, by)?;
        drop(job.plan(self, &revision)?);
        let (from, number) = (current.number, revision.number);
        job.go_over(self, revision)?;
        Ok(Changed { from, revision: Some(number), ..Changed::none(job.name()) })
    }

    /// What the shadows of a job have shown so far.
    pub fn comparisons(&self, name: &str) -> Result<Vec<Comparison>, ControlError> {
        Ok(self.find(name)?.control().map(|control| control.comparisons()).unwrap_or_default())
    }

    /// Plans a text as the next revision, and has the job go over to it. The caller has the job's turn.
    fn revise(
        &self,
        job: &Arc<Job>,
        current: &Revision,
        (text, origin): (String, Origin),
        given: &BTreeMap<String, ModuleDigest>,
        by: &str,
        is_dry_run: bool,
    ) -> Result<Changed, ControlError> {
        refuse_overridden(current, origin.operator().unwrap_or_default())?;
        let number = job.next_number();
        let revision =
            Revision { number, created: clock::now_us(), by: by.to_owned(), text, origin, ..current.clone() };
        // Where the text of a job is not replaced, nobody is asked who was not.
        self.go_over(job, current, revision, given, by, Going { is_dry_run, approves: true })
    }

    /// Plans the next revision, and has the job go over to it. The caller has the job's turn.
    pub(super) fn go_over(
        &self,
        job: &Arc<Job>,
        current: &Revision,
        revision: Revision,
        given: &BTreeMap<String, ModuleDigest>,
        by: &str,
        going: Going,
    ) -> Result<Changed, ControlError> {
        let operator = revision.origin.operator().unwrap_or_default().to_owned();
        let revision = self.pinned(job, revision, given, by)?;
        let plan = job.plan(self, &revision)?;
        let control = job.control();
        let (number, now) = match &control {
            Some(control) => settled(job, control, current.number)?,
            None => (current.number, Arc::new(job.plan(self, current)?)),
        };
        let widened = widened(&now, &plan);
        let change = Change::new(&now, number, revision.number, plan);
        let refused = |refusals| ControlError::Change(Box::new(refusals));
        let mut change = change.map_err(refused)?;
        if let Some(control) = &control {
            control.try_out(&mut change).map_err(refused)?;
        }
        let operators = change.operators.iter().filter(|change| !change.is_nothing()).map(Difference::from).collect();
        let mut changed =
            Changed { job: job.name().to_owned(), operator, from: current.number, revision: None, operators };
        if going.is_dry_run {
            return Ok(changed);
        }
        going.check(job.name(), &widened)?;
        changed.revision = Some(revision.number);
        job.go_over(self, revision)?;
        if let Some(control) = control {
            control.change(change);
        }
        Ok(changed)
    }
}

/// What the job's thread and the engine do by themselves.
impl Job {
    /// An operator of the job has failed: if it was just exchanged, the module before it comes back, and the job can go on at once.
    pub(super) fn heal(self: &Arc<Self>, engine: &Engine, error: &RunError) -> bool {
        let (RunError::Operator { name, .. } | RunError::Poison { name, .. }) = error else { return false };
        let current = self.revision();
        let is_new = match &current.origin {
            Origin::Swap { operator, watched_until: Some(until) } => operator == name && clock::now_us() < *until,
            Origin::Canary { operator, .. } => operator != name && operator == operator_of(name),
            _ => false,
        };
        if !is_new {
            return false;
        }
        let Some(_turn) = self.try_turn() else { return false };
        // Its backtrace is in the log; the history has the first line.
        let causes =
            crate::error::causes(error).into_iter().filter_map(|cause| cause.lines().next().map(str::to_owned));
        let reason: Vec<String> = std::iter::once(error.to_string()).chain(causes).collect();
        self.take_back(engine, reason.join(": ").trim_end_matches(':').to_owned())
    }

    fn take_back(self: &Arc<Self>, engine: &Engine, reason: String) -> bool {
        match engine.roll_back(self, Some(reason.clone()), "engine") {
            Ok(changed) => {
                let revision = changed.revision.unwrap_or_default();
                let message = format!("rolled back to the module before, as revision {revision}: {reason}");
                self.say(pelton_wasm::Level::Warn, Some(&changed.operator), &message);
                engine.audit().note("engine", "job.rollback", self.name(), None);
                true
            }
            Err(error) => {
                self.say(pelton_wasm::Level::Error, None, &format!("the last change cannot be taken back: {error}"));
                false
            }
        }
    }

    /// Looked at now and then: whether a shadow has shown enough, or a watch is over.
    pub(super) fn look_after(self: &Arc<Self>, engine: &Engine) {
        let current = self.revision();
        let Some(control) = self.control().filter(|_| current.origin.operator().is_some()) else { return };
        let (Some(_turn), Some((number, _))) = (self.try_turn(), control.current()) else { return };
        if number != current.number || self.revision().number != number {
            return;
        }
        let comparisons = control.comparisons();
        let shown = |operator: &str| comparisons.iter().find(|comparison| comparison.operator == operator);
        let next = match &current.origin {
            Origin::Shadow { operator, epochs, is_automatic: true } => match shown(operator) {
                Some(shown) if shown.failure.is_some() || shown.epochs >= *epochs => Some(if shown.is_same() {
                    (edit::promote(&current.text, operator, true), watched(operator, WATCH_DEFAULT))
                } else {
                    (
                        edit::drop_candidate(&current.text, operator),
                        Origin::Settle { operator: operator.clone(), is_drained: false },
                    )
                }),
                _ => None,
            },
            Origin::Canary { operator, .. } => {
                if let Some(reason) = shown(operator).and_then(|shown| rejects_more(&shown.shadow, &shown.main)) {
                    self.take_back(engine, reason);
                }
                return;
            }
            Origin::Swap { operator, watched_until: Some(until) } => {
                if let Some(reason) = shown(operator)
                    .filter(|shown| shown.failure.is_none())
                    .and_then(|shown| rejects_more(&shown.main, &shown.shadow))
                {
                    self.take_back(engine, reason);
                    return;
                }
                let is_over = clock::now_us() >= *until;
                is_over.then(|| {
                    (
                        edit::drop_candidate(&current.text, operator),
                        Origin::Settle { operator: operator.clone(), is_drained: false },
                    )
                })
            }
            _ => None,
        };
        let is_watched =
            matches!(&current.origin, Origin::Swap { watched_until: Some(until), .. } if clock::now_us() < *until);
        let is_tried = is_watched || matches!(current.origin, Origin::Shadow { .. });
        let next = match next {
            None if !is_tried => drained(&control).map(|operator| {
                (edit::stop_draining(&current.text, &operator), Origin::Settle { operator, is_drained: true })
            }),
            next => next,
        };
        let Some((Ok(text), origin)) = next else { return };
        let said = match &origin {
            Origin::Settle { is_drained: true, .. } => "the module before has finished its windows, and goes",
            Origin::Settle { .. } => "its shadow goes",
            _ => "its shadow takes its place: all rows were the same",
        };
        match engine.revise(self, &current, (text, origin), &current.pins.clone(), "engine", false) {
            Ok(changed) => {
                let message = format!("{said}, with revision {}", changed.revision.unwrap_or_default());
                self.say(pelton_wasm::Level::Info, Some(&changed.operator), &message);
            }
            Err(error) => tracing::warn!(job = self.name(), %error, "the job's change cannot be settled"),
        }
    }
}

/// An operator in which modules before have nothing to finish any more.
fn drained(control: &Control) -> Option<String> {
    let (_, plan) = control.current()?;
    let migrations = control.migrations();
    let is_busy = |name: &str| migrations.iter().any(|migration| migration.operator == name);
    let mut draining = plan.operators.iter().filter(|planned| planned.spec.draining.is_some());
    let over = draining.find(|planned| !is_busy(planned.logic.name()));
    over.map(|planned| planned.logic.name().to_owned())
}

/// How long a new module is watched if nobody says otherwise.
pub const WATCH_DEFAULT: Duration = Duration::from_secs(60);

fn watched(operator: &str, watch: Duration) -> Origin {
    let until = clock::now_us().saturating_add(i64::try_from(watch.as_micros()).unwrap_or(i64::MAX));
    Origin::Swap { operator: operator.to_owned(), watched_until: (!watch.is_zero()).then_some(until) }
}

fn both_candidates() -> ControlError {
    ControlError::invalid(
        "a module is tried as a shadow or as a canary, not as both",
        "begin with `--shadow 50`; when its rows are right, `pelton rollback JOB` and swap again with `--canary 1/8`",
    )
}

fn draining_trial() -> ControlError {
    ControlError::invalid(
        "a module that is tried stands beside the operator, and leaves it all of its windows",
        "try it with `--shadow 50` first; when its rows are right, `pelton rollback JOB`, and swap again with `--windows drain` alone",
    )
}

fn resetting_canary() -> ControlError {
    ControlError::invalid(
        "a canary shares its state with the operator, and cannot begin without it",
        "try it with `--shadow 50 --windows reset` first, which has state of its own",
    )
}

/// Why a module that is watched should go: it rejects a far greater share of its rows than the one before it.
fn rejects_more(new: &Cost, old: &Cost) -> Option<String> {
    let has_seen = new.rows_in >= REJECTED_ROWS_MIN && old.rows_in >= REJECTED_ROWS_MIN;
    let share = |cost: &Cost| cost.rejected as f64 / (cost.rows_in as f64).max(1.0);
    (has_seen && share(new) > 2.0 * share(old) + 0.05).then(|| {
        format!(
            "it rejects {:.0} % of its rows, and the module before it {:.0} %",
            100.0 * share(new),
            100.0 * share(old)
        )
    })
}

/// An operator, and the one of its aggregates that is meant.
fn split(name: &str) -> (&str, Option<String>) {
    match name.split_once('.') {
        Some((operator, alias)) => (operator, Some(alias.to_owned())),
        None => (name, None),
    }
}

/// The name of the new module in the job file; what it means is among `given`.
fn reference(swap: &Swap, given: &mut BTreeMap<String, ModuleDigest>) -> String {
    let Some(digest) = swap.digest.filter(|_| !is_std(&swap.module)) else { return swap.module.clone() };
    let taken = given.get(&swap.module).is_some_and(|known| *known != digest);
    let short: String = digest.to_string().chars().take(12).collect();
    let reference = if taken { format!("{}#{short}", swap.module) } else { swap.module.clone() };
    given.insert(reference.clone(), digest);
    reference
}

/// The newest revision before `current` in which the operator did something else, and was not a trial.
fn before(revisions: &[Arc<Revision>], current: &Revision, operator: &str) -> Option<Arc<Revision>> {
    let settled = |text: &str| edit::settle(text, operator).unwrap_or_else(|_| text.to_owned());
    let now = settled(&current.text);
    let earlier = revisions.iter().rev().filter(|revision| revision.number < current.number);
    earlier.into_iter().find(|revision| settled(&revision.text) != now).cloned()
}

/// An operator whose modules were given by `--set` cannot be changed in the text.
fn refuse_overridden(current: &Revision, operator: &str) -> Result<(), ControlError> {
    let of = |key: &str| {
        let rest = key.strip_prefix("operator.")?.strip_prefix(operator)?.strip_prefix('.')?;
        Some(
            ["module", "options", "aggregate", "reset", "shadow", "canary", "draining"]
                .iter()
                .any(|part| rest.split('.').next() == Some(part)),
        )
    };
    match current.overrides.keys().find(|key| of(key) == Some(true)) {
        Some(key) => Err(ControlError::conflict(
            format!("`{key}` was set when the job was submitted, and would hide what changes"),
            "write it into the job file, stop the job and submit it again",
        )),
        None => Ok(()),
    }
}

/// Waits until the run goes by the revision that is wanted: changes follow each other.
fn settled(job: &Job, control: &Control, number: u64) -> Result<(u64, Arc<Plan>), ControlError> {
    let until = Instant::now() + TURN_PATIENCE;
    loop {
        match control.current() {
            Some((now, plan)) if now == number => return Ok((now, plan)),
            _ if Instant::now() < until && job.control().is_some() => thread::sleep(Duration::from_millis(5)),
            _ => {
                return Err(ControlError::conflict(
                    format!("job `{}` has not gone over to revision {number} yet", job.name()),
                    format!("`pelton job show {}` says what it does; try again when it runs", job.name()),
                ));
            }
        }
    }
}

impl From<EditError> for ControlError {
    fn from(error: EditError) -> Self {
        Self::invalid(
            error.to_string(),
            "`pelton job show JOB` has its operators; of several aggregates name one: OPERATOR.AGGREGATE",
        )
    }
}
