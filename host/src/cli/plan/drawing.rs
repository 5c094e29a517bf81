//! What all forms of a plan show: nodes in data-flow order, and edges with their columns.

use arrow::datatypes::{FieldRef, SchemaRef};
use pelton_core::{
    contract::{Input, Port, PortColumn, StateForm, StateTable},
    job::{Emission, SinkKind, SourceKind},
    limits::show_bytes,
    types,
    window::Clock,
};
use pelton_wasm::Module;

use crate::{
    job::plan::{Logic, OutputPlan, Plan, PlannedOperator, Target},
    operator::{
        OperatorPlan,
        aggregate::AggregatePlan,
        enrich::EnrichPlan,
        join::{JoinForm, JoinPlan, LookupPlan},
        keyed::KeyedPlan,
        sort::{Phase, SortPlan},
    },
};

pub(super) struct Drawing {
    pub(super) job: String,
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
}

pub(super) struct Node {
    /// Unique: `source.bids`.
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// Lines of (what, value).
    pub(super) facts: Vec<(String, String)>,
    /// Steps from the sources, at most.
    pub(super) depth: usize,
}

pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    /// `bids`, `split.errors`.
    pub(super) output: String,
    pub(super) columns: Vec<Column>,
}

pub(super) struct Column {
    pub(super) name: String,
    pub(super) data_type: String,
    /// It travels on this edge; the others of its output are not wanted here.
    pub(super) carried: bool,
    pub(super) event_time: bool,
}

/// What becomes of rows that come once: of what was read, received or answered.
fn of_live(plan: &Plan, done: &str) -> &'static str {
    match (&plan.checkpoint, done) {
        (None, _) => "not kept: what was taken and not computed is gone after a restart",
        (Some(_), "answered") => "kept: what was answered is in the checkpoint's log",
        (Some(_), _) => "kept: what was read is in the checkpoint's log; what was under way is not",
    }
}

impl Drawing {
    pub(super) fn of(plan: &Plan) -> Self {
        let mut drawing = Self { job: plan.name.clone(), nodes: Vec::new(), edges: Vec::new() };
        // The node that each output leaves from.
        let mut origins = vec![0; plan.outputs.len()];
        for source in &plan.sources {
            let index = drawing.nodes.len();
            set(&mut origins, &[source.rows, source.rejected], index);
            let (kind, guarantee) = match source.kind {
                SourceKind::File(_) => ("file", "replayable: every row is read again after a restart"),
                SourceKind::Stdin(_) => ("stdin", of_live(plan, "read")),
                SourceKind::Socket(_) => ("socket", of_live(plan, "received")),
                SourceKind::Http(_) => ("http", of_live(plan, "answered")),
                SourceKind::Generator(_) => ("generator", "replayable: the same rows for the same seed"),
            };
            let mut facts = vec![("type".to_owned(), kind.to_owned())];
            facts.extend(source.source.describe());
            facts.push((
                "decoded".to_owned(),
                if source.columns.is_empty() { "no column".to_owned() } else { source.columns.join(", ") },
            ));
            facts.push(("guarantee".to_owned(), guarantee.to_owned()));
            drawing.nodes.push(Node {
                id: format!("source.{}", source.name),
                kind: "source",
                name: source.name.clone(),
                facts,
                depth: 0,
            });
        }
        for planned in &plan.operators {
            let index = drawing.nodes.len();
            set(&mut origins, &planned.ports, index);
            let inputs: Vec<usize> = planned.sides.iter().flat_map(|side| side.inputs.iter().copied()).collect();
            for side in &planned.sides {
                set(&mut origins, side.rejected.as_slice(), index);
                set(&mut origins, side.late.as_slice(), index);
            }
            let depth = 1 + depth_of(&drawing.nodes, &origins, &inputs);
            let name = planned.logic.name().to_owned();
            drawing.nodes.push(Node {
                id: format!("operator.{name}"),
                kind: "operator",
                name,
                facts: operator_facts(plan, planned),
                depth,
            });
        }
        for sink in &plan.sinks {
            let has_checkpoint = plan.checkpoint.is_some();
            let (kind, guarantee) = match sink.kind {
                SinkKind::File(_) if has_checkpoint => ("file", "each row once, epoch by epoch"),
                SinkKind::File(_) => ("file", "each part appears whole or not at all"),
                SinkKind::Postgres(_) if has_checkpoint => ("postgres", "each row once, epoch by epoch"),
                SinkKind::Postgres(_) => ("postgres", "each epoch whole or not at all"),
                SinkKind::Print(_) => ("print", "for people: nothing is kept"),
                SinkKind::Blackhole => ("blackhole", "nothing is kept but checksums"),
            };
            let mut facts = vec![("type".to_owned(), kind.to_owned())];
            facts.extend(sink.sink.describe());
            facts.push(("guarantee".to_owned(), guarantee.to_owned()));
            let depth = 1 + depth_of(&drawing.nodes, &origins, &sink.inputs);
            drawing.nodes.push(Node {
                id: format!("sink.{}", sink.name),
                kind: "sink",
                name: sink.name.clone(),
                facts,
                depth,
            });
        }
        for (output, from) in plan.outputs.iter().zip(&origins) {
            for reader in &output.readers {
                let to = match reader.to {
                    Target::Operator { operator, .. } => plan.sources.len() + operator,
                    Target::Sink(index) => plan.sources.len() + plan.operators.len() + index,
                    // What is compared goes nowhere.
                    Target::Tap(_) => continue,
                };
                let wanted = |name: &str| reader.schema.index_of(name).is_ok();
                drawing.edges.push(Edge {
                    from: *from,
                    to,
                    output: output.name.clone(),
                    columns: columns(output, wanted),
                });
            }
        }
        drawing
    }
}

fn set(origins: &mut [usize], outputs: &[usize], node: usize) {
    for output in outputs {
        if let Some(origin) = origins.get_mut(*output) {
            *origin = node;
        }
    }
}

fn depth_of(nodes: &[Node], origins: &[usize], inputs: &[usize]) -> usize {
    let depths = inputs.iter().filter_map(|input| nodes.get(*origins.get(*input)?)).map(|node| node.depth);
    depths.max().unwrap_or(0)
}

fn columns(output: &OutputPlan, wanted: impl Fn(&str) -> bool) -> Vec<Column> {
    let fields = output.schema.fields().iter();
    fields
        .map(|field| Column {
            name: field.name().clone(),
            data_type: types::column(field),
            carried: wanted(field.name()),
            event_time: output.event_time.as_deref() == Some(field.name()),
        })
        .collect()
}

fn operator_facts(plan: &Plan, planned: &PlannedOperator) -> Vec<(String, String)> {
    match &planned.logic {
        Logic::Transform(operator) => transform_facts(operator),
        Logic::Aggregate(operator) => aggregate_facts(operator),
        Logic::Keyed(operator) => keyed_facts(operator),
        Logic::Join(operator) => join_facts(operator),
        Logic::Lookup(operator) => lookup_facts(operator, plan),
        Logic::Sort(operator) => sort_facts(operator),
    }
}

fn join_facts(operator: &JoinPlan) -> Vec<(String, String)> {
    let [left, _] = &operator.shuffles;
    let time = |micros: i64| {
        let length = std::time::Duration::from_micros(micros.unsigned_abs());
        if micros < 0 { format!("-{length:?}") } else { format!("{length:?}") }
    };
    let form = match &operator.form {
        JoinForm::Interval { least, most, .. } => {
            format!("right rows from {} to {} after the left one", time(*least), time(*most))
        }
        JoinForm::Windows(window) => format!("rows of the same window: {window}"),
    };
    let kept = match &operator.form {
        JoinForm::Interval { least, most, lateness } => {
            format!("left {}, right {} behind the watermark", time(most + lateness), time(lateness - least))
        }
        JoinForm::Windows(_) => "until their last window is closed".to_owned(),
    };
    let mut facts = [
        ("join", operator.kind.name().to_owned()),
        ("on", key_fact(&left.key_fields)),
        ("meets", form),
        ("rows are kept", kept),
        ("state", format!("{} at most", show_bytes(operator.state_bytes))),
        ("partitions", operator.partitions.to_string()),
    ]
    .map(|(name, fact)| (name.to_owned(), fact))
    .to_vec();
    if let Some(cogroup) = &operator.cogroup {
        let [left_input, right_input] = &cogroup.inputs;
        let [left, right] = &cogroup.signature.reads;
        facts.extend(module_facts(&cogroup.module_name, &cogroup.module, left, left_input));
        let fields = right_input.schema.fields();
        let names: Vec<_> = right.iter().filter_map(|at| fields.get(*at)).map(|field| field.name().as_str()).collect();
        facts.push(("reads of the right".to_owned(), names.join(", ")));
    }
    facts
}

fn lookup_facts(operator: &LookupPlan, plan: &Plan) -> Vec<(String, String)> {
    let mut facts =
        vec![("join".to_owned(), operator.kind.name().to_owned()), ("on".to_owned(), key_fact(&operator.key_fields))];
    if let Some(planned) = plan.tables.get(operator.table) {
        facts.push(("table".to_owned(), planned.name.clone()));
        let described = planned.table.describe().iter();
        facts.extend(described.map(|(name, fact)| (format!("table {name}"), fact.clone())));
        facts.push(("loaded".to_owned(), "at the start, and again between epochs when a file changes".to_owned()));
    }
    facts
}

fn sort_facts(operator: &SortPlan) -> Vec<(String, String)> {
    let fields = operator.schema.fields();
    let by = operator.by.iter().filter_map(|by| {
        let name = fields.get(by.at)?.name();
        Some(if by.descending { format!("{name} desc") } else { name.clone() })
    });
    let mut facts = vec![("sort".to_owned(), by.collect::<Vec<_>>().join(", "))];
    match operator.phase {
        Phase::Hold { .. } => {
            facts.push(("rows are kept".to_owned(), "until the input ends".to_owned()));
            facts.push(("state".to_owned(), format!("{} at most", show_bytes(operator.state_bytes))));
        }
        Phase::Merge { .. } => {
            facts.push(("partitions are".to_owned(), "ranges of these columns, as even as the rows allow".to_owned()));
        }
    }
    facts.push(("partitions".to_owned(), operator.partitions.to_string()));
    facts
}

fn module_facts(name: &str, module: &Module, reads: &[usize], input: &Input) -> Vec<(String, String)> {
    let fields = input.schema.fields();
    let reads: Vec<_> = reads.iter().filter_map(|read| fields.get(*read)).map(|field| field.name().as_str()).collect();
    vec![
        ("module".to_owned(), name.to_owned()),
        ("digest".to_owned(), module.digest.to_string()),
        ("packaging".to_owned(), format!("{}, {} bytes", module.packaging, module.bytes)),
        (
            "imports".to_owned(),
            if module.imports.is_empty() { "nothing".to_owned() } else { module.imports.join(", ") },
        ),
        ("reads".to_owned(), if reads.is_empty() { "no column".to_owned() } else { reads.join(", ") }),
    ]
}

fn transform_facts(operator: &OperatorPlan) -> Vec<(String, String)> {
    let mut facts = module_facts(&operator.module_name, &operator.module, &operator.signature.reads, &operator.input);
    facts.extend(operator.enrich.iter().flat_map(endpoint_facts));
    facts.extend(port_facts(&operator.signature.ports));
    facts
}

/// What may be asked, and with which headers; never their values.
fn endpoint_facts(enrich: &EnrichPlan) -> impl Iterator<Item = (String, String)> {
    let specs = enrich.at.iter().filter_map(|at| enrich.endpoints.specs.get(*at));
    specs.flat_map(|spec| {
        let limits = format!(
            "{} within {:?}, {} at once, sent again {} at most, replies of {} at most",
            spec.url,
            spec.timeout,
            spec.concurrency,
            counted(spec.retries),
            show_bytes(spec.reply_bytes)
        );
        let headers: Vec<&str> = spec.headers.iter().map(|(name, _)| name.as_str()).collect();
        let secrets: Vec<String> = spec.secrets.iter().map(|(name, from)| format!("{name} from {from}")).collect();
        let of = |what: &str, listed: String| {
            (!listed.is_empty()).then(|| (format!("endpoint {} {what}", spec.name), listed))
        };
        let asked = [(format!("endpoint {}", spec.name), limits)].into_iter();
        asked.chain(of("headers", headers.join(", "))).chain(of("secrets", secrets.join(", ")))
    })
}

fn counted(times: u32) -> String {
    if times == 1 { "once".to_owned() } else { format!("{times} times") }
}

fn port_facts(ports: &[Port]) -> impl Iterator<Item = (String, String)> {
    ports.iter().map(|port| {
        let columns = port.schema.fields().iter().zip(&port.columns);
        let computed: Vec<_> = columns
            .filter(|(_, column)| matches!(column, PortColumn::Computed(_)))
            .map(|(field, _)| format!("{}: {}", field.name(), types::column(field)))
            .collect();
        let computed = if computed.is_empty() { "nothing".to_owned() } else { computed.join(", ") };
        (format!("port {} computes", port.name), computed)
    })
}

fn keyed_facts(operator: &KeyedPlan) -> Vec<(String, String)> {
    let mut facts = module_facts(&operator.module_name, &operator.module, &operator.signature.reads, &operator.input);
    facts.push(("key".to_owned(), key_fact(&operator.shuffle.key_fields)));
    facts.extend(operator.signature.state.iter().map(state_fact));
    let clock = |clock| if clock == Clock::Event { "event time" } else { "processing time" };
    facts.push((
        "a key ends".to_owned(),
        match operator.ttl {
            Some(ttl) => {
                let length = std::time::Duration::from_micros(ttl.length.unsigned_abs());
                format!("{length:?} after its last row, by {}", clock(ttl.clock))
            }
            None => "never".to_owned(),
        },
    ));
    if operator.idle_keys {
        facts.push(("called".to_owned(), "in every epoch for every key with state".to_owned()));
    }
    facts.push(("state".to_owned(), format!("{} at most", show_bytes(operator.limits.state_bytes))));
    facts.push(("partitions".to_owned(), operator.partitions().to_string()));
    facts.extend(port_facts(&operator.signature.ports));
    facts
}

fn key_fact(fields: &[FieldRef]) -> String {
    let names: Vec<_> = fields.iter().map(|field| field.name().as_str()).collect();
    if names.is_empty() { "none: one group".to_owned() } else { names.join(", ") }
}

fn state_fact(table: &StateTable) -> (String, String) {
    let columns = |schema: &SchemaRef| {
        let columns: Vec<_> =
            schema.fields().iter().map(|field| format!("{}: {}", field.name(), types::column(field))).collect();
        columns.join(", ")
    };
    let form = match table.form {
        StateForm::Value => "one row",
        StateForm::List => "list",
        StateForm::Map => "map",
    };
    let values = columns(&table.values);
    let value = match table.form {
        StateForm::Value => format!("{form} of {values}"),
        StateForm::List | StateForm::Map => format!("{form} of {} ─► {values}", columns(&table.subkey)),
    };
    (format!("state {}", table.name), value)
}

fn aggregate_facts(operator: &AggregatePlan) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    for function in &operator.functions {
        facts.extend(module_facts(&function.module_name, &function.module, &function.signature.reads, &function.input));
        let fields = function.signature.accumulator.fields().iter();
        let state: Vec<_> = fields.map(|field| format!("{}: {}", field.name(), types::column(field))).collect();
        facts.push(("accumulator".to_owned(), state.join(", ")));
    }
    facts.push(("key".to_owned(), key_fact(&operator.key_fields)));
    facts.push(("window".to_owned(), operator.window.to_string()));
    let how = if operator.emits_changes { "as changes" } else { "as updates by key" };
    let emission = match operator.emission {
        Emission::OnClose => "once, when the watermark passes the window's end".to_owned(),
        Emission::OnUpdate => format!("after each epoch that changed them, {how}"),
        Emission::Early(every) => {
            let every = std::time::Duration::from_micros(every.unsigned_abs());
            format!("when the watermark passes the window's end, and those that changed every {every:?}, {how}")
        }
    };
    facts.push(("results".to_owned(), emission));
    facts.push(("partitions".to_owned(), operator.partitions.to_string()));
    facts
}
