//! An operator on one compute thread: whatever its kind, it is shown tables, and reduces.

use std::sync::Arc;

use pelton_wasm::{BatchContext, CallError};

use super::{partition::State, tables::Tables};
use crate::{
    job::plan::Logic,
    operator::{
        Closing, Operator, Reduced,
        aggregate::{self, Combiner},
        join::{self, Lookup},
        keyed,
        shuffle::{Piece, Shuffler},
        sort::Sorter,
    },
};

#[expect(clippy::large_enum_variant, reason = "a thread has a few, and they stay where they are")]
pub(super) enum Runner {
    Transform(Operator),
    Aggregate {
        combiner: Combiner,
        reducer: aggregate::Reducer,
    },
    Keyed {
        shuffler: Shuffler,
        reducer: keyed::Reducer,
    },
    Join {
        shufflers: [Shuffler; 2],
        reducer: join::Reducer,
    },
    Lookup(Lookup),
    Sort(Sorter),
    /// The next revision's now.
    Gone,
}

impl Runner {
    pub(super) fn new(logic: &Logic) -> Self {
        match logic {
            Logic::Transform(plan) => Self::Transform(Operator::new(Arc::clone(plan))),
            Logic::Aggregate(plan) => Self::Aggregate {
                combiner: Combiner::new(Arc::clone(plan)),
                reducer: aggregate::Reducer::new(Arc::clone(plan)),
            },
            Logic::Keyed(plan) => Self::Keyed {
                shuffler: Shuffler::new(plan.shuffle.clone()),
                reducer: keyed::Reducer::new(Arc::clone(plan)),
            },
            Logic::Join(plan) => Self::Join {
                shufflers: plan.shuffles.clone().map(Shuffler::new),
                reducer: join::Reducer::new(Arc::clone(plan)),
            },
            Logic::Lookup(plan) => Self::Lookup(Lookup::new(Arc::clone(plan))),
            Logic::Sort(plan) => Self::Sort(Sorter::new(Arc::clone(plan))),
        }
    }

    /// Makes instances of modules, so that the first batches need not wait for them.
    pub(super) fn warm(&mut self) -> Result<(), CallError> {
        match self {
            Self::Transform(operator) => operator.warm(),
            Self::Aggregate { combiner, reducer } => combiner.warm().and_then(|()| reducer.warm()),
            Self::Keyed { reducer, .. } => reducer.warm(),
            Self::Join { .. } | Self::Lookup(_) | Self::Sort(_) | Self::Gone => Ok(()),
        }
    }

    /// From now on modules see these tables.
    pub(super) fn see(&mut self, tables: &Tables) {
        let side = &tables.side;
        match self {
            Self::Transform(operator) => operator.see(side),
            Self::Aggregate { combiner, reducer } => {
                combiner.see(side);
                reducer.see(side);
            }
            Self::Keyed { reducer, .. } => reducer.see(side),
            Self::Join { reducer, .. } => reducer.see(side),
            Self::Lookup(_) | Self::Sort(_) | Self::Gone => {}
        }
    }

    /// The epoch of one partition; its state is of this kind.
    pub(super) fn reduce(
        &mut self,
        context: &BatchContext,
        state: &mut State,
        pieces: &[Piece],
        closing: Closing,
    ) -> Result<Reduced, CallError> {
        match (self, state) {
            (Self::Aggregate { reducer, .. }, State::Aggregate(state)) => {
                reducer.reduce(context, state, pieces, closing)
            }
            (Self::Keyed { reducer, .. }, State::Keyed(state)) => reducer.reduce(context, state, pieces, closing),
            (Self::Join { reducer, .. }, State::Join(state)) => reducer.reduce(context, state, pieces, closing),
            (Self::Sort(sorter), State::Sort(state)) => sorter.reduce(state, pieces, closing),
            (_, State::Unfit(reason)) => Err(CallError::Refused(reason.clone())),
            _ => unreachable!("runners and states are made from the same plan"),
        }
    }
}
