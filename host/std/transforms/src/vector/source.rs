//! Columns that come: found when the module is opened, loaded for each batch.

use std::vec::IntoIter;

use pelton_guest::{
    Decimal,
    dynamic::{InputField, Layout, Loaded, Node},
};

use super::{Bits, Lane, Values, Vector};
use crate::{
    input::Column,
    types::{Kind, Type},
};

/// A column that is read.
#[derive(Debug, Clone)]
pub struct Source {
    pub name: String,
    pub ty: Type,
    format: String,
    /// Its own node, and those of its children.
    nodes: usize,
}

/// The column of a batch. Vectors borrow from it.
#[derive(Debug)]
pub struct Held {
    loaded: Option<Loaded>,
    /// Of a u64 column, which is computed in i128.
    wide: Vec<i128>,
    /// Of a column that is not computed with.
    validity: Vec<u8>,
    kind: Kind,
    rows: usize,
}

impl Source {
    pub fn new(column: &Column<'_>) -> Self {
        Self {
            name: column.field.name.clone(),
            ty: Type::of(&column.field.format),
            format: column.field.format.clone(),
            nodes: 1 + column.children.len(),
        }
    }

    /// Takes the column's nodes from those that came.
    pub fn load(&self, nodes: &mut IntoIter<Node>, rows: usize) -> Result<Held, String> {
        let mut own = nodes.by_ref().take(self.nodes);
        let first = own.next().ok_or_else(|| format!("column `{}` did not come", self.name))?;
        // The children of a column that is not computed with.
        own.for_each(drop);
        let kind = self.ty.kind();
        let mut held = Held { loaded: None, wide: Vec::new(), validity: Vec::new(), kind, rows };
        match Type::conversion(&self.format).filter(|_| kind != Kind::Presence) {
            None => held.validity = first.buffers.into_iter().next().unwrap_or_default(),
            Some(conversion) => {
                let loaded = Loaded::whole(&self.name, first, rows, conversion)?;
                if self.format == "L" {
                    held.wide = u64::view(&loaded)?.iter().map(|value| i128::from(*value)).collect();
                }
                held.loaded = Some(loaded);
            }
        }
        Ok(held)
    }
}

impl Held {
    /// Checks text to be UTF-8, once for all expressions that read it.
    pub fn vector(&self) -> Result<Vector<'_>, String> {
        let Some(loaded) = &self.loaded else {
            return Ok(Vector { values: Values::Presence, valid: Bits::borrowed(&self.validity, self.rows) });
        };
        let valid = Bits::borrowed(loaded.validity.bytes(), self.rows);
        let values = match self.kind {
            Kind::Bool => Values::Bool(Bits::borrowed(loaded.values.bytes(), self.rows)),
            Kind::Whole => Values::Whole(Lane::Rows(i64::view(loaded)?.into())),
            Kind::Real => Values::Real(Lane::Rows(f64::view(loaded)?.into())),
            Kind::Wide if loaded.layout == Layout::Fixed(8) => Values::Wide(Lane::Rows(self.wide.as_slice().into())),
            Kind::Wide => Values::Wide(Lane::Rows(<Decimal<38, 0>>::view(loaded)?.into())),
            Kind::Text => Values::Text(super::Texts::Rows(<&str>::view(loaded)?)),
            Kind::Presence => Values::Presence,
        };
        Ok(Vector { values, valid })
    }
}
