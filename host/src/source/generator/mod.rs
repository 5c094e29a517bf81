//! The `generator` source: rows made up from a seed.
//!
//! ```text
//! pace ─► planner: rows 0..8192, 8192..16384, … when they are due ─► decoder: rules or Nexmark ─► batch
//! ```
//!
//! The job's run opens it with [`GeneratorSource::open`]. Invariant: a row is a function of the seed and its number, so
//! ranges can be decoded in any order, on any thread, and again.

mod nexmark;
mod pace;
mod random;
mod rules;
mod zipf;

use std::{
    ops::Range as Rows,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions},
    datatypes::{Field, Fields, Schema, SchemaRef},
};
use pelton_core::{
    checkpoint::record::Position,
    job::{BatchSpec, GeneratorContent, GeneratorSpec, NexmarkEvents, OFFSET_COLUMN},
};

use self::{nexmark::Nexmark, pace::Pace, rules::Rule};
use super::{
    Bookmark, Decoded, Decoder, Emit, Next, Planner, Range, RangeData, RangeLabel, Source, SourceError,
    metadata::{offset_field, row_number_column},
};

pub struct GeneratorSource {
    spec: GeneratorSpec,
    content: Arc<Content>,
    schema: SchemaRef,
    pace: Pace,
}

/// What makes the rows.
enum Content {
    /// Each with the key of its random numbers.
    Rules(Vec<(u64, Rule)>),
    Nexmark(Box<Nexmark>),
}

impl GeneratorSource {
    pub fn open(spec: &GeneratorSpec, batch: &BatchSpec) -> Result<Self, SourceError> {
        let batch_rows = batch.rows.max(1) as u64;
        let pace = Pace::new(spec.rate, batch.interval, batch_rows)
            .map_err(|reason| SourceError::Generator { what: "`rate`".into(), reason })?;
        let (content, fields) = match &spec.content {
            GeneratorContent::Nexmark(kind) => {
                let nexmark = Nexmark::new(*kind, spec.seed);
                let fields = nexmark.fields();
                (Content::Nexmark(Box::new(nexmark)), fields)
            }
            GeneratorContent::Columns(columns) => {
                let mut rules = Vec::with_capacity(columns.len());
                let mut fields: Vec<Field> = Vec::with_capacity(columns.len());
                for (place, (name, rule)) in columns.iter().enumerate() {
                    let wrong = |reason| SourceError::Generator { what: format!("column `{name}`"), reason };
                    if fields.iter().any(|field| field.name() == name) {
                        return Err(wrong("there is another column of this name".into()));
                    }
                    let rule = Rule::new(rule, batch_rows).map_err(wrong)?;
                    fields.push(Field::new(name, rule.data_type(), rule.is_nullable()));
                    rules.push((random::subkey(spec.seed, place as u64), rule));
                }
                (Content::Rules(rules), Fields::from(fields))
            }
        };
        Ok(Self { spec: spec.clone(), content: Arc::new(content), schema: Arc::new(Schema::new(fields)), pace })
    }

    /// Bytes of a row, about: there is no input whose bytes could be counted.
    fn row_bytes(&self) -> u64 {
        match self.content.as_ref() {
            Content::Rules(rules) => rules.iter().map(|(_, rule)| rule.value_bytes()).sum(),
            Content::Nexmark(nexmark) => nexmark.row_bytes(),
        }
    }
}

impl Source for GeneratorSource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn metadata(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![offset_field()]))
    }

    fn describe(&self) -> Vec<(String, String)> {
        let content = match &self.spec.content {
            GeneratorContent::Nexmark(NexmarkEvents::Bid) => "nexmark bids".to_owned(),
            GeneratorContent::Nexmark(NexmarkEvents::Auction) => "nexmark auctions".to_owned(),
            GeneratorContent::Nexmark(NexmarkEvents::Person) => "nexmark people".to_owned(),
            GeneratorContent::Columns(columns) => format!("{} columns by rule", columns.len()),
        };
        let rate = self.spec.rate.map_or("as fast as possible".to_owned(), |rate| format!("{rate} rows/s"));
        let rows = self.spec.rows.map_or("without end".to_owned(), |rows| rows.to_string());
        vec![
            ("content".into(), content),
            ("seed".into(), self.spec.seed.to_string()),
            ("rate".into(), rate),
            ("rows".into(), rows),
        ]
    }

    fn total_bytes(&self) -> Option<u64> {
        self.spec.rows.map(|rows| rows.saturating_mul(self.row_bytes()))
    }

    fn beginnings(&self, _from: &Position) -> Result<Option<Box<dyn Planner>>, SourceError> {
        Ok(None)
    }

    fn planner_from(&self, from: &Position) -> Result<Box<dyn Planner>, SourceError> {
        let rows = self.spec.rows.unwrap_or(u64::MAX);
        let (sequence, next_row) = match *from {
            Position::Start => (0, 0),
            Position::Range { sequence, offset, .. } => (sequence, offset),
            Position::End => (0, rows),
        };
        Ok(Box::new(GeneratorPlanner {
            name: Arc::from("generator"),
            pace: self.pace,
            rows,
            row_bytes: self.row_bytes(),
            started: None,
            first_row: next_row,
            next_row,
            sequence,
        }))
    }

    fn decoder(&self, columns: &[String]) -> Result<Box<dyn Decoder>, SourceError> {
        let mut fields = Vec::with_capacity(columns.len());
        let mut places = Vec::with_capacity(columns.len());
        for column in columns {
            let (place, field) = match self.schema.fields().find(column) {
                Some((place, field)) => (Some(place), Arc::clone(field)),
                None if column == OFFSET_COLUMN => (None, Arc::new(offset_field())),
                None => return Err(SourceError::NoColumn { column: column.clone() }),
            };
            fields.push(field);
            places.push(place);
        }
        let schema = Arc::new(Schema::new(fields));
        Ok(Box::new(GeneratorDecoder { content: Arc::clone(&self.content), schema, places }))
    }
}

struct GeneratorPlanner {
    name: Arc<str>,
    pace: Pace,
    /// Rows in all.
    rows: u64,
    row_bytes: u64,
    /// When the first range was asked for: rows are due from then on.
    started: Option<Instant>,
    /// The row that it began with.
    first_row: u64,
    next_row: u64,
    sequence: u64,
}

impl Planner for GeneratorPlanner {
    fn next(&mut self, deadline: Option<Instant>) -> Result<Next, SourceError> {
        let start = self.next_row;
        let end = start.saturating_add(self.pace.range_rows()).min(self.rows);
        if start == end {
            return Ok(Next::End);
        }
        let started = *self.started.get_or_insert_with(Instant::now);
        let due = self.pace.due(end - 1 - self.first_row).and_then(|due| started.checked_add(due));
        if !wait(due, deadline) {
            return Ok(Next::Pending);
        }
        let sequence = self.sequence;
        self.next_row = end;
        self.sequence += 1;
        Ok(Next::Range(Range {
            partition: 0,
            sequence,
            name: Arc::clone(&self.name),
            bytes: (end - start).saturating_mul(self.row_bytes),
            label: RangeLabel::Rows(start, end),
            data: RangeData::Generated { start, end },
        }))
    }

    fn bookmark(&self) -> Option<Bookmark> {
        let at = Position::Range { partition: 0, sequence: self.sequence, offset: self.next_row, rows_at: None };
        Some(Bookmark::at(at))
    }
}

/// Waits for `due` (none: never), but not past `deadline`. Answers whether it came.
fn wait(due: Option<Instant>, deadline: Option<Instant>) -> bool {
    loop {
        let now = Instant::now();
        if due.is_some_and(|due| due <= now) {
            return true;
        }
        if deadline.is_some_and(|deadline| deadline <= now) {
            return false;
        }
        let until = [due, deadline].into_iter().flatten().min();
        thread::sleep(until.map_or(Duration::MAX, |until| until.saturating_duration_since(now)));
    }
}

struct GeneratorDecoder {
    content: Arc<Content>,
    /// The batches' columns.
    schema: SchemaRef,
    /// Their places among the source's columns; none: `_offset`.
    places: Vec<Option<usize>>,
}

impl GeneratorDecoder {
    fn columns(&self, rows: &Rows<u64>) -> Vec<ArrayRef> {
        let wanted: Vec<usize> = self.places.iter().copied().flatten().collect();
        let made = match self.content.as_ref() {
            Content::Rules(rules) => wanted
                .iter()
                .filter_map(|place| rules.get(*place))
                .map(|(key, rule)| rule.values(*key, rows.clone()))
                .collect(),
            Content::Nexmark(_) if wanted.is_empty() => Vec::new(),
            Content::Nexmark(nexmark) => nexmark.columns(&wanted, rows.clone()),
        };
        let mut made = made.into_iter();
        self.places
            .iter()
            .map(|place| match place {
                Some(_) => made.next().expect("one array for each place"),
                None => row_number_column(rows.start, (rows.end - rows.start) as usize),
            })
            .collect()
    }
}

impl Decoder for GeneratorDecoder {
    fn decode(&mut self, range: &Range, emit: &mut dyn FnMut(Decoded) -> Emit) -> Result<(), SourceError> {
        let RangeData::Generated { start, end } = range.data else {
            unreachable!("a source's decoder is given the ranges of its own planner")
        };
        let options = RecordBatchOptions::new().with_row_count(usize::try_from(end - start).ok());
        let columns = self.columns(&(start..end));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .expect("columns have the types of their rules and one value for each row");
        match emit(Decoded { rows, rejected: Vec::new() }) {
            Emit::Continue => Ok(()),
            Emit::Stop => Err(SourceError::Stopped),
        }
    }
}

#[cfg(test)]
mod tests;
