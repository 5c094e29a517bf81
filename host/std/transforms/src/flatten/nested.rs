//! Nested columns: what `open` knows of one, and the rows that come.
//!
//! The two have the same shape. Large offsets, of 64 bits, become small ones when they are loaded, so no format with them leaves.

use std::vec::IntoIter;

use pelton_guest::dynamic::{Conversion, Field, Layout, Loaded, Node};

use crate::{input::Column, vector::Bits};

/// Deeper columns are refused.
const DEPTH_MAX: usize = 32;

/// A column as `open` sees it.
#[derive(Debug, Clone)]
pub struct Branch {
    pub field: Field,
    pub form: Form,
}

#[derive(Debug, Clone)]
pub enum Form {
    /// What is no list and no struct.
    Leaf(Layout),
    Struct(Vec<Branch>),
    List {
        is_large: bool,
        item: Box<Branch>,
    },
}

/// Rows of a column.
#[derive(Debug)]
pub struct Nested {
    rows: usize,
    valid: Bits<'static>,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Leaf(Loaded),
    Struct(Vec<Nested>),
    /// Where each row's items end, after a 0; and all items.
    List(Vec<u32>, Box<Nested>),
}

impl Branch {
    pub fn new(column: &Column<'_>) -> Result<Self, String> {
        let mut behind = column.children.iter();
        Self::read(column.field, &mut behind, 0).map_err(|why| format!("column `{}` {why}", column.field.name))
    }

    fn read<'f>(field: &Field, behind: &mut impl Iterator<Item = &'f Field>, depth: usize) -> Result<Self, String> {
        if depth == DEPTH_MAX {
            return Err(format!("is nested more than {DEPTH_MAX} levels deep"));
        }
        let mut children = Vec::new();
        for _ in 0..field.children {
            let child = behind.next().ok_or("came without its children")?;
            children.push(Self::read(child, behind, depth + 1)?);
        }
        let mut field = field.clone();
        let form = match field.format.as_str() {
            "+s" => Form::Struct(children),
            "+l" | "+L" => {
                let is_large = field.format == "+L";
                "+l".clone_into(&mut field.format);
                Form::List { is_large, item: children.pop().ok_or("is a list without items")?.into() }
            }
            format => {
                let layout = Layout::of(format)
                    .ok_or_else(|| format!("has a part of Arrow format `{format}`, which is not known"))?;
                field.format = match format {
                    "U" => "u".to_owned(),
                    "Z" => "z".to_owned(),
                    other => other.to_owned(),
                };
                Form::Leaf(layout)
            }
        };
        Ok(Self { field, form })
    }

    /// This field and those below it, in pre-order.
    pub fn fields(&self, out: &mut Vec<Field>) {
        out.push(self.field.clone());
        match &self.form {
            Form::Leaf(_) => {}
            Form::Struct(children) => children.iter().for_each(|child| child.fields(out)),
            Form::List { item, .. } => item.fields(out),
        }
    }

    /// Takes the rows of the column from the nodes that came.
    pub fn load(&self, nodes: &mut IntoIter<Node>) -> Result<Nested, String> {
        let name = &self.field.name;
        let mut node = nodes.next().ok_or_else(|| format!("a part of column `{name}` did not come"))?;
        let rows = node.rows as usize;
        let validity = node.buffers.first_mut().map(std::mem::take).unwrap_or_default();
        if !validity.is_empty() && validity.len() < rows.div_ceil(8) {
            return Err(format!("column `{name}` has a validity bitmap for fewer than its {rows} rows"));
        }
        let valid = Bits::owned(validity);
        let values = match &self.form {
            Form::Leaf(layout) => Values::Leaf(Loaded::whole(name, node, rows, Conversion::Same(*layout))?),
            Form::Struct(children) => {
                let children = children.iter().map(|child| child.load(nodes)).collect::<Result<Vec<_>, _>>()?;
                if children.iter().any(|child| child.rows < rows) {
                    return Err(format!("column `{name}` has a field with fewer rows than its {rows}"));
                }
                Values::Struct(children)
            }
            Form::List { is_large, item } => {
                let ends = offsets(&node, rows, *is_large)
                    .ok_or_else(|| format!("column `{name}` has offsets for fewer than its {rows} rows"))?;
                let items = item.load(nodes)?;
                if !ends.is_sorted() || ends.last().is_some_and(|end| *end as usize > items.rows) {
                    return Err(format!("the offsets of column `{name}` decrease or leave its items"));
                }
                Values::List(ends, items.into())
            }
        };
        Ok(Nested { rows, valid, values })
    }
}

/// The offsets of a list of `rows` rows; none if there are fewer, or one that is no place in a batch.
fn offsets(node: &Node, rows: usize, is_large: bool) -> Option<Vec<u32>> {
    let bytes = node.buffers.get(1).map(Vec::as_slice).unwrap_or_default();
    if rows == 0 {
        return Some(vec![0]);
    }
    let offsets: Option<Vec<u32>> = if is_large {
        bytes
            .as_chunks::<8>()
            .0
            .iter()
            .take(rows + 1)
            .map(|offset| u32::try_from(i64::from_le_bytes(*offset)).ok())
            .collect()
    } else {
        bytes
            .as_chunks::<4>()
            .0
            .iter()
            .take(rows + 1)
            .map(|offset| u32::try_from(i32::from_le_bytes(*offset)).ok())
            .collect()
    };
    offsets.filter(|offsets| offsets.len() == rows + 1)
}

impl Nested {
    /// Its rows at `positions`, which are below their number.
    pub fn take(&self, positions: &[u32]) -> Self {
        let values = match &self.values {
            Values::Leaf(loaded) => Values::Leaf(loaded.take(positions)),
            Values::Struct(children) => Values::Struct(children.iter().map(|child| child.take(positions)).collect()),
            Values::List(offsets, items) => {
                let picked = Picked::of(offsets, positions.iter().copied());
                Values::List(picked.ends, items.take(&picked.items).into())
            }
        };
        Self { rows: positions.len(), valid: self.valid.take(positions), values }
    }

    /// The fields of a struct, null where it is null.
    pub fn into_fields(self) -> Result<Vec<Self>, String> {
        let Values::Struct(fields) = self.values else { return Err("a column to flatten is no struct".to_owned()) };
        Ok(fields.into_iter().map(|field| Self { valid: field.valid.and(&self.valid), ..field }).collect())
    }

    /// The items of a list one after another, and for each the row that it is of. A null list has none.
    pub fn into_items(self) -> Result<(Vec<u32>, Self), String> {
        let Values::List(offsets, items) = self.values else { return Err("a column to flatten is no list".to_owned()) };
        // Rows came as a u32.
        let rows = (0..self.rows as u32).filter(|row| self.valid.get(*row as usize));
        let picked = Picked::of(&offsets, rows.clone());
        let mut origin = Vec::with_capacity(picked.items.len());
        for (row, count) in rows.zip(picked.lengths()) {
            origin.extend(std::iter::repeat_n(row, count));
        }
        let is_all = picked.items.len() == items.rows && picked.items.iter().zip(0..).all(|(item, at)| *item == at);
        Ok((origin, if is_all { *items } else { items.take(&picked.items) }))
    }

    /// The nodes that leave, in pre-order.
    pub fn into_nodes(self, out: &mut Vec<Node>) {
        let rows = self.rows as u32;
        let validity = self.valid.into_validity(self.rows);
        match self.values {
            Values::Leaf(loaded) => {
                let mut buffers = vec![validity, loaded.values.bytes().to_vec()];
                if loaded.layout == Layout::Variable {
                    buffers.push(loaded.bytes.bytes().to_vec());
                }
                out.push(Node { rows, buffers });
            }
            Values::Struct(fields) => {
                out.push(Node { rows, buffers: vec![validity] });
                fields.into_iter().for_each(|field| field.into_nodes(out));
            }
            Values::List(ends, items) => {
                out.push(Node { rows, buffers: vec![validity, bytemuck::cast_slice(&ends).to_vec()] });
                items.into_nodes(out);
            }
        }
    }
}

/// Items of some rows of a list.
struct Picked {
    /// Their places among all items.
    items: Vec<u32>,
    /// Where each row's end among the picked, after a 0.
    ends: Vec<u32>,
}

impl Picked {
    fn of(offsets: &[u32], rows: impl Iterator<Item = u32>) -> Self {
        let mut picked = Self { items: Vec::new(), ends: vec![0] };
        for row in rows {
            if let (Some(start), Some(end)) = (offsets.get(row as usize), offsets.get(row as usize + 1)) {
                picked.items.extend(*start..*end);
            }
            // No more items than the host's u32 rows of nodes in all, unless rows are repeated; the host bounds what comes of that.
            picked.ends.push(picked.items.len() as u32);
        }
        picked
    }

    /// How many items each row has.
    fn lengths(&self) -> impl Iterator<Item = usize> {
        self.ends.iter().zip(self.ends.iter().skip(1)).map(|(start, end)| (end - start) as usize)
    }
}
