//! Transforms over columns of any type, known only when the module is opened.
//!
//! `#[transform]` wants columns with names and types that are written down. A module that takes them from its options implements
//! [`Process`] itself, with the parts that are public here (see [`Process`]'s example), and ends with `export_process!(Type);`.
//! What `#[transform]` makes is a [`Process`] too: the harness and the exported functions know only that.

pub use crate::{
    bindings::Rejection,
    bits::{get as bit, pack as pack_bits},
    fold::{
        BatchContext, Contract, ContractField, Conversion, Emitted, Field, Input, InputField, Layout, Loaded, Node,
        Number, Output, OutputField, Port, Table, options_from_map, parse_options, suggest, type_name,
    },
    ports::MAIN,
    types::TimeUnit,
};

/// A transform, opened: what the interface `transform` asks for, as Rust. `wit/transform.wit` has the laws.
///
/// ```
/// use pelton_guest::{dynamic::*, prelude::*};
///
/// #[derive(Options)]
/// struct Options { column: String }
///
/// /// Drops rows in which a column, of any type, is null.
/// struct DropNulls { layout: Layout }
///
/// impl Process for DropNulls {
///     fn open(inputs: &[Input], options: &str) -> Result<(Contract, Self), String> {
///         let options: Options = parse_options(options)?;
///         let fields = inputs.first().map(|input| input.fields.as_slice()).unwrap_or_default();
///         let field = fields.iter().find(|field| field.name == options.column);
///         let field = field.ok_or_else(|| format!("there is no column `{}`", options.column))?;
///         let layout = Layout::of(&field.format).ok_or_else(|| format!("`{}` is a list", field.name))?;
///         let pass = |field: &Field| ContractField::Pass((field.name.clone(), field.name.clone()));
///         let shape = Shape { reads: vec![options.column], makes: fields.iter().map(pass).collect(), event_time: None };
///         Ok((shape.into_contract(), Self { layout }))
///     }
///
///     fn process(&self, _: BatchContext, rows: Table) -> Result<Output, String> {
///         let count = rows.rows as usize;
///         let node = rows.nodes.into_iter().next().ok_or("no column came")?;
///         let column = Loaded::whole("column", node, count, Conversion::Same(self.layout))?;
///         let kept: Vec<u32> = (0..rows.rows).filter(|row| !column.is_null(*row as usize)).collect();
///         Ok(Output { emitted: emitted_rows(&kept, Vec::new()), rejected: Vec::new() })
///     }
/// }
///
/// let test = ProcessTest::<DropNulls>::new().options(options! { column: "price" });
/// assert_eq!(test.test(rows! { price: [Some(1.5), None] }).main(), &rows! { price: [1.5] });
/// ```
pub trait Process: Sized {
    /// Agrees on a contract; an error is a sentence for the owner of the job.
    fn open(inputs: &[Input], options: &str) -> Result<(Contract, Self), String>;

    /// Makes the rows of one batch; `rows` has the columns of the contract's `reads`, in their order.
    fn process(&self, context: BatchContext, rows: Table) -> Result<Output, String>;

    /// Replaces a side table that the contract names. There is none unless a module says otherwise, and `export_process!` exports none.
    fn load(&mut self, name: &str, _rows: Table) -> Result<(), String> {
        Err(format!("this module has no side table `{name}`"))
    }
}

/// A contract of a transform with one input and one port.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    pub reads: Vec<String>,
    /// The columns of the port, passed and computed, with any children behind them.
    pub makes: Vec<ContractField>,
    /// The column of the port that is its event time; none keeps the input's where that passes.
    pub event_time: Option<String>,
}

impl Shape {
    pub fn into_contract(self) -> Contract {
        Contract {
            reads: vec![self.reads],
            ports: vec![Port { name: MAIN.to_owned(), fields: self.makes, event_time: self.event_time }],
            tables: Vec::new(),
            state: Vec::new(),
            state_version: 0,
            properties: Vec::new(),
        }
    }
}

/// Rows for the only port that came from the input rows `origin`, which do not decrease; no rows are nothing to emit.
pub fn emitted_rows(origin: &[u32], nodes: Vec<Node>) -> Vec<Emitted> {
    if origin.is_empty() {
        return Vec::new();
    }
    let bytes = bytemuck::cast_slice(origin).to_vec();
    // Their number is that of rows of a batch, a u32, unless the module multiplies rows: the host then finds the table too short.
    let computed = Table { rows: origin.len() as u32, nodes };
    vec![Emitted { port: 0, origin: Some(bytes), computed }]
}

/// The random number, 0 ≤ x < 1, of row `row` of a batch: what `ctx.random()` draws first for it.
pub fn random(context: &BatchContext, row: u32) -> f64 {
    crate::Context::new(*context, None).at(row as usize).random()
}

/// Exports the [`Process`] `$process`, a type in scope, from this module. Native builds export nothing.
#[macro_export]
macro_rules! export_process {
    ($process:ty) => {
        const _: () = {
            use $crate::macros::{self, bindings};

            // Natively nothing is exported.
            #[allow(dead_code)]
            struct Module;

            ::std::thread_local! {
                static OPENED: macros::Slot<$process> = const { macros::Slot::new() };
            }

            impl bindings::TransformGuest for Module {
                fn open(
                    inputs: ::std::vec::Vec<bindings::Input>,
                    options: ::std::string::String,
                ) -> ::core::result::Result<bindings::Contract, ::std::string::String> {
                    OPENED.with(|slot| slot.open(|| <$process as macros::Process>::open(&inputs, &options)))
                }

                fn process(
                    context: bindings::BatchContext,
                    rows: bindings::Table,
                ) -> ::core::result::Result<bindings::Output, bindings::Failure> {
                    OPENED.with(|slot| slot.call(|opened| macros::Process::process(opened, context, rows)))
                }
            }

            #[cfg(target_arch = "wasm32")]
    $crate::bindings::export_transform!(Module with_types_in $crate::bindings);
        };
    };
}
