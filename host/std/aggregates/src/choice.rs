//! `std:min`, `std:max`, `std:first`, `std:last`: one of a column's values.
//!
//! Floats are in IEEE's total order, in which -0 is below 0; NaN is greater than every number. Text is ordered by code
//! points.

use std::cmp::Ordering;

use pelton_guest::{
    fold::{Accumulator as _, Input, Loaded, Shape, column, options_from_map},
    prelude::*,
};
use serde_json::{Map, Value};

use crate::{
    Chosen,
    column::{self, Column, narrow},
    function::{Function, Made, Opened},
    kept::{self, Keep, One},
};

/// Which value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    Min,
    Max,
    First,
    Last,
}

impl Choice {
    fn name(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Max => "max",
            Self::First => "first",
            Self::Last => "last",
        }
    }
}

#[derive(Options)]
struct Options {
    column: String,
}

pub fn open(choice: Choice, input: &Input, options: &Map<String, Value>) -> Chosen {
    let column = Column::find(input, &options_from_map::<Options>(options)?.column, choice.name())?;
    match column.kind {
        column::Kind::Bool => chosen::<kept::Bool>(choice, column),
        column::Kind::Signed => chosen::<kept::Signed>(choice, column),
        column::Kind::Unsigned => chosen::<kept::Unsigned>(choice, column),
        column::Kind::Float => chosen::<kept::Float>(choice, column),
        column::Kind::Decimal { .. } => chosen::<kept::Unscaled>(choice, column),
        column::Kind::Bytes => chosen::<kept::Bytes>(choice, column),
    }
}

fn chosen<K: Keep + 'static>(choice: Choice, column: Column) -> Chosen {
    let mut state = One::<K>::columns();
    if let column::Kind::Decimal { .. } | column::Kind::Bytes = column.kind {
        // What is kept has the column's own scale, or is text as the column is.
        state.iter_mut().for_each(|state| state.format.clone_from(&column.format));
    }
    let shape = Shape {
        reads: vec![column.name.clone()],
        state,
        makes: vec![column.result(choice.name())],
        ordered: matches!(choice, Choice::First | Choice::Last),
    };
    let function = Pick::<K> { choice, format: column.format.clone(), kind: std::marker::PhantomData };
    Ok((shape, Box::new(Opened::new(vec![column], function))))
}

struct Pick<K> {
    choice: Choice,
    format: String,
    kind: std::marker::PhantomData<K>,
}

impl<K: Keep> Pick<K> {
    /// Whether `value` takes the place of what is kept; it comes later.
    #[inline(always)]
    fn replaces(choice: Choice, value: K::Value<'_>, kept: &K::Kept) -> bool {
        match choice {
            Choice::Min => K::compare(value, kept) == Ordering::Less,
            Choice::Max => K::compare(value, kept) == Ordering::Greater,
            Choice::First => false,
            Choice::Last => true,
        }
    }

    #[inline(always)]
    fn offer(choice: Choice, value: K::Value<'_>, state: &mut One<K>) {
        if state.0.as_ref().is_none_or(|kept| Self::replaces(choice, value, kept)) {
            K::keep(value, &mut state.0);
        }
    }

    #[inline(always)]
    fn offer_all(choice: Choice, values: &Loaded, slots: &[u32], states: &mut [One<K>]) -> Result<(), String> {
        column(values, slots, states, |state, value| {
            Self::offer(choice, value, state);
        })
    }
}

impl<K: Keep> Function for Pick<K> {
    type State = One<K>;

    fn add(&self, columns: &[Loaded], slots: &[u32], states: &mut [One<K>]) -> Result<(), String> {
        let values = columns.first().ok_or("no column came")?;
        // A loop for each, so that none asks for every row.
        match self.choice {
            Choice::Min => Self::offer_all(Choice::Min, values, slots, states),
            Choice::Max => Self::offer_all(Choice::Max, values, slots, states),
            Choice::First => Self::offer_all(Choice::First, values, slots, states),
            Choice::Last => Self::offer_all(Choice::Last, values, slots, states),
        }
    }

    fn merge(&self, state: &mut One<K>, later: One<K>) -> Result<(), String> {
        if let Some(later) = &later.0 {
            Self::offer(self.choice, K::value(later), state);
        }
        Ok(())
    }

    fn finish(&self, states: Vec<One<K>>) -> Result<Made, String> {
        Ok(narrow(One::column(states)?, &self.format).into())
    }
}
