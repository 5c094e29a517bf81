//! Plans a sort: two operators, of which the first keeps all rows until the input ends, and the second puts sorted runs together.
//!
//! The first is called as the job file says, with [`HELD_SUFFIX`]; the second has the name that others read.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use pelton_core::{
    contract::PortColumn,
    job::{HELD_SUFFIX, JobSpec, OperatorSpec, SourceKind},
    types,
};

use super::{
    aggregate::Upstream,
    build::{Builder, OpenOperator, Opened},
    prune::{Draft, DraftPort, DraftSide, Pruned},
};
use crate::{
    error::Code,
    job::diagnostic::shown,
    operator::sort::{Phase, SortPlan, SortedBy, can_order},
};

/// The name of the output's port.
const OUT: &str = "out";
/// What a row's number among all rows is called between both halves.
const ROW_COLUMN: &str = "~row";

/// One half of a sort.
pub(super) struct SortDraft {
    half: Half,
    /// Of each column that rows are ordered by: whether they descend.
    descending: Vec<bool>,
}

enum Half {
    /// The name of the column that it adds.
    Hold {
        number: String,
    },
    Merge,
}

impl Builder<'_> {
    /// Both halves. None: something was reported.
    pub(super) fn sort(&mut self, spec: &OperatorSpec) -> Option<[OpenOperator; 2]> {
        let place = format!("operator.{}", spec.name);
        let (inputs, schema) = self.inputs(&place, "input", &spec.inputs)?;
        let upstream = self.upstream(inputs);
        self.facts(&format!("{place}.input"), spec, &upstream)?;
        let by = self.sorted_by(&place, spec, &schema);
        self.check_ends(&place, spec, &upstream.sources)?;
        let by = by?;
        let Upstream { inputs, sources, held_back, stage, .. } = upstream;
        let columns = schema.fields().len();

        let mut number = ROW_COLUMN.to_owned();
        while schema.index_of(&number).is_ok() {
            number.push('~');
        }
        let mut fields = schema.fields().to_vec();
        fields.push(Arc::new(Field::new(&number, DataType::UInt64, false)));
        let held_schema = SchemaRef::new(Schema::new(fields));
        let held_name = format!("{}{HELD_SUFFIX}", spec.name);
        let held = self.output(&held_name, Some(OUT), Arc::clone(&held_schema), None);
        self.trace(&[held], &sources, held_back, stage + 1);
        // Rows leave when the input has ended, so that none is on time for anybody: the result has no event time.
        let output = self.output(&spec.name, Some(OUT), Arc::clone(&schema), None);
        self.main_output(&spec.name, output);
        self.trace(&[output], &sources, held_back, stage + 2);

        let descending: Vec<bool> = spec.sort.iter().map(|column| column.descending).collect();
        let passed = || (0..columns).map(PortColumn::Pass);
        let half = |half, at: usize, side: DraftSide, port: DraftPort| OpenOperator {
            spec: OperatorSpec { name: if at == 1 { held_name.clone() } else { spec.name.clone() }, ..spec.clone() },
            opened: Opened::Sort(SortDraft { half, descending: descending.clone() }),
            draft: Draft { sides: vec![side], ports: vec![port], takes_all: false },
            sources: sources.clone(),
            held_back,
            stage: stage + at,
        };
        let side = DraftSide { inputs, schema, reads: by.clone(), rejected: None, late: None };
        let port = DraftPort { output: held, columns: passed().chain([PortColumn::Computed(0)]).collect() };
        let hold = half(Half::Hold { number }, 1, side, port);
        let reads = by.into_iter().chain([columns]).collect();
        let side = DraftSide { inputs: vec![held], schema: held_schema, reads, rejected: None, late: None };
        let port = DraftPort { output, columns: passed().collect() };
        Some([hold, half(Half::Merge, 2, side, port)])
    }

    /// Where the columns are that rows are ordered by. None: something was reported.
    fn sorted_by(&mut self, place: &str, spec: &OperatorSpec, schema: &Schema) -> Option<Vec<usize>> {
        let mut found = Vec::new();
        for (index, column) in spec.sort.iter().enumerate() {
            let place = format!("{place}.sort.{index}");
            let name = &column.name;
            match schema.index_of(name) {
                Ok(at) if can_order(schema.field(at).data_type()) => found.push(at),
                Ok(at) => {
                    let what = types::with_article(&types::column(schema.field(at)));
                    let message = format!("operator `{}` sorts by `{}`, which is {what}", spec.name, shown(name));
                    let help = "sort by columns of numbers, text, times or bools".to_owned();
                    self.mistakes.push(&place, Code::ColumnMismatch, message, "without an order", Some(help));
                }
                Err(_) => {
                    let message =
                        format!("operator `{}` sorts by `{}`, which its input does not have", spec.name, shown(name));
                    self.mistakes.no_column(&place, message, name, schema);
                }
            }
        }
        (found.len() == spec.sort.len()).then_some(found)
    }

    /// All rows are there only when all sources have ended. None: one does not, which was reported.
    fn check_ends(&mut self, place: &str, spec: &OperatorSpec, sources: &[usize]) -> Option<()> {
        let all = &self.file.spec.sources;
        let mut sources = sources.iter().filter_map(|index| all.get(*index));
        let endless = sources.find_map(|source| Some((source.name.as_str(), goes_on(&source.kind)?)));
        let Some((source, why)) = endless else { return Some(()) };
        let message =
            format!("operator `{}` sorts all rows of its input, but source `{source}` has no end: {why}", spec.name);
        let help = "sort what does end, or let `std:top-n` keep the first rows of each window".to_owned();
        self.mistakes.push(&format!("{place}.sort"), Code::Endless, message, "never whole", Some(help));
        None
    }
}

/// Why a source does not end. None: it does.
fn goes_on(kind: &SourceKind) -> Option<&'static str> {
    match kind {
        SourceKind::File(spec) => spec.watch.map(|_| "it watches for new files"),
        SourceKind::Socket(_) => Some("a socket is read for as long as the job runs"),
        SourceKind::Http(_) => Some("requests are taken for as long as the job runs"),
        SourceKind::Generator(spec) => spec.rows.is_none().then_some("its number of `rows` is not given"),
        SourceKind::Stdin(_) => None,
    }
}

impl SortDraft {
    pub(super) fn plan(self, job: &JobSpec, spec: OperatorSpec, pruned: Pruned) -> SortPlan {
        let (side, ports) = pruned.sole();
        let by = side.reads_at.iter().zip(&self.descending);
        let by = by.map(|(at, descending)| SortedBy { at: *at, descending: *descending }).collect();
        let phase = match self.half {
            Half::Hold { number } => {
                let mut fields = side.schema.fields().to_vec();
                fields.push(Arc::new(Field::new(number, DataType::UInt64, false)));
                Phase::Hold { held: Arc::new(Schema::new(fields)) }
            }
            Half::Merge => Phase::Merge { number_at: *side.reads_at.last().expect("the number is read last") },
        };
        SortPlan {
            name: spec.name,
            phase,
            by,
            schema: side.schema,
            partitions: job.partitions,
            output: ports.into_iter().next().flatten(),
            state_bytes: spec.limits.state_bytes,
            rows_max: job.batch.rows,
        }
    }
}
