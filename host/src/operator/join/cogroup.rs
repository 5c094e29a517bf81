//! Cogroups: a module is handed both sides' rows of each key of a window or session, and makes of them what it likes.
//!
//! Keys come in the order of their first row, left ones first, and sessions in that of their ends; a call has whole keys only. A row with a null in its key is equal to
//! nothing, so it comes alone. Where `on-trap` isolates, a group on which the module fails is taken out alone: nothing comes of its rows.

mod letter;

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    time::Instant,
};

use arrow::{
    array::{ArrayRef, TimestampMicrosecondArray, UInt32Array, new_empty_array},
    compute::{interleave, take},
    error::ArrowError,
};
use pelton_core::{
    contract::{CogroupSignature, Input, PortColumn},
    limits::Limits,
    window::Window,
};
use pelton_wasm::{
    Answer, BatchContext, CallError, CallLog, CogroupBatch, CogroupInstance, CogroupSide, Metering, Module, Rejection,
};

use super::{
    Group, JoinPlan,
    side::{NONE, Rows, whole},
};
use crate::operator::{
    KeptColumn, PortPlan, Reduced, assemble,
    poison::{Chosen, Isolated, isolate, taken_out},
    record_batch,
    tables::{Loaded, Offered, SideTables},
};

/// The module of a cogroup, and what it was opened with.
#[derive(Debug)]
pub struct CogroupPlan {
    /// As the job file names it, for errors.
    pub module_name: String,
    pub module: Arc<Module>,
    pub limits: Limits,
    /// A JSON object.
    pub options: String,
    /// Left and right.
    pub inputs: [Input; 2],
    pub offered: Offered,
    pub signature: CogroupSignature,
    /// Where the columns that the module reads are in the batches of each side, in its order.
    pub reads_at: [Vec<usize>; 2],
    /// One for each port of the signature; none: nobody reads it. Its columns count those of the signature's port, then the
    /// bounds of the window.
    pub ports: Vec<Option<PortPlan>>,
    pub seed: u64,
}

/// The module on one compute thread.
#[derive(Debug, Default)]
pub(super) struct Cogrouping {
    instance: Option<(Metering, CogroupInstance)>,
    loaded: Loaded,
    /// What was said in calls that count, by instances that may be gone.
    said: CallLog,
    /// Rows of earlier calls in this epoch of the partition.
    rows: u64,
}

impl Cogrouping {
    pub(super) fn see(&mut self, tables: &Arc<SideTables>) {
        self.loaded.see(tables);
    }

    /// Another epoch of a partition begins.
    pub(super) fn begin(&mut self) {
        self.rows = 0;
    }

    pub(super) fn take_log(&mut self) -> CallLog {
        self.keep_log();
        std::mem::take(&mut self.said)
    }

    /// Puts by what the instance has said: it may be dropped.
    fn keep_log(&mut self) {
        let log = self.instance_log();
        self.said.absorb(log);
    }

    fn instance_log(&mut self) -> CallLog {
        self.instance.as_mut().map(|(_, instance)| instance.take_log()).unwrap_or_default()
    }

    /// Calls the module for all keys of a window.
    pub(super) fn window(
        &mut self,
        plan: &JoinPlan,
        context: &BatchContext,
        window: Window,
        sides: &[Vec<u32>; 2],
        rows: &Rows,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        self.groups(plan, context, &grouped(window, sides, rows), rows, out)
    }

    /// Calls the module for these groups, for as many at once as a call may have rows.
    pub(super) fn groups(
        &mut self,
        plan: &JoinPlan,
        context: &BatchContext,
        mut groups: &[Group],
        rows: &Rows,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        while !groups.is_empty() {
            let mut count = 0;
            let fits = |Group { sides: [left, right], .. }: &&Group| {
                let is_first = count == 0;
                count += left.len() + right.len();
                is_first || count <= plan.rows_max
            };
            let (call, rest) = groups.split_at(groups.iter().take_while(fits).count());
            groups = rest;
            self.call(plan, context, call, rows, out)?;
        }
        Ok(())
    }

    fn call(
        &mut self,
        plan: &JoinPlan,
        context: &BatchContext,
        groups: &[Group],
        rows: &Rows,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let Some(cogroup) = &plan.cogroup else { return Ok(()) };
        let context = BatchContext { first_row: context.first_row + self.rows, ..*context };
        let count = |group: &Group| group.sides.iter().map(Vec::len).sum::<usize>() as u64;
        self.rows += groups.iter().map(count).sum::<u64>();
        let started = Instant::now();
        let isolates = plan.on_trap.isolates();
        if isolates {
            self.keep_log();
        }
        let asked = Asked::new(plan, groups, rows).map_err(assemble::too_large)?;
        let left: Vec<Group>;
        let (groups, asked, answer) = match self.ask(cogroup, &context, &asked, Metering::Time) {
            Err(error) if isolates && error.blames_rows() => {
                let mut isolated = self.isolate(plan, &context, (groups, rows), error)?;
                out.stats.trials += isolated.trials;
                taken_out(plan.on_trap.fate(), isolated.faults(), &mut out.stats);
                letter::write(plan, (groups, rows), &mut isolated, out).map_err(assemble::too_large)?;
                let Some((chosen, asked, answer)) = isolated.answer else { return Ok(()) };
                left = chosen;
                (left.as_slice(), asked, answer)
            }
            answer => (groups, asked, answer?),
        };
        out.stats.calls += 1;
        out.stats.call_time += started.elapsed();
        emit(plan, (groups, &asked), rows, answer, out).map_err(assemble::too_large)
    }

    /// A call that failed, without the groups on which it does. Answers with the others, and what was asked of them.
    fn isolate(
        &mut self,
        plan: &JoinPlan,
        context: &BatchContext,
        (groups, rows): (&[Group], &Rows),
        error: CallError,
    ) -> Result<Isolated<(Vec<Group>, Asked, Answer)>, CallError> {
        let cogroup = plan.cogroup.as_ref().expect("its module has failed");
        let mut said = CallLog::default();
        let mut make = |chosen: &Chosen, metering: Metering| {
            let chosen = chosen.positions(groups.len());
            let groups: Vec<Group> = chosen.iter().filter_map(|at| groups.get(*at as usize)).cloned().collect();
            let asked = Asked::new(plan, &groups, rows).map_err(assemble::too_large)?;
            let answer = self.ask(cogroup, context, &asked, metering)?;
            // Only the last of these calls counts.
            said = self.instance_log();
            Ok((groups, asked, answer))
        };
        let isolated = isolate(groups.len(), error, &mut make)?;
        if isolated.answer.is_some() {
            self.said.absorb(said);
        }
        Ok(isolated)
    }

    /// One call. Whoever fails is dropped.
    fn ask(
        &mut self,
        plan: &CogroupPlan,
        context: &BatchContext,
        asked: &Asked,
        metering: Metering,
    ) -> Result<Answer, CallError> {
        let [left, right] = &asked.sides;
        let batch = CogroupBatch { left: left.side(), right: right.side(), keys: &asked.keys };
        let answer = self.instance(plan, metering)?.process(context, &batch, &plan.signature);
        if answer.is_err() {
            self.instance = None;
        }
        answer
    }

    fn instance(&mut self, plan: &CogroupPlan, metering: Metering) -> Result<&mut CogroupInstance, CallError> {
        if self.instance.as_ref().is_none_or(|(made, _)| *made != metering) {
            let mut instance = CogroupInstance::metered(&plan.module, &plan.limits, metering)?;
            instance.open_as(&plan.inputs, &plan.offered, &plan.options, &plan.signature)?;
            self.loaded.forget();
            self.instance = Some((metering, instance));
        }
        let (_, instance) = self.instance.as_mut().expect("made above");
        self.loaded.give(&plan.signature.tables, |name, version, rows| instance.load_table(name, version, rows))?;
        Ok(instance)
    }
}

/// The keys of a window with their rows, in order of their first row.
fn grouped(window: Window, sides: &[Vec<u32>; 2], rows: &Rows) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut known = HashMap::new();
    for (side, numbers) in sides.iter().enumerate() {
        for number in numbers {
            let key = rows.sides.get(side).and_then(|side| side.get(*number)).map_or(NONE, |row| row.key);
            let next = groups.len();
            let at = match (key != NONE).then(|| known.entry(key)) {
                Some(Entry::Occupied(found)) => *found.get(),
                Some(Entry::Vacant(free)) => *free.insert(next),
                None => next,
            };
            if at == next {
                groups.push(Group { window, key, sides: Default::default() });
            }
            if let Some(numbers) = groups.get_mut(at).and_then(|group| group.sides.get_mut(side)) {
                numbers.push(*number);
            }
        }
    }
    groups
}

/// What a call is asked with.
struct Asked {
    /// One row for each group.
    keys: Vec<ArrayRef>,
    sides: [AskedSide; 2],
}

impl Asked {
    fn new(plan: &JoinPlan, groups: &[Group], rows: &Rows) -> Result<Self, ArrowError> {
        let cogroup = plan.cogroup.as_ref().expect("it is asked for its module");
        let side = |side| AskedSide::new(cogroup, side, groups, rows);
        Ok(Self { keys: keys_of(plan, groups, rows)?, sides: [side(0)?, side(1)?] })
    }
}

/// One side of a call.
struct AskedSide {
    numbers: Vec<u32>,
    columns: Vec<ArrayRef>,
    ends: Vec<u32>,
}

impl AskedSide {
    fn new(plan: &CogroupPlan, side: usize, groups: &[Group], rows: &Rows) -> Result<Self, ArrowError> {
        let (mut numbers, mut ends) = (Vec::new(), Vec::with_capacity(groups.len()));
        for group in groups {
            numbers.extend(group.sides.get(side).into_iter().flatten());
            ends.push(numbers.len() as u32);
        }
        let schema = plan.inputs.get(side).map(|input| &input.schema);
        let reads = plan.reads_at.get(side).into_iter().flatten();
        let declared = plan.signature.reads.get(side).into_iter().flatten();
        let columns = reads.zip(declared).map(|(at, declared)| match rows.sides.get(side) {
            Some(side) if !numbers.is_empty() => side.column(*at, &numbers),
            _ => Ok(new_empty_array(schema.expect("a side has an input").field(*declared).data_type())),
        });
        Ok(Self { columns: columns.collect::<Result<_, _>>()?, numbers, ends })
    }

    fn side(&self) -> CogroupSide<'_> {
        CogroupSide { rows: self.numbers.len(), columns: &self.columns, ends: &self.ends }
    }
}

/// The key columns of groups: of the first row of each.
fn keys_of(plan: &JoinPlan, groups: &[Group], rows: &Rows) -> Result<Vec<ArrayRef>, ArrowError> {
    let [left, right] = &plan.shuffles;
    let [left_rows, right_rows] = &rows.sides;
    let keys = left.key_at.iter().zip(&right.key_at).map(|(left_at, right_at)| {
        let mut arrays = Vec::new();
        let places = [left_rows.spread(*left_at, &mut arrays), right_rows.spread(*right_at, &mut arrays)];
        let first = |group: &Group| {
            group
                .sides
                .iter()
                .zip(&places)
                .find_map(|(numbers, places)| places.of(*numbers.first()?))
                .expect("a group has a row")
        };
        interleave(&arrays, &groups.iter().map(first).collect::<Vec<_>>())
    });
    keys.collect()
}

/// The bounds of the window of each group.
fn bounds_of(groups: &[Group]) -> [ArrayRef; 2] {
    let starts = TimestampMicrosecondArray::from_iter_values(groups.iter().map(|group| group.window.start));
    let ends = TimestampMicrosecondArray::from_iter_values(groups.iter().map(|group| group.window.end));
    [Arc::new(starts), Arc::new(ends)]
}

/// What the module answered leaves by its ports, with the bounds of the window.
fn emit(
    plan: &JoinPlan,
    (groups, Asked { keys, sides }): (&[Group], &Asked),
    rows: &Rows,
    answer: Answer,
    out: &mut Reduced,
) -> Result<(), ArrowError> {
    let Some(cogroup) = &plan.cogroup else { return Ok(()) };
    let (bounds, numbers) = (bounds_of(groups), sides.each_ref().map(|side| &side.numbers));
    for emitted in &answer.emitted {
        out.stats.rows_out += emitted.rows as u64;
        let declared =
            cogroup.signature.ports.get(emitted.port).map(|port| port.columns.as_slice()).unwrap_or_default();
        let Some(Some(port)) = cogroup.ports.get(emitted.port) else { continue };
        let origin = emitted.origin.as_ref().map(|origin| UInt32Array::new(origin.clone(), None));
        // A column of the groups, for the rows that were made of them.
        let passed = |column: &ArrayRef| match &origin {
            Some(origin) => take(column.as_ref(), origin, None),
            None => Ok(Arc::clone(column)),
        };
        let columns = port.columns.iter().map(|column| {
            let (KeptColumn::Computed(at) | KeptColumn::Passed(at)) = *column;
            match declared.get(at) {
                Some(PortColumn::Pass(key)) => passed(keys.get(*key).expect("the boundary checked which columns pass")),
                Some(PortColumn::Computed(at)) => {
                    Ok(emitted.computed.get(*at).map(Arc::clone).expect("the boundary checked the number of columns"))
                }
                None => {
                    let [starts, ends] = &bounds;
                    passed(if at == declared.len() { starts } else { ends })
                }
            }
        });
        let columns = columns.collect::<Result<_, _>>()?;
        out.emitted.push((emitted.port, record_batch(&port.schema, columns, emitted.rows)));
    }
    out.stats.rejected += answer.rejected.len() as u64;
    let left_rows = numbers.first().map_or(0, |left| left.len()) as u32;
    let (left, mut right): (Vec<Rejection>, Vec<Rejection>) =
        answer.rejected.into_iter().partition(|rejection| rejection.row < left_rows);
    right.iter_mut().for_each(|rejection| rejection.row -= left_rows);
    for (side, rejections) in [left, right].into_iter().enumerate() {
        let port = plan.shuffles.get(side).and_then(|shuffle| shuffle.rejected.as_ref());
        let (Some(port), Some(kept), Some(numbers)) = (port, rows.sides.get(side), numbers.get(side)) else { continue };
        if !rejections.is_empty() {
            let rejected = assemble::rejected(port, &whole(kept, numbers)?, &rejections)?;
            out.rejected_of.push((side, rejected));
        }
    }
    Ok(())
}
