//! The reduce side: what the map side made of an epoch is merged into the state of each partition, and windows that the
//! watermark has passed are finished.
//!
//! A [`Partition`] is the state; a [`Reducer`] is a compute thread's instances of the modules, which works on any partition.
//! Each kind of window keeps its groups in its own way: [`Whole`], [`Sliding`], [`SessionWindows`], [`Counted`], and
//! [`Changing`] and [`Rolling`] where rows are taken back.

mod gather;
mod look;
mod snapshot;

use std::{ops::Range, sync::Arc, time::Instant};

pub use self::look::Open;

use pelton_core::{
    job::Emission,
    window::{Clock, Panes, WindowKind},
};
use pelton_wasm::{BatchContext, CallError, CallLog};

use super::{
    AggregatePlan,
    accumulators::Accumulators,
    calls::Calls,
    carried::{Carrying, Dense},
    changes::{Emitted, ResultCodec},
    changing::Changing,
    counted::Counted,
    draining::{Draining, Own},
    emit::Leaving,
    joining::Joining,
    partial::Partial,
    rolling::Rolling,
    sessions::SessionWindows,
    sliding::Sliding,
    whole::Whole,
};
use crate::{
    operator::{Closing, Reduced, shuffle::Piece, tables::SideTables},
    state::keys::KeyCodec,
};

/// The state of one partition of one operator.
#[derive(Debug)]
pub struct Partition {
    number: u16,
    pub(super) windows: Windows,
    accumulators: Accumulators,
    /// Up to which windows have been closed.
    watermark: i64,
    /// Processing time of the next early results; none: no epoch has been reduced.
    early_at: Option<i64>,
    /// What was said, where results leave as changes.
    emitted: Option<Emitted>,
    /// The windows that the modules before finish.
    pub(super) draining: Option<Box<Draining>>,
}

#[derive(Debug)]
pub(super) enum Windows {
    Whole(Whole),
    Changing(Changing),
    Sliding(Box<Sliding>),
    Rolling(Box<Rolling>),
    Sessions(SessionWindows),
    Counted(Counted),
}

/// The reduce side on one compute thread.
#[derive(Debug)]
pub struct Reducer {
    tools: Tools,
    /// That of the modules before, where they finish windows.
    draining: Option<Box<Self>>,
}

/// What every kind of window works with.
#[derive(Debug)]
pub struct Tools {
    pub plan: Arc<AggregatePlan>,
    pub codec: KeyCodec,
    /// None: windows without panes.
    pub panes: Option<Panes>,
    pub calls: Calls,
    pub joining: Joining,
    pub leaving: Leaving,
    pub carrying: Carrying,
    pub dense: Dense,
    pub results: ResultCodec,
    /// Of the partition that is being reduced.
    pub emitted: Option<Emitted>,
    /// What is its own of the windows.
    pub own: Own,
}

/// One epoch of one partition.
#[derive(Debug, Clone)]
pub struct EpochEnd<'a> {
    pub context: &'a BatchContext,
    /// What the map side made, in canonical order.
    pub partials: &'a [Arc<Partial>],
    pub partition: u16,
    /// The watermark before the epoch and after it.
    pub from: i64,
    pub to: i64,
    pub is_last: bool,
    /// Results of open windows are due that have changed since they were emitted.
    pub emits_open: bool,
    /// What is the partition's own of the windows.
    pub own: Own,
}

impl Partition {
    pub fn new(plan: &AggregatePlan, number: u16) -> Self {
        let codec = KeyCodec::new(&plan.key_fields).expect("the plan checked the key");
        let windows = match plan.window.kind {
            WindowKind::Sliding { .. } if plan.slides() && plan.takes_rows_back() => {
                Windows::Rolling(Box::new(Rolling::new(codec.slots())))
            }
            WindowKind::Sliding { slide, .. } if plan.slides() => {
                Windows::Sliding(Box::new(Sliding::new(slide, codec.slots())))
            }
            WindowKind::Global | WindowKind::Tumbling { .. } | WindowKind::Sliding { .. } if plan.takes_rows_back() => {
                Windows::Changing(Changing::default())
            }
            WindowKind::Global | WindowKind::Tumbling { .. } | WindowKind::Sliding { .. } => {
                Windows::Whole(Whole::default())
            }
            WindowKind::Session { gap } => Windows::Sessions(SessionWindows::new(gap, plan.in_order, codec.slots())),
            WindowKind::Count { rows } => Windows::Counted(Counted::new(rows, codec.slots())),
        };
        let emitted = plan.emits_changes.then(Emitted::default);
        let accumulators = Accumulators::new(plan);
        Self { number, windows, accumulators, watermark: i64::MIN, early_at: None, emitted, draining: None }
    }

    /// The state of `old` as that of `new`, which has the same windows and keys, keeps the same columns of rows and results, and
    /// whose accumulators fit.
    pub fn evolve(&mut self, old: &AggregatePlan, new: &AggregatePlan) {
        // Where the modules before have nothing to do any more they go.
        self.draining = self.draining.take().filter(|_| new.draining.is_some());
        self.accumulators.evolve(old, new);
        if let Windows::Sessions(sessions) = &mut self.windows
            && new.in_order
        {
            sessions.keep_order();
        }
    }

    /// A partition of `plan` without groups, as far in event time as this one.
    pub fn reset(&self, plan: &AggregatePlan) -> Self {
        Self { watermark: self.watermark, early_at: self.early_at, ..Self::new(plan, self.number) }
    }

    /// Groups that have accumulators.
    pub fn groups(&self) -> usize {
        let groups = match &self.windows {
            Windows::Whole(whole) => whole.groups(),
            Windows::Changing(changing) => changing.groups(),
            Windows::Sliding(sliding) => sliding.groups(),
            Windows::Rolling(rolling) => rolling.groups(),
            Windows::Sessions(sessions) => sessions.groups(),
            Windows::Counted(counted) => counted.groups(),
        };
        groups + self.groups_draining()
    }

    /// The earliest processing time at which something is due though no row comes.
    pub fn wakes(&self, plan: &AggregatePlan) -> Option<i64> {
        if self.groups() == 0 {
            return None;
        }
        let early = self.early_at.filter(|_| matches!(plan.emission, Emission::Early(_)));
        let closes = match (plan.window.clock, &self.windows) {
            (Clock::Event, _) => None,
            (Clock::Processing, Windows::Sessions(sessions)) => sessions.next_deadline(),
            (Clock::Processing, _) => Panes::new(&plan.window.kind).map(|mut panes| {
                let open = panes.pane_start(self.watermark);
                panes.pane_end(open)
            }),
        };
        let draining = self.draining.as_ref().and_then(|draining| draining.partition.wakes(plan));
        early.into_iter().chain(closes).chain(draining).min()
    }

    /// Whether results of open windows are due in an epoch of this processing time.
    fn emits_open(&mut self, emission: Emission, now: i64) -> bool {
        match emission {
            Emission::OnClose => false,
            Emission::OnUpdate => true,
            Emission::Early(every) => {
                let is_due = self.early_at.is_some_and(|at| at <= now);
                if is_due || self.early_at.is_none() {
                    self.early_at = Some(now.saturating_add(every));
                }
                is_due
            }
        }
    }

    /// Bytes held, about.
    pub fn held_bytes(&self) -> usize {
        let windows = match &self.windows {
            Windows::Whole(whole) => whole.held_bytes(),
            Windows::Changing(changing) => changing.held_bytes(),
            Windows::Sliding(sliding) => sliding.held_bytes(),
            Windows::Rolling(rolling) => rolling.held_bytes(),
            Windows::Sessions(sessions) => sessions.held_bytes(),
            Windows::Counted(counted) => counted.held_bytes(),
        };
        let draining = self.draining.as_ref().map_or(0, |draining| draining.partition.held_bytes());
        windows + self.accumulators.held_bytes() + self.emitted.as_ref().map_or(0, Emitted::held_bytes) + draining
    }
}

impl Reducer {
    pub fn new(plan: Arc<AggregatePlan>) -> Self {
        let codec = KeyCodec::new(&plan.key_fields).expect("the plan checked the key");
        let draining = plan.draining.as_ref().map(|before| Box::new(Self::new(Arc::clone(before))));
        let tools = Tools {
            panes: Panes::new(&plan.window.kind),
            calls: Calls::new(Arc::clone(&plan)),
            joining: Joining::default(),
            leaving: Leaving::new(&plan, codec.store()),
            carrying: Carrying::of(&plan),
            dense: Dense::default(),
            results: ResultCodec::new(&plan.computed()),
            emitted: None,
            own: Own::ALL,
            codec,
            plan,
        };
        Self { tools, draining }
    }

    /// Makes the modules' instances.
    pub fn warm(&mut self) -> Result<(), CallError> {
        self.draining.as_mut().map_or(Ok(()), |before| before.warm())?;
        self.tools.calls.warm()
    }

    /// One epoch: merges what the map side made for this partition, in the order given, and emits what is due.
    pub fn reduce(
        &mut self,
        context: &BatchContext,
        state: &mut Partition,
        pieces: &[Piece],
        closing: Closing,
    ) -> Result<Reduced, CallError> {
        let partials: Vec<Arc<Partial>> = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Partial(partial) => Some(Arc::clone(partial)),
                Piece::Rows(_) | Piece::Batch(_) | Piece::Run(_) => None,
            })
            .collect();
        let Some((before, draining)) = self.draining.as_mut().zip(state.draining.as_deref_mut()) else {
            return self.reduce_own(context, state, &partials, closing, Own::ALL);
        };
        let theirs: Vec<Arc<Partial>> = partials.iter().filter_map(|partial| partial.before.clone()).collect();
        let (partition, line) = (&mut draining.partition, draining.line);
        let mut out = before.reduce_own(context, partition, &theirs, closing, line.before())?;
        out.append(self.reduce_own(context, state, &partials, closing, line.after())?);
        let (lateness, watermark) = (self.tools.plan.window.lateness, state.watermark);
        state.draining = state.draining.take().filter(|draining| !draining.is_over(lateness, watermark));
        Ok(out)
    }

    /// As [`Self::reduce`], for the panes and windows that are its own.
    fn reduce_own(
        &mut self,
        context: &BatchContext,
        state: &mut Partition,
        partials: &[Arc<Partial>],
        closing: Closing,
        own: Own,
    ) -> Result<Reduced, CallError> {
        let started = Instant::now();
        let tools = &mut self.tools;
        tools.own = own.clone();
        let Closing { watermark, is_last } = closing;
        let reached = match tools.plan.window.clock {
            // What comes later has a later time.
            Clock::Processing if !is_last => context.now,
            _ => watermark,
        };
        let (from, to) = (state.watermark, reached.max(state.watermark));
        state.watermark = to;
        let emits_open = state.emits_open(tools.plan.emission, context.now);
        let partition = state.number;
        let epoch = EpochEnd { context, partials, partition, from, to, is_last, emits_open, own };
        let mut out = Reduced::default();
        let Partition { windows, accumulators, emitted, .. } = state;
        tools.emitted = emitted.take();
        tools.joining.begin();
        tools.leaving.clear();
        let reduced = match windows {
            Windows::Whole(whole) => whole.reduce(tools, accumulators, &epoch, &mut out),
            Windows::Changing(changing) => changing.reduce(tools, accumulators, &epoch, &mut out),
            Windows::Sliding(sliding) => sliding.reduce(tools, accumulators, &epoch, &mut out),
            Windows::Rolling(rolling) => rolling.reduce(tools, accumulators, &epoch, &mut out),
            Windows::Sessions(sessions) => sessions.reduce(tools, accumulators, &epoch, &mut out),
            Windows::Counted(counted) => counted.reduce(tools, accumulators, &epoch, &mut out),
        };
        let finished = reduced.and_then(|()| tools.finish(context, &mut out));
        *emitted = tools.emitted.take();
        finished?;
        if let Some(emitted) = emitted {
            emitted.forget(tools.plan.window.lateness, to);
        }
        let calls = std::mem::take(&mut tools.calls.stats);
        out.stats.calls += calls.calls;
        out.stats.rejected += calls.rejected;
        out.stats.trials += calls.trials;
        out.stats.call_time += calls.call_time;
        out.stats.assemble_time += started.elapsed().saturating_sub(calls.call_time);
        Ok(out)
    }

    /// From now on calls see these tables.
    pub fn see(&mut self, tables: &Arc<SideTables>) {
        self.draining.iter_mut().for_each(|before| before.see(tables));
        self.tools.calls.see(tables);
    }

    /// What the calls since the last take logged and counted.
    pub fn take_logs(&mut self) -> Vec<CallLog> {
        let mut logs: Vec<CallLog> = self.draining.iter_mut().flat_map(|before| before.take_logs()).collect();
        logs.extend(self.tools.calls.take_logs());
        logs
    }
}

impl<'a> EpochEnd<'a> {
    /// Each piece, with the groups of this partition.
    pub fn pieces(&self) -> impl Iterator<Item = (&'a Partial, Range<u32>)> + use<'a> {
        let (partition, own) = (self.partition, self.own.clone());
        self.partials.iter().flat_map(move |partial| {
            let groups = partial.parts.of(partition);
            own.stretches(partial, groups).map(move |groups| (partial.as_ref(), groups))
        })
    }
}
