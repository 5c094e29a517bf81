//! Side tables: whole tables that the engine hands to a transform before its rows, as something to look up in.
//!
//! An author implements [`Lookup`]; the macro makes one [`SideTable`] for each table that the transform names, and [`Tables`] of
//! all of them. What is built is a cache: the engine hands the table over again to every instance, and whenever it changes.

use std::{fmt, ops::Range};

use crate::{
    bindings::{self, Input},
    contract::{Columns, PlannedRead, Unsaid},
    fold::rows::reads,
    input::{InputColumns, InputRow},
    loaded::Loaded,
    nearest,
};

/// Something to look up in, built from the rows of a side table.
///
/// ```
/// use std::collections::HashMap;
///
/// use pelton_guest::prelude::*;
///
/// #[derive(Row)]
/// struct Airline<'a> { carrier: &'a str, name: &'a str }
///
/// /// Names by carrier.
/// struct Airlines(HashMap<String, String>);
///
/// impl Lookup for Airlines {
///     type Row<'a> = Airline<'a>;
///
///     fn load(rows: TableRows<'_, Self>) -> Result<Self, String> {
///         Ok(Self(rows.map(|row| (row.carrier.to_owned(), row.name.to_owned())).collect()))
///     }
/// }
///
/// #[derive(Row)]
/// struct Flight<'a> { carrier: &'a str }
///
/// #[derive(Row)]
/// struct Named { airline: Option<String> }
///
/// #[transform(table = "airlines")]
/// fn named(flight: Flight<'_>, airlines: &Airlines) -> Named {
///     Named { airline: airlines.0.get(flight.carrier).cloned() }
/// }
///
/// let airlines = rows! { carrier: ["LH", "BA"], name: ["Lufthansa", "British Airways"] };
/// let out = named.table("airlines", airlines).test(rows! { carrier: ["BA", "ZZ"] });
/// assert_eq!(out.main(), &rows! { carrier: ["BA", "ZZ"], airline: [Some("British Airways"), None] });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be looked up in",
    label = "not built from a table",
    note = "implement `Lookup` for it: its `load` builds it from the rows of the table"
)]
pub trait Lookup: Sized {
    /// A row of the table: a struct with `#[derive(Row)]`. A null in a field that is no `Option` stops the job.
    type Row<'a>: InputRow<'a>;

    /// Builds it from all rows, in the order of the table. An error stops the job.
    fn load(rows: TableRows<'_, Self>) -> Result<Self, String>;
}

/// The rows of a side table, in order.
pub struct TableRows<'a, L: Lookup> {
    columns: <L::Row<'a> as InputRow<'a>>::Columns,
    rows: Range<usize>,
}

impl<'a, L: Lookup> TableRows<'a, L> {
    fn new(columns: &'a [Loaded], rows: usize) -> Result<Self, String> {
        Ok(Self { columns: <L::Row<'a> as InputRow<'a>>::Columns::view(columns, rows)?, rows: 0..rows })
    }
}

impl<'a, L: Lookup> Iterator for TableRows<'a, L> {
    type Item = L::Row<'a>;

    fn next(&mut self) -> Option<L::Row<'a>> {
        self.rows.next().map(|at| L::Row::<'a>::row(self.columns, at))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl<L: Lookup> ExactSizeIterator for TableRows<'_, L> {}

impl<L: Lookup> fmt::Debug for TableRows<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableRows").field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// All side tables of a transform. Implemented by `#[transform(table = "…")]`, and by [`NoTables`].
pub trait Tables: Sized {
    const NAMES: &'static [&'static str];

    /// Fits what is read to the tables on offer.
    fn open(offered: &[Input]) -> Result<Self, String>;
    /// Replaces the table `name`.
    fn load(&mut self, name: &str, rows: bindings::Table) -> Result<(), String>;
}

/// A transform without side tables.
#[derive(Debug, Clone, Copy)]
pub struct NoTables;

impl Tables for NoTables {
    const NAMES: &'static [&'static str] = &[];

    fn open(_offered: &[Input]) -> Result<Self, String> {
        Ok(Self)
    }

    fn load(&mut self, name: &str, _rows: bindings::Table) -> Result<(), String> {
        Err(no_table(name))
    }
}

/// A table came that the contract does not name.
#[cold]
pub fn no_table(name: &str) -> String {
    format!("the table `{name}` came, but this module did not ask for it")
}

/// One side table, and what is built from it.
#[derive(Debug)]
pub struct SideTable<L> {
    name: &'static str,
    reads: Vec<PlannedRead>,
    /// None until the table has come.
    built: Option<L>,
}

/// Fits what is looked up in to the table on offer.
pub fn open_table<L: Lookup>(name: &'static str, offered: &[Input]) -> Result<SideTable<L>, String> {
    let table = offered.iter().find(|table| table.name == name).ok_or_else(|| {
        let hint = nearest::suggest(name, offered.iter().map(|table| table.name.as_str()));
        format!("this module looks up in the table `{name}`, which the operator is not offered: {hint}")
    })?;
    let columns = Columns::of(format!("the table `{name}`"), table, Unsaid::All)?;
    Ok(SideTable { name, reads: columns.fit_all(&reads::<L::Row<'_>>())?, built: None })
}

/// Builds what is looked up in, in place of the one before.
pub fn load_table<L: Lookup>(table: &mut SideTable<L>, rows: bindings::Table) -> Result<(), String> {
    let count = rows.rows as usize;
    // The old one goes first: both may not fit.
    table.built = None;
    let columns = table.reads.iter().map(|read| load_column(read, &rows.nodes, count));
    let built =
        columns.collect::<Result<Vec<_>, String>>().and_then(|columns| L::load(TableRows::new(&columns, count)?));
    table.built = Some(built.map_err(|why| format!("the table `{}`: {why}", table.name))?);
    Ok(())
}

impl<L> SideTable<L> {
    /// What the function is given.
    pub fn get(&self) -> Result<&L, String> {
        self.built.as_ref().ok_or_else(|| format!("the table `{}` did not come before the first rows", self.name))
    }
}

fn load_column(read: &PlannedRead, nodes: &[bindings::Node], rows: usize) -> Result<Loaded, String> {
    let name = &read.column;
    let node = nodes.get(read.node).ok_or_else(|| format!("column `{name}` did not come"))?;
    let column = Loaded::whole(name, node.clone(), rows, read.conversion)?;
    match (0..rows).find(|row| !read.takes_null && column.is_null(*row)) {
        Some(row) => Err(format!("`{name}` of row {row} is null")),
        None => Ok(column),
    }
}
