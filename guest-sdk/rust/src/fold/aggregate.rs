//! An aggregate with `add`, `merge` and `finish`, opened: the same code in a module and in the offline harness.
//!
//! `#[aggregate]` implements [`Aggregate`] by calling the author's functions in the loops of [`super::rows`]; [`Opened`]
//! makes a [`Fold`] of it, which converts between columns and accumulators.

use super::{
    Fold, Groups, Retract, Windows,
    accumulator::{self, Accumulator},
    rows::Arrived,
    state_of,
};
use crate::{
    batch::{self, Answer},
    bindings::{BatchContext, Contract, Input, Output, Table},
    buffer::Buffer,
    context::Context,
    contract::{self, Plan, Unsaid},
    options::{self, Options},
    ports::{Pass, Passing},
    transform::Description,
};

/// Accumulators have one version until a module says otherwise.
pub(crate) const STATE_VERSION: u32 = 1;

/// An aggregate, as its macro describes it.
pub trait Aggregate: Accumulator {
    type Options: Options;
    const ORDERED: bool;
    /// It has `retract`.
    const RETRACTS: bool;

    fn describe() -> Description;
    fn fold(
        arrived: &Arrived,
        slots: &[u32],
        accumulators: &mut [Self],
        options: &Self::Options,
        context: &Context,
    ) -> Result<(), String>;
    fn combine(&mut self, later: Self, options: &Self::Options) -> Result<(), String>;
    fn answer(accumulators: Vec<Self>, windows: &Windows, options: &Self::Options) -> Result<Answer, String>;
}

/// An aggregate with `retract`.
pub trait Retractable: Aggregate {
    fn unfold(
        arrived: &Arrived,
        slots: &[u32],
        accumulators: &mut [Self],
        options: &Self::Options,
        context: &Context,
    ) -> Result<(), String>;
}

/// An aggregate that has agreed on a contract.
#[derive(Debug)]
pub struct Opened<A: Aggregate> {
    plan: Plan,
    options: A::Options,
}

/// What the contract of a fold says beside its columns.
pub(crate) fn properties(ordered: bool, retracts: bool) -> Vec<(String, String)> {
    let all = [(ordered, "ordered", "true"), (retracts, "accepts", "append,retract")];
    let said = all.into_iter().filter(|(is_so, ..)| *is_so);
    said.map(|(_, name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl<A: Aggregate> Fold for Opened<A> {
    fn open(inputs: &[Input], options: &str) -> Result<(Contract, Self), String> {
        const NONE: Passing = Passing { pass: Pass::Only(&[]), ..Passing::UNSAID };
        let options = options::parse(options)?;
        A::check_default()?;
        let (contract, plan) = contract::plan(inputs, &A::describe(), NONE, None, Unsaid::All)?;
        let contract = Contract {
            state: state_of(A::columns()),
            state_version: STATE_VERSION,
            properties: properties(A::ORDERED, A::RETRACTS),
            ..contract
        };
        Ok((contract, Self { plan, options }))
    }

    fn accumulate(
        &self,
        context: BatchContext,
        rows: Table,
        slots: Vec<u8>,
        accumulators: Table,
    ) -> Result<Table, String> {
        self.apply(A::fold, context, rows, slots, accumulators)
    }

    fn merge(&self, left: Table, right: Table) -> Result<Table, String> {
        if left.rows != right.rows {
            return Err(format!("{} accumulators cannot be merged with {}", left.rows, right.rows));
        }
        let mut merged: Vec<A> = accumulator::load(left)?;
        for (accumulator, later) in merged.iter_mut().zip(accumulator::load(right)?) {
            accumulator.combine(later, &self.options)?;
        }
        A::store(merged)
    }

    fn finish(&self, _context: BatchContext, groups: Groups, accumulators: Table) -> Result<Output, String> {
        let accumulators: Vec<A> = accumulator::load(accumulators)?;
        let rows = accumulators.len();
        let answer = A::answer(accumulators, &Windows::new(groups, rows)?, &self.options)?;
        Ok(Output { emitted: batch::by_group(answer.ports, &self.plan.ports, rows), rejected: answer.rejected })
    }
}

impl<A: Retractable> Retract for Opened<A> {
    fn retract(
        &self,
        context: BatchContext,
        rows: Table,
        slots: Vec<u8>,
        accumulators: Table,
    ) -> Result<Table, String> {
        self.apply(A::unfold, context, rows, slots, accumulators)
    }
}

impl<A: Aggregate> Opened<A> {
    /// Changes accumulators by rows.
    #[inline(always)]
    fn apply(
        &self,
        change: impl FnOnce(&Arrived, &[u32], &mut [A], &A::Options, &Context) -> Result<(), String>,
        context: BatchContext,
        rows: Table,
        slots: Vec<u8>,
        accumulators: Table,
    ) -> Result<Table, String> {
        let arrived = Arrived::load(&self.plan.reads, rows)?;
        let slots = Buffer::from(slots);
        let slots = slots
            .elements::<u32>(arrived.rows())
            .ok_or_else(|| format!("there are slots for fewer than the {} rows", arrived.rows()))?;
        let mut accumulators: Vec<A> = accumulator::load(accumulators)?;
        change(&arrived, slots, &mut accumulators, &self.options, &Context::new(context, None))?;
        A::store(accumulators)
    }
}
