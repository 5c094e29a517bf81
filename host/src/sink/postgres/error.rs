//! What can go wrong with a server, and whether trying again may help.
//!
//! Invariant: no message holds a password; what a server says is shown as it says it.

use std::time::Duration;

use tokio_postgres::error::{DbError, SqlState};

use crate::error::{Code, Coded};

#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    #[error("`{key}` cannot be used: {reason}")]
    Option { key: &'static str, reason: String },
    #[error("`key` has a column `{column}` that the sink does not have")]
    NoKeyColumn { column: String },
    #[error("the environment variable `{name}`, which `password-env` names, is not set")]
    NoPassword { name: String },
    #[error("failed to read the certificates in {path}")]
    Certificates { path: String, source: std::io::Error },
    #[error("{server} could not be used for {:.1} s", waited.as_secs_f64())]
    Unreachable { server: String, waited: Duration, source: tokio_postgres::Error },
    #[error("{server} refuses")]
    Refused { server: String, source: tokio_postgres::Error },
    #[error("table {table} {fault}")]
    Table { table: String, fault: TableFault },
    #[error("column `{column}` of table {table} cannot take a value: {reason}, in the row {row}")]
    Value { table: String, column: String, reason: String, row: String },
    #[error("table {table} does not take the rows of epoch {epoch}{place}")]
    Row {
        table: String,
        epoch: u64,
        /// `: constraint …, row …`; empty where the server does not say.
        place: String,
        source: tokio_postgres::Error,
    },
    #[error("table {table} has {found}")]
    Marker { table: String, found: MarkerFault },
    #[error("failed to {action} on {server}")]
    Server { action: &'static str, server: String, source: tokio_postgres::Error },
}

/// What is wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableFault {
    #[error("does not exist")]
    Missing,
    #[error("has no column `{column}`")]
    NoColumn { column: String },
    #[error("has a column `{column}` of type {server}, which {own} does not go into")]
    Type { column: String, server: String, own: String, fitting: &'static str },
    #[error("makes the values of column `{column}` itself")]
    Generated { column: String },
    #[error("has a column `{column}` that must not be null, without a default, and the sink does not have it")]
    Required { column: String },
    #[error("has no unique constraint over exactly ({columns})")]
    NoUnique { columns: String },
}

/// Why a marker is not the one that the job left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarkerFault {
    #[error("no marker of job `{job}`, sink `{sink}`, which this job's checkpoint says it has left there")]
    Missing { job: String, sink: String },
    #[error("a marker of another run of job `{job}`: sink `{sink}` of this one was begun anew elsewhere")]
    Foreign { job: String, sink: String },
    #[error(
        "a marker of generation {found} of job `{job}`, sink `{sink}`: another process has taken the job over from this one, of generation {own}"
    )]
    Fenced { job: String, sink: String, found: i64, own: i64 },
    #[error("epoch {found} as the last one of job `{job}`, sink `{sink}`, and the checkpoint ends with {own}")]
    Apart { job: String, sink: String, found: i64, own: i64 },
}

impl PostgresError {
    /// Another attempt may come further.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Server { .. })
    }
}

/// What trying again is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The server, or the way to it, is not there for now.
    Again,
    /// Somebody has to change something on the server.
    Refused,
    /// The rows do not fit.
    Row,
    Other,
}

/// What to make of an error, by its SQLSTATE or by what stands behind it.
pub fn verdict(error: &tokio_postgres::Error) -> Verdict {
    match error.as_db_error() {
        Some(said) => verdict_of(said.code()),
        None if error.is_closed() => Verdict::Again,
        None => match std::error::Error::source(error) {
            // Time ran out.
            None => Verdict::Again,
            Some(cause) => match cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
                // TLS speaks so of certificates that it does not take.
                Some(std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput) => Verdict::Refused,
                Some(_) => Verdict::Again,
                None => Verdict::Refused,
            },
        },
    }
}

fn verdict_of(state: &SqlState) -> Verdict {
    let code = state.code();
    let class = code.get(..2).unwrap_or_default();
    match (class, code) {
        // Read-only: it is a standby for now. Cancelled: by a time limit of the server.
        ("08" | "40" | "53" | "58", _)
        | (_, "25006" | "25P03" | "55P03" | "57014" | "57P01" | "57P02" | "57P03" | "57P05") => Verdict::Again,
        ("28", _) | (_, "3D000" | "3F000" | "42501" | "55000") => Verdict::Refused,
        // A trigger that raises an exception speaks of a row too.
        ("22" | "23" | "44", _) | (_, "P0001") => Verdict::Row,
        _ => Verdict::Other,
    }
}

/// Where the server says that the fault lies.
pub fn place(said: Option<&DbError>) -> String {
    let Some(said) = said else { return String::new() };
    let constraint = said.constraint().map(|constraint| format!("constraint `{constraint}`"));
    let column = said.column().map(|column| format!("column `{column}`"));
    let detail = said.detail().map(|detail| detail.trim_end_matches('.').to_owned());
    // `COPY orders, line 12, column …`, over several lines where functions were called.
    let context = said.where_().and_then(|context| context.lines().next_back()).map(str::to_owned);
    let parts: Vec<String> = [constraint, column, detail, context].into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}

impl Coded for PostgresError {
    fn code(&self) -> Code {
        match self {
            Self::Option { .. } => Code::WrongValue,
            Self::NoKeyColumn { .. } => Code::ColumnMismatch,
            Self::NoPassword { .. } => Code::UnknownEnv,
            Self::Certificates { .. } | Self::Unreachable { .. } | Self::Refused { .. } => Code::SinkUnreachable,
            Self::Table { .. } => Code::SinkTable,
            Self::Value { .. } | Self::Row { .. } => Code::SinkRowRefused,
            Self::Marker { .. } => Code::SinkMarker,
            Self::Server { .. } => Code::SinkUnwritable,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::Option { .. } => "docs/connectors/postgres.md has every key with an example".into(),
            Self::NoKeyColumn { .. } => "name columns of the sink's input, or add it to `columns`".into(),
            Self::NoPassword { .. } => "set it where the job runs, or leave `password-env` out".into(),
            Self::Certificates { .. } => "`ca` names a file of certificates in PEM".into(),
            Self::Unreachable { .. } => {
                "start the server; the job goes on where it was. `retry` says how long it is waited for".into()
            }
            Self::Refused { .. } => "look at the user, the password, the database, its rights and `sslmode`".into(),
            Self::Table { fault, .. } => fault.help(),
            Self::Value { .. } => "convert or filter such rows before the sink, or change the table".into(),
            Self::Row { .. } => {
                "change the table or the rows that are in the way; the epoch is kept, and goes in when the job is run again"
                    .into()
            }
            Self::Marker { found, .. } => found.help().into(),
            Self::Server { .. } => return None,
        })
    }
}

impl TableFault {
    fn help(&self) -> String {
        match self {
            Self::Missing => "make the table, or set `create = true`".into(),
            Self::NoColumn { .. } => "add the column to the table, or choose with `columns = [ … ]`".into(),
            Self::Type { fitting, .. } => format!("such values go into {fitting}; std:cast converts"),
            Self::Generated { .. } => "leave the column out with `columns = [ … ]`".into(),
            Self::Required { .. } => "give the column a default, or add it to the sink's input".into(),
            Self::NoUnique { columns } => format!("`ALTER TABLE … ADD UNIQUE ({columns})`, or change `key`"),
        }
    }
}

impl MarkerFault {
    fn help(&self) -> &'static str {
        match self {
            Self::Missing { .. } | Self::Apart { .. } => {
                "the database or the checkpoint was put back to an earlier state: put back the other one too, or start over with `--fresh`"
            }
            Self::Foreign { .. } => "give one of the two jobs another name, or start over with `--fresh`",
            Self::Fenced { .. } => "let the other process go on, or end it and run the job again",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_and_what_may_not_is_not() {
        let cases = [
            ("08006", Verdict::Again),
            ("57P01", Verdict::Again),
            ("53300", Verdict::Again),
            ("40P01", Verdict::Again),
            ("25006", Verdict::Again),
            ("28P01", Verdict::Refused),
            ("42501", Verdict::Refused),
            ("3D000", Verdict::Refused),
            ("23505", Verdict::Row),
            ("22001", Verdict::Row),
            ("P0001", Verdict::Row),
            ("42P01", Verdict::Other),
        ];
        for (code, expected) in cases {
            assert_eq!(verdict_of(&SqlState::from_code(code)), expected, "{code}");
        }
    }
}
