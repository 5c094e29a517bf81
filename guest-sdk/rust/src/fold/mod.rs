//! Aggregates: folds of rows into accumulators that the host keeps.
//!
//! `#[aggregate]` implements [`aggregate::Aggregate`], whose [`aggregate::Opened`] is a [`Fold`]. A module that works on columns of
//! any type, known only when it is opened, implements [`Fold`] itself with the parts that are public here (see
//! [`Fold`]'s example) and ends with `export_fold!(Type);`. The harness and the exported functions know only [`Fold`].
//!
//! A fold keeps nothing between calls: accumulators come as columns and go as columns, and an all-null row is the
//! accumulator into which nothing was folded.

pub(crate) mod accumulator;
pub(crate) mod aggregate;
pub(crate) mod rows;
pub(crate) mod window;

pub use self::{
    accumulator::{Accumulator, load},
    rows::{Done, column, slots},
    window::{Pane, Window, Windows},
};
pub use crate::{
    bindings::{
        BatchContext, Contract, Emitted, Failure, Field, Input, Node, Output, OutputField as ContractField, Port,
        StateTable, Table,
    },
    input::InputField,
    kept::{KeptField, StateColumn},
    loaded::{Conversion, Layout, Loaded, Number},
    nearest::suggest,
    options::{from_map as options_from_map, parse as parse_options},
    output::OutputField,
    types::name as type_name,
};

/// A fold, opened: what the interface `aggregate` asks for, as Rust. `wit/aggregate.wit` has the laws.
///
/// Most modules want `#[aggregate]` instead. This is for those whose columns are known only in `open`:
///
/// ```
/// use pelton_guest::{fold::{self, *}, prelude::*};
///
/// #[derive(Options)]
/// struct Options { column: String }
///
/// #[derive(Accumulator, Default)]
/// struct Nulls { count: i64 }
///
/// /// Counts the nulls of a column of any type.
/// struct CountNulls { layout: Layout }
///
/// impl Fold for CountNulls {
///     fn open(inputs: &[Input], options: &str) -> Result<(Contract, Self), String> {
///         let options: Options = parse_options(options)?;
///         let field = inputs.iter().flat_map(|input| &input.fields).find(|field| field.name == options.column);
///         let field = field.ok_or_else(|| format!("there is no column `{}`", options.column))?;
///         let layout = Layout::of(&field.format).ok_or_else(|| format!("`{}` is a list", field.name))?;
///         let count = Field { name: "nulls".to_owned(), format: "l".to_owned(), nullable: false, children: 0 };
///         let contract = Shape { reads: vec![options.column], state: Nulls::columns(), makes: vec![count], ordered: false };
///         Ok((contract.into_contract(), Self { layout }))
///     }
///
///     fn accumulate(&self, _: BatchContext, rows: Table, slots: Vec<u8>, accumulators: Table) -> Result<Table, String> {
///         let slots = fold::slots(slots);
///         let slots = slots.elements::<u32>(rows.rows as usize).ok_or("too few slots")?;
///         let mut counts: Vec<Nulls> = load(accumulators)?;
///         let node = rows.nodes.into_iter().next().ok_or("no column came")?;
///         let column = Loaded::whole("column", node, slots.len(), Conversion::Same(self.layout))?;
///         for (row, slot) in slots.iter().enumerate().filter(|(row, _)| column.is_null(*row)) {
///             counts.get_mut(*slot as usize).ok_or("a slot out of range")?.count += 1;
///         }
///         Nulls::store(counts)
///     }
///
///     fn merge(&self, left: Table, right: Table) -> Result<Table, String> {
///         let mut counts: Vec<Nulls> = load(left)?;
///         for (count, later) in counts.iter_mut().zip(load::<Nulls>(right)?) {
///             count.count += later.count;
///         }
///         Nulls::store(counts)
///     }
///
///     fn finish(&self, _: BatchContext, _: Groups, accumulators: Table) -> Result<Output, String> {
///         let counts: Vec<Nulls> = load(accumulators)?;
///         let column: Values<i64> = counts.iter().map(|nulls| nulls.count).collect();
///         Ok(row_for_row(counts.len(), vec![column.finish("nulls")?]))
///     }
/// }
///
/// let test = FoldTest::<CountNulls>::new().options(options! { column: "price" });
/// assert_eq!(test.test(rows! { price: [Some(1.5), None, None] }).main(), &rows! { nulls: [2] });
/// ```
pub trait Fold: Sized {
    /// Agrees on a contract; an error is a sentence for the owner of the job.
    fn open(inputs: &[Input], options: &str) -> Result<(Contract, Self), String>;

    /// Adds row `i` of `rows` to accumulator `slots[i]`, and answers with all accumulators.
    fn accumulate(
        &self,
        context: BatchContext,
        rows: Table,
        slots: Vec<u8>,
        accumulators: Table,
    ) -> Result<Table, String>;

    /// Merges row by row; `left` is earlier.
    fn merge(&self, left: Table, right: Table) -> Result<Table, String>;

    /// Makes the results: one row of `groups` and of `accumulators` for each (key, window).
    fn finish(&self, context: BatchContext, groups: Groups, accumulators: Table) -> Result<Output, String>;
}

/// A fold that can take rows back. The host asks it only where its contract said so ([`Shape::into_retractable_contract`]), so that
/// it may depend on the columns whether a fold can.
pub trait Retract: Fold {
    /// Undoes [`Fold::accumulate`] of the same rows: exactly, for a group that has rows left. Of one that has none the host drops
    /// the accumulator.
    fn retract(&self, context: BatchContext, rows: Table, slots: Vec<u8>, accumulators: Table)
    -> Result<Table, String>;
}

/// What accumulators to finish belong to, as it came.
#[derive(Debug)]
pub struct Groups {
    pub keys: Table,
    /// Little-endian s64 for each row.
    pub starts: Vec<u8>,
    pub ends: Vec<u8>,
    /// A byte for each row.
    pub pane: Vec<u8>,
}

/// A contract of a fold that makes computed columns on one port.
#[derive(Debug, Clone)]
pub struct Shape {
    pub reads: Vec<String>,
    /// The accumulator's columns, with any children behind them.
    pub state: Vec<StateColumn>,
    /// The computed columns.
    pub makes: Vec<Field>,
    /// Whether `merge` needs to know which side is earlier.
    pub ordered: bool,
}

impl Shape {
    /// For a fold that keeps what it has taken.
    pub fn into_contract(self) -> Contract {
        self.contract(false)
    }

    /// For a fold that takes back rows of these columns: one that is exported by [`export_retractable_fold!`](crate::export_retractable_fold).
    pub fn into_retractable_contract(self) -> Contract {
        self.contract(true)
    }

    fn contract(self, retracts: bool) -> Contract {
        let fields = self.makes.into_iter().map(ContractField::Computed).collect();
        Contract {
            reads: vec![self.reads],
            ports: vec![Port { name: crate::ports::MAIN.to_owned(), fields, event_time: None }],
            tables: Vec::new(),
            state: state_of(self.state),
            state_version: aggregate::STATE_VERSION,
            properties: aggregate::properties(self.ordered, retracts),
        }
    }
}

/// The one state table of a fold.
pub(crate) fn state_of(columns: Vec<StateColumn>) -> Vec<StateTable> {
    let values = columns.into_iter().map(StateColumn::into_field).collect();
    vec![StateTable { name: "accumulator".to_owned(), subkey: Vec::new(), values }]
}

/// The answer to `finish` with one row for each accumulator, on the only port.
pub fn row_for_row(rows: usize, nodes: Vec<Node>) -> Output {
    // There were as many accumulators, and their number came as a u32.
    let computed = Table { rows: rows as u32, nodes };
    Output { emitted: vec![Emitted { port: 0, origin: None, computed }], rejected: Vec::new() }
}

/// Exports the [`Fold`] `$fold`, a type in scope, from this module. Native builds export nothing.
#[macro_export]
macro_rules! export_fold {
    ($fold:ty) => {
        const _: () = {
            $crate::__fold_guest!($fold, $crate::macros::bindings::aggregate::Guest);
            #[cfg(target_arch = "wasm32")]
    $crate::bindings::aggregate::export_aggregate!(Module with_types_in $crate::bindings::aggregate);
        };
    };
}

/// As [`export_fold!`], for a type that implements [`Retract`].
#[macro_export]
macro_rules! export_retractable_fold {
    ($fold:ty) => {
        const _: () = {
            use $crate::macros::{Retract, bindings};

            $crate::__fold_guest!($fold, bindings::aggregate::Guest);

            impl bindings::retractable::Guest for Module {
                fn retract(
                    context: bindings::BatchContext,
                    rows: bindings::Table,
                    slots: ::std::vec::Vec<u8>,
                    accumulators: bindings::Table,
                ) -> ::core::result::Result<bindings::Table, bindings::Failure> {
                    OPENED.with(|slot| slot.call(|fold| Retract::retract(fold, context, rows, slots, accumulators)))
                }
            }

            #[cfg(target_arch = "wasm32")]
    $crate::bindings::aggregate::export_aggregate!(Module with_types_in $crate::bindings::aggregate);
            #[cfg(target_arch = "wasm32")]
    $crate::bindings::retractable::export_retractable!(Module with_types_in $crate::bindings::retractable);
        };
    };
}

/// `Module`, which answers the interface `aggregate` with a [`Fold`].
#[doc(hidden)]
#[macro_export]
macro_rules! __fold_guest {
    ($fold:ty, $guest:path) => {
        // Natively nothing is exported.
        #[allow(dead_code)]
        struct Module;

        ::std::thread_local! {
            static OPENED: $crate::macros::Slot<$fold> = const { $crate::macros::Slot::new() };
        }

        impl $guest for Module {
            fn open(
                inputs: ::std::vec::Vec<$crate::macros::bindings::Input>,
                options: ::std::string::String,
            ) -> ::core::result::Result<$crate::macros::bindings::Contract, ::std::string::String> {
                OPENED.with(|slot| slot.open(|| <$fold as $crate::macros::Fold>::open(&inputs, &options)))
            }

            fn accumulate(
                context: $crate::macros::bindings::BatchContext,
                rows: $crate::macros::bindings::Table,
                slots: ::std::vec::Vec<u8>,
                accumulators: $crate::macros::bindings::Table,
            ) -> ::core::result::Result<$crate::macros::bindings::Table, $crate::macros::bindings::Failure> {
                use $crate::macros::Fold;
                OPENED.with(|slot| slot.call(|fold| fold.accumulate(context, rows, slots, accumulators)))
            }

            fn merge(
                left: $crate::macros::bindings::Table,
                right: $crate::macros::bindings::Table,
            ) -> ::core::result::Result<$crate::macros::bindings::Table, $crate::macros::bindings::Failure> {
                use $crate::macros::Fold;
                OPENED.with(|slot| slot.call(|fold| fold.merge(left, right)))
            }

            fn finish(
                context: $crate::macros::bindings::BatchContext,
                keys: $crate::macros::bindings::Table,
                starts: ::std::vec::Vec<u8>,
                ends: ::std::vec::Vec<u8>,
                pane: ::std::vec::Vec<u8>,
                accumulators: $crate::macros::bindings::Table,
            ) -> ::core::result::Result<$crate::macros::bindings::Output, $crate::macros::bindings::Failure> {
                use $crate::macros::Fold;
                let groups = $crate::macros::Groups { keys, starts, ends, pane };
                OPENED.with(|slot| slot.call(|fold| fold.finish(context, groups, accumulators)))
            }
        }
    };
}
