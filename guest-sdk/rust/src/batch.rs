//! One call's rows, between the host's table and the function.
//!
//! [`Batch::load`] converts the columns and refuses rows that the function cannot be shown: a null where the row has
//! no `Option`, a moment out of range. The loops then see only the rest, and [`Batch::assemble`]
//! translates what they made back to the host's row numbers and column order.

use crate::{
    bindings::{Emitted, Output, Rejection, Table},
    contract::{Plan, PlannedPort, PlannedRead},
    loaded::Loaded,
    output,
    ports::Finished,
};

/// The rows that the function sees.
#[derive(Debug)]
pub struct Batch {
    pub columns: Vec<Loaded>,
    pub rows: usize,
    /// For each of `rows`, its number in the host's table; none if all are here.
    pub kept: Option<Vec<u32>>,
    refused: Vec<Rejection>,
}

/// What the function made of a batch. Ports are in order, rows are numbered as in [`Batch`].
#[derive(Debug)]
pub struct Answer {
    pub ports: Vec<Finished>,
    pub rejected: Vec<Rejection>,
}

impl Batch {
    pub fn load(reads: &[PlannedRead], table: Table) -> Result<Self, String> {
        let rows = table.rows as usize;
        if table.nodes.len() != reads.len() {
            return Err(format!("{} columns came, but the contract reads {}", table.nodes.len(), reads.len()));
        }
        let mut refused = Vec::new();
        let mut columns = Vec::with_capacity(reads.len());
        for (read, node) in reads.iter().zip(table.nodes) {
            let column = Loaded::new(&read.column, node, rows, read.conversion, &mut refused)?;
            if !read.takes_null && !column.validity.bytes().is_empty() {
                let reason = format!("`{}` is null", read.column);
                refused.extend((0..rows).filter(|row| column.is_null(*row)).map(|row| (row, reason.clone())));
            }
            columns.push(column);
        }
        if refused.is_empty() {
            return Ok(Self { columns, rows, kept: None, refused: Vec::new() });
        }
        // A row is rejected once, for the first column that speaks against it.
        refused.sort_by_key(|(row, _)| *row);
        refused.dedup_by_key(|(row, _)| *row);
        let refused: Vec<Rejection> =
            refused.into_iter().map(|(row, reason)| Rejection { row: row as u32, reason }).collect();
        let is_refused = |row: &u32| refused.binary_search_by_key(row, |rejection| rejection.row).is_ok();
        let kept: Vec<u32> = (0..table.rows).filter(|row| !is_refused(row)).collect();
        let columns = columns.iter().map(|column| column.take(&kept)).collect();
        Ok(Self { columns, rows: kept.len(), kept: Some(kept), refused })
    }

    /// The answer as the host expects it.
    pub fn assemble(self, plan: &Plan, answer: Answer) -> Result<Output, String> {
        let mut emitted = Vec::new();
        for ((index, port), planned) in (0_u32..).zip(answer.ports).zip(&plan.ports) {
            if port.rows > 0 {
                emitted.push(self.translate(planned.arrange(port))?.into_emitted(index));
            }
        }
        Ok(Output { emitted, rejected: self.rejections(answer.rejected)? })
    }

    /// The numbers of the rows that the function sees.
    pub(crate) fn numbers(&self) -> Vec<u32> {
        // A batch has at most a u32 of rows.
        self.kept.clone().unwrap_or_else(|| (0..self.rows as u32).collect())
    }

    /// The rows that it does not see.
    pub(crate) fn into_refused(self) -> Vec<Rejection> {
        self.refused
    }

    /// All rejections by the host's numbers, in their order: the function's, and rows that it was not shown.
    pub(crate) fn rejections(self, mut rejected: Vec<Rejection>) -> Result<Vec<Rejection>, String> {
        for rejection in &mut rejected {
            rejection.row = self.number(rejection.row)?;
        }
        rejected.extend(self.refused);
        rejected.sort_by_key(|rejection| rejection.row);
        Ok(rejected)
    }

    /// The host's number of a row.
    pub(crate) fn number(&self, row: u32) -> Result<u32, String> {
        let number = match &self.kept {
            None => Some(row).filter(|row| (*row as usize) < self.rows),
            Some(kept) => kept.get(row as usize).copied(),
        };
        number.ok_or_else(|| format!("row {row} was named, but the function was given {} rows", self.rows))
    }

    fn translate(&self, mut port: Finished) -> Result<Finished, String> {
        if let Some(kept) = &self.kept {
            port.origin = Some(match &port.origin {
                None => bytemuck::cast_slice(kept).to_vec(),
                Some(origin) => {
                    let (origin, _) = origin.as_chunks::<4>();
                    let numbers = origin.iter().map(|row| Ok(self.number(u32::from_le_bytes(*row))?.to_le_bytes()));
                    numbers.collect::<Result<Vec<_>, String>>()?.concat()
                }
            });
        }
        Ok(port)
    }
}

/// Ports whose rows name the group that they belong to, of `groups`, as the host expects them.
pub(crate) fn by_group(ports: Vec<Finished>, planned: &[PlannedPort], groups: usize) -> Vec<Emitted> {
    let ports = (0_u32..).zip(ports).zip(planned).filter(|((_, port), _)| port.rows > 0);
    ports.map(|((index, port), planned)| planned.arrange(port.row_for_row(groups)).into_emitted(index)).collect()
}

impl PlannedPort {
    /// The port's columns in the order of the contract, timestamps in their units.
    pub(crate) fn arrange(&self, mut port: Finished) -> Finished {
        let mut nodes: Vec<Option<_>> = port.nodes.into_iter().map(Some).collect();
        port.nodes = self
            .columns
            .iter()
            .filter_map(|column| {
                let mut node = nodes.get_mut(column.index)?.take()?;
                if let Some(unit) = column.unit {
                    output::rescale(&mut node, unit);
                }
                Some(node)
            })
            .collect();
        port
    }
}
