//! The plan from its opened parts: columns are pruned, shadows are tapped, operators get their final form.
//!
//! Called once by [`build`](super::build), when nothing is missing and nothing is wrong any more.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use pelton_core::{
    contract::{Input, Signature},
    job::{CANARY_SUFFIX, JobSpec, OperatorSpec, SHADOW_SUFFIX, SourceSpec, operator_of},
    limits::Limits,
    poison::Fate,
};
use pelton_wasm::{Allowed, Kind, Module};

use super::{
    CheckpointPlan, Logic, OutputPlan, Part, Plan, PlannedOperator, PlannedSide, SinkPlan, SourcePlan, TablePlan,
    TapPlan,
    build::{OpenOperator, OpenSink, OpenSource, Opened},
    prune::{self, Draft, Pruned, SinkDraft},
};
use crate::{
    checkpoint::Location,
    job::file::JobFile,
    operator::{
        OperatorPlan,
        enrich::{EnrichPlan, endpoint::Endpoints},
        tables::Offered,
    },
};

pub(super) fn assemble(
    (file, keeps_keys): (&JobFile, bool),
    mut outputs: Vec<OutputPlan>,
    sources: Vec<OpenSource>,
    (tables, offered): (Vec<TablePlan>, Offered),
    operators: Vec<OpenOperator>,
    sinks: Vec<OpenSink>,
) -> Plan {
    let job = &file.spec;
    let mut drafts = Vec::new();
    let mut opened = Vec::new();
    for OpenOperator { spec, opened: logic, draft, sources, held_back, stage } in operators {
        let takes_all = spec.on_trap.fate() == Some(Fate::DeadLetter);
        drafts.push(Draft { takes_all, ..draft });
        opened.push((spec, logic, sources, held_back, stage));
    }
    let (sinks, sink_drafts): (Vec<_>, Vec<_>) =
        sinks.into_iter().map(|open| ((open.spec, open.sink), open.draft)).unzip();
    let event_times = sources.iter().filter_map(|source| Some((source.rows, source.event_time?)));
    let stateful = opened.iter().zip(&drafts).filter(|((.., stage), _)| keeps_keys && *stage > 0);
    let extra: Vec<_> = event_times.chain(stateful.flat_map(|(_, draft)| draft.at_no_cost())).collect();
    let mut pruned = prune::prune(&mut outputs, &drafts, &sink_drafts, &[], &extra);
    let shadows = shadows(&opened.iter().map(|(spec, ..)| spec.name.as_str()).collect::<Vec<_>>());
    let (taps, tap_drafts): (Vec<_>, Vec<_>) = taps(&outputs, &drafts, &shadows).into_iter().unzip();
    if !taps.is_empty() {
        // What is compared is what somebody reads, which had to be known first.
        pruned = prune::prune(&mut outputs, &drafts, &sink_drafts, &tap_drafts, &extra);
    }
    let endpoints = Arc::new(Endpoints::new(&job.endpoints, &file.dir));
    let operators: Vec<_> = opened
        .into_iter()
        .zip(drafts)
        .zip(pruned)
        .zip(shadows)
        .map(|((((spec, opened, sources, held_back, stage), draft), pruned), shadow_of)| PlannedOperator {
            spec: spec.clone(),
            shadow_of,
            part: spec
                .canary
                .as_ref()
                .map(|canary| Part { share: canary.share, is_canary: spec.name.ends_with(CANARY_SUFFIX) }),
            ports: draft.ports.iter().map(|port| port.output).collect(),
            sides: draft
                .sides
                .into_iter()
                .map(|side| PlannedSide { inputs: side.inputs, rejected: side.rejected, late: side.late })
                .collect(),
            logic: match opened {
                Opened::Transform { module, options, input, signature } => {
                    let input = (input, Offered::clone(&offered));
                    let enrich = (module.kind() == Kind::Enrich).then(|| enrich(&endpoints, &spec));
                    let program = (module, options, enrich);
                    Logic::Transform(Arc::new(transform(job, spec, input, program, signature, pruned)))
                }
                Opened::Aggregate(opened) => Logic::Aggregate(Arc::new(opened.plan(job, spec, pruned))),
                Opened::Keyed(opened) => Logic::Keyed(Arc::new(opened.plan(job, spec, pruned))),
                Opened::Join(opened) => Logic::Join(Arc::new(opened.plan(job, spec, pruned))),
                Opened::Lookup(opened) => Logic::Lookup(Arc::new(opened.plan(job, spec, pruned))),
                Opened::Sort(opened) => Logic::Sort(Arc::new(opened.plan(job, spec, pruned))),
            },
            sources,
            held_back,
            stage,
        })
        .collect();
    let identity = identity(job, &operators);
    let sinks = sinks.into_iter().zip(sink_drafts).map(|((spec, sink), draft)| SinkPlan {
        name: spec.name,
        kind: spec.kind,
        inputs: draft.inputs,
        schema: draft.schema,
        sink: Arc::from(sink),
    });
    let sources = sources.into_iter().map(|open| planned_source(open, &outputs)).collect();
    Plan {
        spec: job.clone(),
        name: job.name.clone(),
        batch: job.batch.clone(),
        threads: job.threads,
        checkpoint: job.checkpoint.as_ref().map(|checkpoint| CheckpointPlan {
            location: Location::of(&file.dir, &checkpoint.path),
            snapshots: checkpoint.snapshots,
            retain: checkpoint.retain,
        }),
        identity,
        restart: job.restart.clone(),
        sources,
        is_keyed: operators.iter().any(|planned| planned.stage > 0),
        operators,
        tables,
        sinks: sinks.collect(),
        taps,
        outputs,
    }
}

/// For each operator, that whose shadow it is.
fn shadows(names: &[&str]) -> Vec<Option<usize>> {
    let main_of = |name: &&str| {
        let main = name.strip_suffix(SHADOW_SUFFIX)?;
        names.iter().position(|name| *name == main)
    };
    names.iter().map(main_of).collect()
}

/// The ports of shadows and of their operators that are compared, by the columns that both have and somebody reads.
fn taps(outputs: &[OutputPlan], drafts: &[Draft], shadows: &[Option<usize>]) -> Vec<(TapPlan, SinkDraft)> {
    let mut taps = Vec::new();
    for (shadow, main) in shadows.iter().enumerate().filter_map(|(at, main)| Some((at, (*main)?))) {
        let (Some(own), Some(of_main)) = (drafts.get(shadow), drafts.get(main)) else { continue };
        for (at, port) in of_main.ports.iter().enumerate() {
            let (Some(output), Some(other)) = (outputs.get(port.output), own.ports.get(at)) else { continue };
            let Some(mirror) = outputs.get(other.output) else { continue };
            let read = output.kept.iter().filter_map(|kept| output.schema.fields().get(*kept));
            let in_both = read.filter(|field| {
                let same = mirror.schema.field_with_name(field.name());
                same.is_ok_and(|same| same.data_type() == field.data_type())
            });
            // Of two that may be null where only one of them may, both may.
            let fields: Vec<Field> = in_both.map(|field| field.as_ref().clone().with_nullable(true)).collect();
            if fields.is_empty() {
                continue;
            }
            let schema = SchemaRef::new(Schema::new(fields));
            for (is_shadow, output_at) in [(false, port.output), (true, other.output)] {
                let tap = TapPlan { shadow, is_shadow, port: output.name.clone(), schema: Arc::clone(&schema) };
                taps.push((tap, SinkDraft { inputs: vec![output_at], schema: Arc::clone(&schema) }));
            }
        }
    }
    taps
}

/// A digest of everything that the results of a job depend on, but for its input.
fn identity(job: &JobSpec, operators: &[PlannedOperator]) -> String {
    let JobSpec {
        name,
        batch,
        partitions,
        sources,
        tables,
        // What they answered is recorded with each epoch: nothing that is computed again depends on them.
        endpoints: _,
        operators: specs,
        sinks,
        threads: _,
        checkpoint: _,
        restart: _,
    } = job;
    // What an operator was called is of no account once it has its state.
    let specs: Vec<OperatorSpec> =
        specs.iter().map(|spec| OperatorSpec { was: None, endpoints: Vec::new(), ..spec.clone() }).collect();
    let text = format!("{:?}", (name, batch.rows, partitions, sources, tables, specs, sinks));
    // As it was before there were such keys.
    let text = text
        .replace(", sort: []", "")
        .replace(", was: None", "")
        .replace(", ahead: None", "")
        .replace(", draining: None", "");
    let text = text.replace(", endpoints: []", "").replace(&limits_of_asking(&Limits::default()), "");
    let digests = operators.iter().flat_map(|planned| planned.logic.digests());
    let mut hasher = blake3::Hasher::new();
    hasher.update(text.as_bytes());
    digests.for_each(|digest| {
        hasher.update(&digest.0);
    });
    hasher.finalize().to_hex().to_string()
}

/// How limits are shown that only enrich operators have.
fn limits_of_asking(limits: &Limits) -> String {
    let Limits { requests, request_bytes, reply_bytes, .. } = limits;
    format!(", requests: {requests}, request_bytes: {request_bytes}, reply_bytes: {reply_bytes}")
}

fn transform(
    job: &JobSpec,
    spec: OperatorSpec,
    (input, offered): (Input, Offered),
    (module, options, enrich): (Arc<Module>, String, Option<EnrichPlan>),
    signature: Signature,
    pruned: Pruned,
) -> OperatorPlan {
    let (side, ports) = pruned.sole();
    let module_name = spec.modules.into_iter().next().map(|module| module.reference).unwrap_or_default();
    OperatorPlan {
        seed: seed(&job.name, &spec.name),
        name: spec.name,
        module_name,
        module,
        limits: spec.limits,
        on_trap: spec.on_trap,
        options,
        input,
        offered,
        signature,
        reads_at: side.reads_at,
        ports,
        rejected: side.rejected,
        enrich,
        rows_max: job.batch.rows,
    }
}

/// What an operator may ask, of all that the job allows.
fn enrich(endpoints: &Arc<Endpoints>, spec: &OperatorSpec) -> EnrichPlan {
    let position = |name: &String| endpoints.specs.iter().position(|endpoint| endpoint.name == *name);
    let at: Vec<usize> = spec.endpoints.iter().filter_map(position).collect();
    let allowed = at.iter().filter_map(|at| endpoints.specs.get(*at)).map(|endpoint| {
        let own = endpoint.headers.iter().map(|(name, _)| name);
        let secret = endpoint.secrets.iter().map(|(name, _)| name);
        Allowed { name: endpoint.name.clone(), headers: own.chain(secret).cloned().collect() }
    });
    EnrichPlan { endpoints: Arc::clone(endpoints), allowed: allowed.collect(), at }
}

fn planned_source(open: OpenSource, outputs: &[OutputPlan]) -> SourcePlan {
    let output = outputs.get(open.rows);
    let kept = output.map(|output| output.kept.as_slice()).unwrap_or_default();
    let columns =
        output.iter().flat_map(|output| kept.iter().map(|column| output.schema.field(*column).name().clone()));
    let bound = open.spec.event_time.as_ref().map_or(0, |event_time| event_time.watermark.as_micros());
    let bound = i64::try_from(bound).unwrap_or(i64::MAX);
    let idle = open.spec.event_time.as_ref().and_then(|event_time| event_time.idle);
    SourcePlan {
        idle: idle.map(|idle| i64::try_from(idle.as_micros()).unwrap_or(i64::MAX)),
        ahead: ahead(&open.spec),
        columns: columns.collect(),
        event_time: open.event_time.and_then(|column| Some((kept.iter().position(|kept| *kept == column)?, bound))),
        name: open.spec.name,
        kind: open.spec.kind,
        source: Arc::from(open.source),
        rows: open.rows,
        rejected: open.rejected,
    }
}

/// How far ahead of processing time rows of a source may be, in µs.
pub(super) fn ahead(spec: &SourceSpec) -> Option<i64> {
    let ahead = spec.event_time.as_ref()?.ahead?;
    Some(i64::try_from(ahead.as_micros()).unwrap_or(i64::MAX))
}

/// The seed of an operator's random numbers: the same for every run of the same job.
pub(super) fn seed(job: &str, operator: &str) -> u64 {
    // A shadow and a canary have the numbers of their operator.
    let hash = blake3::hash(format!("{job}\0{}", operator_of(operator)).as_bytes());
    hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
