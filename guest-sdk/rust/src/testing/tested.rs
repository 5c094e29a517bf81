//! What a test made of its rows.

use std::collections::BTreeMap;

use super::rows::Rows;
use crate::{log::Level, log::sink::Collected, nearest};

/// The outputs of a transform, what it rejected, and what it logged.
#[derive(Debug, Clone)]
pub struct Tested {
    pub(super) ports: Vec<(String, Rows, Vec<u32>)>,
    pub(super) rejected: Vec<(usize, String)>,
    pub(super) collected: Collected,
}

impl Tested {
    /// The results of these groups alone.
    pub(super) fn of_groups(self, is_wanted: &impl Fn(u32) -> bool) -> Result<Self, String> {
        let of_port = |(name, rows, origins): (String, Rows, Vec<u32>)| {
            let kept: Vec<u32> =
                (0..).zip(&origins).filter(|(_, group)| is_wanted(**group)).map(|(row, _)| row).collect();
            let columns = rows.names().iter().map(|name| rows.take(name, &kept)).collect::<Result<Vec<_>, String>>()?;
            let origins = origins.into_iter().filter(|group| is_wanted(*group)).collect();
            Ok((name, Rows::from_columns(kept.len(), columns), origins))
        };
        let ports = self.ports.into_iter().map(of_port).collect::<Result<_, String>>()?;
        Ok(Self { ports, ..self })
    }

    /// The rows of the main output, with the columns that passed through.
    pub fn main(&self) -> &Rows {
        let (_, rows, _) = self.ports.first().expect("a contract has at least one port");
        rows
    }

    /// The rows of the output `name`.
    #[track_caller]
    pub fn port(&self, name: &str) -> &Rows {
        match self.ports.iter().find(|(port, ..)| port == name) {
            Some((_, rows, _)) => rows,
            None => {
                let names = self.ports.iter().map(|(port, ..)| port.as_str());
                panic!("there is no output `{name}`: {}", nearest::suggest(name, names));
            }
        }
    }

    /// For each row of the main output, the row of the input that it came from; 4294967295 for one of a keyed operator that
    /// came from none.
    pub fn origins(&self) -> &[u32] {
        let (_, _, origins) = self.ports.first().expect("a contract has at least one port");
        origins
    }

    /// Rows of the input that were rejected, and why, in order.
    pub fn rejected(&self) -> Vec<(usize, &str)> {
        self.rejected.iter().map(|(row, reason)| (*row, reason.as_str())).collect()
    }

    /// What was logged, in order.
    pub fn logs(&self) -> &[(Level, String)] {
        &self.collected.lines
    }

    /// What the counter `name` has counted; 0 if it was not used.
    pub fn counter(&self, name: &str) -> u64 {
        self.collected.counters.get(name).copied().unwrap_or_default()
    }

    /// What the gauge `name` was set to last; none if it was not.
    pub fn gauge(&self, name: &str) -> Option<f64> {
        self.collected.gauges.get(name).copied()
    }

    /// All counters.
    pub fn counters(&self) -> &BTreeMap<String, u64> {
        &self.collected.counters
    }
}
