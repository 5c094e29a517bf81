//! Expressions over the columns of a batch: what `std:filter`, `std:select` and `std:cast` are made of.

use std::collections::BTreeMap;

use pelton_guest::dynamic::{Rejection, Table};

use crate::{
    evaluate::Evaluation,
    expression::Node,
    vector::{Held, Source, Vector},
};

/// Expressions, and the columns that they read.
#[derive(Debug)]
pub struct Program {
    pub sources: Vec<Source>,
    pub nodes: Vec<Node>,
}

/// Rows to reject, and why.
pub type Faults = BTreeMap<u32, String>;

impl Program {
    /// The names of the columns, for the contract.
    pub fn reads(&self) -> Vec<String> {
        self.sources.iter().map(|source| source.name.clone()).collect()
    }

    /// Computes all expressions of a batch, and gives their values to `finish`.
    pub fn run<T>(
        &self,
        rows: Table,
        finish: impl FnOnce(&[Vector<'_>], Faults) -> Result<T, String>,
    ) -> Result<T, String> {
        let count = rows.rows as usize;
        let mut nodes = rows.nodes.into_iter();
        let held =
            self.sources.iter().map(|source| source.load(&mut nodes, count)).collect::<Result<Vec<Held>, _>>()?;
        let named =
            |(source, held): (&Source, _)| Held::vector(held).map_err(|why| format!("column `{}`: {why}", source.name));
        let columns = self.sources.iter().zip(&held).map(named).collect::<Result<Vec<_>, _>>()?;
        let evaluation = Evaluation::new(columns, count);
        let vectors = self.nodes.iter().map(|node| evaluation.evaluate(node)).collect::<Result<Vec<_>, _>>()?;
        finish(&vectors, evaluation.into_faults())
    }
}

pub fn rejections(faults: Faults) -> Vec<Rejection> {
    faults.into_iter().map(|(row, reason)| Rejection { row, reason }).collect()
}
