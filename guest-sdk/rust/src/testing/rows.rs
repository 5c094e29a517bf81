//! Rows of a test: columns with names and types, as the host would send them.

use std::{collections::BTreeMap, fmt};

use super::{
    cell::{self, Cell},
    concat,
};
use crate::{
    bindings::{Field, Input, Node, Table},
    bits,
    columns::Values,
    input::InputField,
    loaded::{Conversion, Layout},
    output::OutputField,
    types,
};

/// A table, made by [`rows!`](crate::rows!) or by a test. Equal if names and values are; 1 is 1 as `s32` and as `s64`.
#[derive(Clone, Default)]
pub struct Rows {
    rows: usize,
    columns: Vec<(Field, Node)>,
    /// The items of columns that are lists.
    items: BTreeMap<String, (Field, Node)>,
}

/// Rows by column: `rows! { price: [1.0, 2.5], "user-id": [Some(7), None] }`. Types are those of the values, as in
/// `#[derive(Row)]`: `1` is an `s32`, `1_i64` an `s64`. All columns have the same length.
#[macro_export]
macro_rules! rows {
    (@name $name:ident) => { ::core::stringify!($name) };
    (@name $name:literal) => { $name };
    ($($name:tt : $values:expr),* $(,)?) => {
        $crate::testing::Rows::default()$(.with($crate::rows!(@name $name), $values))*
    };
}

impl Rows {
    /// Adds a column.
    #[track_caller]
    #[must_use]
    pub fn with<F: OutputField>(mut self, name: &str, values: impl IntoIterator<Item = F>) -> Self {
        let field = Field { name: name.to_owned(), format: F::format(), nullable: F::NULLABLE, children: 0 };
        let node = match values.into_iter().collect::<Values<F>>().finish(name) {
            Ok(node) => node,
            Err(why) => panic!("{why}"),
        };
        let rows = node.rows as usize;
        assert!(
            self.columns.is_empty() || rows == self.rows,
            "column `{name}` has {rows} rows, and those before it {}",
            self.rows
        );
        self.rows = rows;
        self.columns.push((field, node));
        self
    }

    /// Rows without columns.
    #[must_use]
    pub fn of_no_columns(rows: usize) -> Self {
        Self { rows, ..Self::default() }
    }

    pub fn len(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The names of the columns, in order.
    pub fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|(field, _)| field.name.as_str()).collect()
    }

    /// The types of the columns as job files write them, in order: `price: f64?`.
    pub fn types(&self) -> Vec<String> {
        let named = self.columns.iter().map(|(field, _)| {
            let mark = if field.nullable { "?" } else { "" };
            format!("{}: {}{mark}", field.name, types::name(&field.format))
        });
        named.collect()
    }

    /// A column's values, as any type that a row could read it as: `out.column::<f64>("euro")`.
    #[track_caller]
    pub fn column<F: for<'a> InputField<'a>>(&self, name: &str) -> Vec<F> {
        let Some((field, node)) = self.columns.iter().find(|(field, _)| field.name == name) else {
            panic!("there is no column `{name}`: {}", crate::nearest::suggest(name, self.names()));
        };
        match cell::values(field, node) {
            Ok(values) => values,
            Err(why) => panic!("{why}"),
        }
    }

    pub(super) fn from_columns(rows: usize, columns: Vec<(Field, Node)>) -> Self {
        Self { rows, columns, items: BTreeMap::new() }
    }

    /// Says what the items of list `column` are.
    pub(super) fn set_items(&mut self, column: &str, items: (Field, Node)) {
        self.items.insert(column.to_owned(), items);
    }

    /// The values of a column of lists: `out.lists::<i64>("prices")`.
    #[track_caller]
    pub fn lists<F: for<'a> InputField<'a>>(&self, name: &str) -> Vec<Vec<F>> {
        let (Some((_, list)), Some((item, items))) =
            (self.columns.iter().find(|(field, _)| field.name == name), self.items.get(name))
        else {
            panic!("there is no column of lists `{name}`: {}", crate::nearest::suggest(name, self.names()));
        };
        let mut items = match cell::values(item, items) {
            Ok(items) => items.into_iter(),
            Err(why) => panic!("{why}"),
        };
        cell::lengths(list).into_iter().map(|length| items.by_ref().take(length).collect()).collect()
    }

    /// The input as `open` sees it.
    pub(super) fn as_input(&self, event_time: Option<String>) -> Input {
        let fields = self.columns.iter().map(|(field, _)| field.clone()).collect();
        let mode = "append".to_owned();
        Input { name: "input".to_owned(), fields, key: Vec::new(), event_time, mode, properties: Vec::new() }
    }

    /// The side table `name` as `open` sees it.
    pub(super) fn as_side_table(&self, name: &str) -> Input {
        Input { name: name.to_owned(), mode: "table".to_owned(), ..self.as_input(None) }
    }

    /// All columns as a table.
    pub(super) fn whole(&self) -> Result<Table, String> {
        self.as_table(&self.names().into_iter().map(str::to_owned).collect::<Vec<_>>())
    }

    /// The columns `names` as `process` sees them.
    pub(super) fn as_table(&self, names: &[String]) -> Result<Table, String> {
        let nodes = names.iter().map(|name| Ok(self.find(name)?.1.clone())).collect::<Result<_, String>>()?;
        let rows = u32::try_from(self.rows).map_err(|_| "a batch has at most 4294967295 rows")?;
        Ok(Table { rows, nodes })
    }

    pub(super) fn find(&self, name: &str) -> Result<&(Field, Node), String> {
        let column = self.columns.iter().find(|(field, _)| field.name == name);
        column.ok_or_else(|| format!("the contract names column `{name}`, which the input does not have"))
    }

    /// The rows at `positions` of column `name`.
    pub(super) fn take(&self, name: &str, positions: &[u32]) -> Result<(Field, Node), String> {
        let (field, node) = self.find(name)?;
        let layout = Layout::of(&field.format).ok_or_else(|| format!("column `{name}` cannot be carried in a test"))?;
        let taken = cell::load(field, node, Conversion::Same(layout))?.take(positions);
        let mut buffers = vec![taken.validity.bytes().to_vec(), taken.values.bytes().to_vec()];
        if matches!(taken.layout, Layout::Variable) {
            buffers.push(taken.bytes.bytes().to_vec());
        }
        let rows = u32::try_from(taken.rows).map_err(|_| "a batch has at most 4294967295 rows")?;
        Ok((field.clone(), Node { rows, buffers }))
    }

    /// These rows with more columns before theirs.
    pub(super) fn behind(self, mut columns: Vec<(Field, Node)>) -> Self {
        columns.extend(self.columns.clone());
        Self { columns, ..self }
    }

    /// The rows at `positions`, of all columns. Those beyond the end are left out.
    pub(super) fn select(&self, positions: &[u32]) -> Self {
        let positions: Vec<u32> = positions.iter().copied().filter(|row| (*row as usize) < self.rows).collect();
        let take =
            |(field, _): &(Field, Node)| self.take(&field.name, &positions).unwrap_or_else(|why| panic!("{why}"));
        Self::from_columns(positions.len(), self.columns.iter().map(take).collect())
    }

    /// These rows, and then those of `other`, which has the same columns.
    pub(super) fn concat(&self, other: &Self) -> Result<Self, String> {
        let columns = self.columns.iter().map(|(field, node)| {
            let (theirs, more) = other.find(&field.name)?;
            if theirs.format != field.format {
                let (have, want) = (types::name(&theirs.format), types::name(&field.format));
                return Err(format!("column `{}` is {have}, and was {want} before", field.name));
            }
            let nullable = field.nullable || theirs.nullable;
            Ok((Field { nullable, ..field.clone() }, concat::nodes(field, node, more)?))
        });
        Ok(Self::from_columns(self.rows + other.rows, columns.collect::<Result<_, String>>()?))
    }

    /// No rows of columns with these fields.
    pub(super) fn of_fields<'a>(fields: impl Iterator<Item = &'a Field>) -> Self {
        Self::from_columns(0, fields.map(|field| (field.clone(), nulls(field, 0))).collect())
    }

    /// So many rows of the same columns, all null.
    pub(super) fn nulls(&self, rows: u32) -> Self {
        let columns = self.columns.iter().map(|(field, _)| (field.clone(), nulls(field, rows as usize)));
        Self::from_columns(rows as usize, columns.collect())
    }

    /// The rows of `table`, as the same columns.
    pub(super) fn with_table(&self, table: &Table) -> Self {
        let columns = self.columns.iter().zip(&table.nodes).map(|((field, _), node)| (field.clone(), node.clone()));
        Self::from_columns(table.rows as usize, columns.collect())
    }

    /// These rows with the columns of `other` behind theirs.
    pub(super) fn beside(mut self, other: Self) -> Self {
        self.columns.extend(other.columns);
        self
    }

    /// Whether any column of row `at` is not null.
    pub(super) fn has_value(&self, at: usize) -> bool {
        self.columns.iter().any(|(_, node)| {
            let validity = node.buffers.first().map(Vec::as_slice).unwrap_or_default();
            validity.is_empty() || bits::get(validity, at)
        })
    }

    pub(super) fn cells_of(&self, name: &str) -> Result<Vec<Cell>, String> {
        let (field, node) = self.find(name)?;
        cell::cells(field, node)
    }

    /// Whether names are equal, and values the same by `is_same`.
    pub(super) fn is_like(&self, other: &Self, is_same: &impl Fn(&Cell, &Cell) -> bool) -> bool {
        let (left, right) = (self.cells(), other.cells());
        let mut columns = left.iter().zip(&right);
        let are_same = |left: &[Cell], right: &[Cell]| left.iter().zip(right).all(|(left, right)| is_same(left, right));
        self.rows == other.rows
            && left.len() == right.len()
            && columns.all(|((name, left), (other, right))| name == other && are_same(left, right))
    }

    fn cells(&self) -> Vec<(&str, Vec<Cell>)> {
        let cells = |(field, node): &(Field, Node)| match self.items.get(&field.name) {
            None => cell::cells(field, node),
            Some((item, items)) => cell::cells(item, items).map(|items| cell::lists(node, items)),
        };
        let cells = |column| cells(column).unwrap_or_else(|why| panic!("{why}"));
        self.columns.iter().map(|column| (column.0.name.as_str(), cells(column))).collect()
    }
}

/// A column of nulls.
pub(super) fn nulls(field: &Field, rows: usize) -> Node {
    let values = match Layout::of(&field.format) {
        Some(Layout::Fixed(size)) => vec![0; rows * size],
        Some(Layout::Bits) => vec![0; rows.div_ceil(8)],
        Some(Layout::Variable) => vec![0; (rows + 1) * size_of::<i32>()],
        Some(Layout::LargeVariable) => vec![0; (rows + 1) * size_of::<i64>()],
        None => Vec::new(),
    };
    // As many as rows or groups of a test, whose number is a u32.
    Node { rows: rows as u32, buffers: vec![vec![0; rows.div_ceil(8)], values, Vec::new()] }
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows && self.cells() == other.cells()
    }
}

/// A table, so that a failed assertion shows where rows differ.
impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<Vec<String>> = self
            .cells()
            .iter()
            .zip(self.types())
            .map(|((_, cells), heading)| {
                std::iter::once(heading).chain(cells.iter().map(|cell| format!("{cell:?}"))).collect()
            })
            .collect();
        let widths: Vec<usize> =
            shown.iter().map(|column| column.iter().map(|cell| cell.chars().count()).max().unwrap_or(0)).collect();
        writeln!(f, "{} rows", self.rows)?;
        for line in 0..=self.rows {
            let cells = shown.iter().zip(&widths).map(|(column, width)| {
                let cell = column.get(line).map_or("", String::as_str);
                format!("{cell:width$}")
            });
            writeln!(f, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}
