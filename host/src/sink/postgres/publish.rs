//! What is asked of the server: marker and rows of an epoch in one transaction.
//!
//! ```text
//!  BEGIN ─► marker, locked ─► COPY into the table ───────────────────────────────► marker ─► COMMIT
//!                          └► COPY into a temp table ─► INSERT … ON CONFLICT ──┘
//! ```
//!
//! Everything here may be begun again from its first line with another connection: what the one before did not commit is gone, and what it did
//! the marker says. Without a checkpoint there is no marker, and an answer that is lost after COMMIT makes an epoch go in twice.

use std::{fs::File, pin::pin};

use bytes::Bytes;
use futures_util::SinkExt;
use pelton_core::{checkpoint::record::FileRef, job::SqlMode, model::Epoch};
use tokio_postgres::{Client, types::Type};

use super::{
    PostgresError,
    error::{MarkerFault, Verdict, place, verdict},
    marker::{Claim, DEFINITION, Found, Owner, Step, number},
    outbox::read_temp,
    session::Failed,
    table::{Layout, TableName, list, quoted},
};
use crate::{checkpoint::Files, failpoint, sink::SinkError};

/// What every COPY begins and ends with.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: &[u8] = &[255, 255];

/// A column of the temp table, and the sequence that fills it: the order in which rows came.
const ROW: &str = "pelton_row";

/// Bytes sent at once.
const SENT_BYTES: usize = 64 << 10;

/// The statements of a sink.
#[derive(Debug)]
pub struct Statements {
    table: TableName,
    marker: TableName,
    copy: String,
    /// Of upserts: makes the temp table unless this connection has it, and takes over what was copied to it.
    upsert: Option<(String, String)>,
}

/// The rows of an epoch, piece by piece.
#[derive(Debug)]
pub struct Pieces<'a> {
    /// With the checkpoint that has them.
    pub files: Option<(&'a Files, &'a [FileRef])>,
    pub temps: &'a [File],
    pub rest: &'a [u8],
}

impl Statements {
    pub fn new(table: &TableName, marker: &TableName, layout: &Layout, mode: &SqlMode) -> Self {
        let names: Vec<&str> = layout.columns.iter().map(|column| column.name.as_str()).collect();
        let columns = list(&names);
        let into = table.quoted();
        let (target, upsert) = match mode {
            SqlMode::Insert => (into, None),
            SqlMode::Upsert { key } => {
                // Of its own for each table and columns: a pooler may give one connection to several sinks.
                let digest = blake3::hash(format!("{into} {columns}").as_bytes()).to_hex();
                let stage: String = "pelton_stage_".chars().chain(digest.chars().take(16)).collect();
                let begin = format!(
                    "CREATE TEMP TABLE IF NOT EXISTS {stage} ON COMMIT DELETE ROWS AS \
                     SELECT {columns}, 0::bigint AS {ROW} FROM {into} WITH NO DATA; \
                     CREATE TEMP SEQUENCE IF NOT EXISTS {ROW}; \
                     ALTER TABLE pg_temp.{stage} ALTER COLUMN {ROW} SET DEFAULT pg_catalog.nextval('pg_temp.{ROW}')"
                );
                let is_key = |name: &&&str| key.iter().any(|key| key == **name);
                let changed: Vec<String> = names
                    .iter()
                    .filter(|name| !is_key(name))
                    .map(|name| format!("{0} = EXCLUDED.{0}", quoted(name)))
                    .collect();
                let act = match changed.is_empty() {
                    true => "NOTHING".to_owned(),
                    false => format!("UPDATE SET {}", changed.join(", ")),
                };
                let key = list(key);
                let merge = format!(
                    "INSERT INTO {into} ({columns}) SELECT {columns} FROM \
                     (SELECT DISTINCT ON ({key}) * FROM pg_temp.{stage} ORDER BY {key}, {ROW} DESC) AS last \
                     ON CONFLICT ({key}) DO {act}"
                );
                (format!("pg_temp.{stage}"), Some((begin, merge)))
            }
        };
        let copy = format!("COPY {target} ({columns}) FROM STDIN (FORMAT binary)");
        Self { table: table.clone(), marker: marker.clone(), copy, upsert }
    }

    /// The table that has the marker.
    pub fn marker(&self) -> &TableName {
        &self.marker
    }

    /// Makes the marker this writer's, and answers the epoch that it has.
    pub async fn claim(&self, client: &Client, owner: &Owner) -> Result<i64, Failed> {
        self.marker.make(client, DEFINITION).await?;
        client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
        if !owner.has_begun {
            // So that there is a row to lock.
            let begun = format!(
                "INSERT INTO {} (job, sink, run, generation, epoch) VALUES ($1, $2, $3, $4, 0) ON CONFLICT DO NOTHING",
                self.marker.quoted()
            );
            client
                .execute_typed(
                    &begun,
                    &[
                        (&owner.job, Type::TEXT),
                        (&owner.sink, Type::TEXT),
                        (&owner.run, Type::TEXT),
                        (&owner.generation, Type::INT8),
                    ],
                )
                .await?;
        }
        let found = self.locked(client, owner).await?;
        let claim = owner.claim(found).map_err(|found| self.fault(found))?;
        let epoch = match claim {
            Claim::Continue { epoch } => epoch,
            Claim::Begin { instead } => {
                if let Some(run) = instead {
                    let (job, sink) = (&owner.job, &owner.sink);
                    tracing::warn!(job, sink, run, "another run of the job is followed by this one, which begins anew");
                }
                0
            }
        };
        self.mark(client, owner, epoch).await?;
        client.batch_execute("COMMIT").await?;
        Ok(epoch)
    }

    /// Makes an epoch visible. `owner`, none without a checkpoint, comes with the epoch before it that had rows. Whoever does it again changes
    /// nothing.
    pub async fn publish(
        &self,
        client: &Client,
        owner: Option<(&Owner, Epoch)>,
        epoch: Epoch,
        pieces: &Pieces<'_>,
    ) -> Result<(), Failed> {
        client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
        if let Some((owner, before)) = owner {
            let found = self.locked(client, owner).await?;
            match owner.step(found, before, epoch).map_err(|found| self.fault(found))? {
                Step::Publish => {}
                Step::Done => return Ok(client.batch_execute("ROLLBACK").await?),
            }
        }
        self.put(client, pieces).await.map_err(|failed| self.of_rows(failed, epoch))?;
        if let Some((owner, _)) = owner {
            self.mark(client, owner, number(epoch.0)).await?;
        }
        failpoint::reach("sent");
        // Constraints may wait until here.
        let committed = client.batch_execute("COMMIT").await;
        failpoint::reach("confirmed");
        committed.map_err(|error| self.of_rows(error.into(), epoch))
    }

    async fn put(&self, client: &Client, pieces: &Pieces<'_>) -> Result<(), Failed> {
        if let Some((stage, _)) = &self.upsert {
            client.batch_execute(stage).await?;
        }
        let copy = client.copy_in::<str, Bytes>(&self.copy).await?;
        let mut copy = pin!(copy);
        let mut sent = copy.feed(Bytes::from_static(HEADER)).await;
        for index in 0.. {
            let Some(piece) = pieces.get(index)? else { break };
            for start in (0..piece.len()).step_by(SENT_BYTES) {
                if sent.is_ok() {
                    let end = start.saturating_add(SENT_BYTES).min(piece.len());
                    sent = copy.feed(piece.slice(start..end)).await;
                }
            }
        }
        if sent.is_ok() {
            sent = copy.feed(Bytes::from_static(TRAILER)).await;
        }
        // If the server refused a row, its reason comes with the end.
        copy.as_mut().finish().await?;
        sent?;
        if let Some((_, merge)) = &self.upsert {
            client.batch_execute(merge).await?;
        }
        Ok(())
    }

    /// The marker, which nobody else changes until the transaction ends.
    async fn locked(&self, client: &Client, owner: &Owner) -> Result<Option<Found>, tokio_postgres::Error> {
        let select = format!(
            "SELECT run, generation, epoch FROM {} WHERE job = $1 AND sink = $2 FOR UPDATE",
            self.marker.quoted()
        );
        let found = client.query_typed_opt(&select, &[(&owner.job, Type::TEXT), (&owner.sink, Type::TEXT)]).await?;
        let Some(row) = found else { return Ok(None) };
        Ok(Some(Found { run: row.try_get(0)?, generation: row.try_get(1)?, epoch: row.try_get(2)? }))
    }

    async fn mark(&self, client: &Client, owner: &Owner, epoch: i64) -> Result<(), tokio_postgres::Error> {
        let update = format!(
            "UPDATE {} SET run = $3, generation = $4, epoch = $5, committed = pg_catalog.now() \
             WHERE job = $1 AND sink = $2",
            self.marker.quoted()
        );
        let values: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 5] = [
            (&owner.job, Type::TEXT),
            (&owner.sink, Type::TEXT),
            (&owner.run, Type::TEXT),
            (&owner.generation, Type::INT8),
            (&epoch, Type::INT8),
        ];
        client.execute_typed(&update, &values).await.map(|_| ())
    }

    fn fault(&self, found: MarkerFault) -> Failed {
        PostgresError::Marker { table: self.marker.to_string(), found }.into()
    }

    /// A fault of the rows themselves, which trying again does not mend.
    fn of_rows(&self, failed: Failed, epoch: Epoch) -> Failed {
        match failed {
            Failed::Client(source) if verdict(&source) == Verdict::Row => {
                let (table, place) = (self.table.to_string(), place(source.as_db_error()));
                PostgresError::Row { table, epoch: epoch.0, place, source }.into()
            }
            other => other,
        }
    }
}

impl Pieces<'_> {
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty() && self.temps.is_empty() && self.files.is_none_or(|(_, files)| files.is_empty())
    }

    /// None: there are no more.
    fn get(&self, index: usize) -> Result<Option<Bytes>, SinkError> {
        let (store, files) = self.files.unzip();
        let files = files.unwrap_or_default();
        if let Some((store, file)) = store.zip(files.get(index)) {
            let bytes = store.get(file).map_err(|source| SinkError::Outbox { source })?;
            return Ok(Some(bytes.into()));
        }
        let index = index - files.len();
        if let Some(file) = self.temps.get(index) {
            return Ok(Some(read_temp(file)?.into()));
        }
        Ok((index == self.temps.len()).then(|| Bytes::copy_from_slice(self.rest)))
    }
}
