//! `[operator.NAME]`.

use pelton_core::{
    contract::Mode,
    job::{CanarySpec, DrainingSpec, Emission, ModuleSpec, OperatorSpec, OutputRef, ShadowSpec, SortColumn, StateSpec},
    limits::Limits,
    poison::{Fate, OnTrap, POISON_ROWS_DEFAULT, POISON_WITHIN_DEFAULT, PoisonRate},
};
use serde_json::{Map, Number, Value as Json};

use super::{
    join,
    reader::{Reader, type_name},
    source::check_unique,
    tree::{Kind, Table, Value},
    window,
};
use crate::job::diagnostic::shown;

/// None: it lacks something that is needed; it has been reported.
pub fn read(name: &str, at: &Reader<'_>) -> Option<OperatorSpec> {
    let join = match at.table("join") {
        Some(join) => Some(join::read(at, &join)),
        None if at.has("join") => Some(None),
        None => None,
    };
    let (inputs, join, own) = match join {
        Some(join) => {
            let (inputs, join) = join.unzip();
            let modules = if at.has("module") { modules(at) } else { Some(Vec::new()) };
            (inputs, Some(join?), modules)
        }
        None => {
            if !at.has("input") {
                at.missing_one("input", "join");
            }
            let modules = if at.has("sort") { check_sort(at).map(|()| Vec::new()) } else { modules(at) };
            (inputs(at), None, modules)
        }
    };
    let key: Vec<String> = at.texts("key").unwrap_or_default().into_iter().map(str::to_owned).collect();
    check_unique(at, "key", &key.iter().map(String::as_str).collect::<Vec<_>>());
    let sort: Vec<SortColumn> = at.texts("sort").unwrap_or_default().into_iter().map(sort_column).collect();
    check_unique(at, "sort", &sort.iter().map(|column| column.name.as_str()).collect::<Vec<_>>());
    let window = at.table("window").map(|at| window::read(&at));
    let (emission, mode) = if at.has_table("emit") {
        at.table("emit").map_or((None, None), |at| emit(&at))
    } else {
        (at.choice("emit").map(emission), None)
    };
    let state = at.table("state").map(|at| state(&at));
    let shadow = match at.table("shadow") {
        Some(shadow) => Some(ShadowSpec { modules: modules(&shadow)?, reset: reset(&shadow) }),
        None => None,
    };
    let canary = match at.table("canary") {
        Some(canary) => Some(canary_of(at, &canary)?),
        None => None,
    };
    let draining = match at.table("draining") {
        Some(draining) => Some(DrainingSpec { modules: modules(&draining)? }),
        None => None,
    };
    let limits = at.table("limits").map_or_else(Limits::default, |at| limits(&at));
    let on_trap = on_trap(at);
    let window = match window {
        Some(window) => Some(window?),
        None => None,
    };
    Some(OperatorSpec {
        name: name.to_owned(),
        inputs: inputs?,
        join,
        sort,
        modules: own?,
        key,
        window,
        emission,
        mode,
        state,
        endpoints: endpoints(at),
        limits,
        on_trap,
        was: at.text("was").map(str::to_owned),
        reset: reset(at),
        shadow,
        canary,
        draining,
    })
}

fn reset(at: &Reader<'_>) -> u64 {
    at.integer("reset").and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
}

/// The names of endpoints, each once. Whether there are such is looked at when all are known.
fn endpoints(at: &Reader<'_>) -> Vec<String> {
    let names = at.texts("endpoints").unwrap_or_default();
    check_unique(at, "endpoints", &names);
    names.into_iter().map(str::to_owned).collect()
}

/// `COLUMN`, or `COLUMN desc`.
fn sort_column(text: &str) -> SortColumn {
    let text = text.trim();
    let (name, descending) = match (text.strip_suffix(" desc"), text.strip_suffix(" asc")) {
        (Some(name), _) => (name, true),
        (None, Some(name)) => (name, false),
        (None, None) => (text, false),
    };
    SortColumn { name: name.trim_end().to_owned(), descending }
}

/// Keys that a sort has no use for. None: one was reported.
fn check_sort(at: &Reader<'_>) -> Option<()> {
    let others = [
        "module",
        "options",
        "key",
        "window",
        "aggregate",
        "emit",
        "state",
        "endpoints",
        "on-trap",
        "reset",
        "shadow",
        "canary",
        "draining",
    ];
    let Some(key) = others.iter().find(|key| at.has(key)) else { return Some(()) };
    let message = format!("`{}` and `sort` exclude each other", at.place(key));
    let help = "a sort puts rows in order by itself; let another operator read it, or be read by it";
    at.wrong(at.span(key), message, "leave this out", help);
    None
}

/// `canary` of the operator at `operator`.
fn canary_of(operator: &Reader<'_>, at: &Reader<'_>) -> Option<CanarySpec> {
    if operator.has("shadow") {
        let message = format!("`{}` and `shadow` exclude each other", operator.place("canary"));
        operator.wrong(
            operator.span("canary"),
            message,
            "leave out this or `shadow`",
            "a candidate is compared first, as the shadow, and then does a share of the work, as the canary",
        );
        return None;
    }
    let modules = modules(at);
    let text = at.text("share")?;
    match text.parse() {
        Ok(share) => Some(CanarySpec { modules: modules?, share }),
        Err(error) => {
            let message = format!("`{}` is \"{}\"", at.place("share"), shown(text));
            at.wrong(at.span("share"), message, "this is no share", error.to_string());
            None
        }
    }
}

/// `on-trap`: a word, or a table with a `type`.
fn on_trap(at: &Reader<'_>) -> OnTrap {
    let default = || PoisonRate { rows: POISON_ROWS_DEFAULT, within: POISON_WITHIN_DEFAULT };
    let (word, rate) = match at.has_table("on-trap") {
        true => match at.table("on-trap") {
            Some(table) => {
                let rows = table.integer("rows").and_then(|rows| u64::try_from(rows).ok());
                let rate = PoisonRate {
                    rows: rows.unwrap_or(POISON_ROWS_DEFAULT),
                    within: table.duration("within").unwrap_or(POISON_WITHIN_DEFAULT),
                };
                (table.choice("type"), rate)
            }
            None => (None, default()),
        },
        false => (at.choice("on-trap"), default()),
    };
    match word {
        Some("skip") => OnTrap::Isolate { fate: Fate::Skip, rate: Some(rate) },
        Some("dead-letter") => OnTrap::Isolate { fate: Fate::DeadLetter, rate: Some(rate) },
        _ => OnTrap::Halt,
    }
}

fn emission(word: &str) -> Emission {
    if word == "on-update" { Emission::OnUpdate } else { Emission::OnClose }
}

/// `emit = { when = "on-update", mode = "retract" }`: when results leave, and how.
fn emit(at: &Reader<'_>) -> (Option<Emission>, Option<Mode>) {
    if at.has("early") && at.has("when") {
        let message = format!("`{}` and `early` exclude each other", at.place("when"));
        let help = "with `early`, results leave when their window closes and before that";
        at.wrong(at.span("when"), message, "leave out this or `early`", help);
    }
    let early = at.duration("early").map(|early| i64::try_from(early.as_micros()).unwrap_or(i64::MAX));
    let when = at.choice("when").map(emission);
    let mode = at.choice("mode").map(|mode| if mode == "retract" { Mode::Retract } else { Mode::Upsert });
    (early.map(Emission::Early).or(when), mode)
}

/// `module` and its `options`, or the modules of `aggregate`.
fn modules(at: &Reader<'_>) -> Option<Vec<ModuleSpec>> {
    let options = at.free("options").map(|table| Json::Object(object(at, &at.place("options"), table)));
    let empty = || Json::Object(Map::new());
    match (at.has("module"), at.has("aggregate")) {
        (false, false) => {
            at.missing_one("module", "aggregate");
            None
        }
        (true, true) => {
            let message = format!("`{}` and `module` exclude each other", at.place("aggregate"));
            at.wrong(
                at.span("aggregate"),
                message,
                "leave out this or `module`",
                "several modules stand in `aggregate`, one alone in `module`",
            );
            None
        }
        (true, false) => {
            let reference = at.text("module")?.to_owned();
            Some(vec![ModuleSpec { alias: None, reference, options: options.unwrap_or_else(empty) }])
        }
        (false, true) => aggregates(at, at.free("aggregate")?),
    }
}

/// `aggregate = { n = "std:count", p99 = "std:quantile(ms, 0.99)" }`.
fn aggregates(at: &Reader<'_>, table: &Table) -> Option<Vec<ModuleSpec>> {
    if table.entries.is_empty() {
        let message = format!("`{}` has no module", at.place("aggregate"));
        at.wrong(
            table.span.clone(),
            message,
            "it is empty",
            "give each result a name: `aggregate = { n = \"std:count\" }`",
        );
        return None;
    }
    let modules = table.entries.iter().map(|entry| match &entry.value.kind {
        Kind::Text(reference) => Some(ModuleSpec {
            alias: Some(entry.key.clone()),
            reference: reference.clone(),
            options: Json::Object(Map::new()),
        }),
        other => {
            let message = format!(
                "`{}` must be a module, not {}",
                at.place(&format!("aggregate.{}", shown(&entry.key))),
                at.report.written(&entry.value)
            );
            at.wrong(
                entry.value.span.clone(),
                message,
                format!("this is {}", type_name(other)),
                "name a module in quotes, such as \"std:count\" or \"std:quantile(ms, 0.99)\"",
            );
            None
        }
    });
    // All mistakes are reported before the first one ends it.
    modules.collect::<Vec<_>>().into_iter().collect()
}

/// `input` of an operator or a sink.
pub fn inputs(at: &Reader<'_>) -> Option<Vec<OutputRef>> {
    Some(at.texts("input")?.into_iter().map(OutputRef::parse).collect())
}

fn state(at: &Reader<'_>) -> StateSpec {
    let micros = |key: &str| at.duration(key).map(|time| i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
    StateSpec {
        ttl: micros("ttl"),
        idle_keys: at.boolean("idle-keys").unwrap_or_default(),
        lateness: micros("lateness"),
        initial: initial(at),
    }
}

/// `initial = { STATE = "TABLE" }`.
fn initial(at: &Reader<'_>) -> Vec<(String, String)> {
    let entries = at.free("initial").map(|table| table.entries.as_slice()).unwrap_or_default();
    let named = entries.iter().filter_map(|entry| match &entry.value.kind {
        Kind::Text(table) => Some((entry.key.clone(), table.clone())),
        other => {
            let message = format!(
                "`{}` must be the name of a table, not {}",
                at.place(&format!("initial.{}", shown(&entry.key))),
                at.report.written(&entry.value)
            );
            let help = "name a `[table.NAME]` in quotes; it has the key columns and the columns of the state";
            at.wrong(entry.value.span.clone(), message, format!("this is {}", type_name(other)), help);
            None
        }
    });
    named.collect()
}

fn limits(at: &Reader<'_>) -> Limits {
    let default = Limits::default();
    let count = |key: &str| at.integer(key).and_then(|count| u64::try_from(count).ok());
    Limits {
        module_bytes: at.size("module-bytes").unwrap_or(default.module_bytes),
        memory_bytes: at.size("memory-bytes").unwrap_or(default.memory_bytes),
        call_time: at.duration("call-time").unwrap_or(default.call_time),
        output_bytes: at.size("output-bytes").unwrap_or(default.output_bytes),
        rows_out_per_row: count("rows-out-per-row")
            .and_then(|rows| u32::try_from(rows).ok())
            .unwrap_or(default.rows_out_per_row),
        log_bytes: at.size("log-bytes").unwrap_or(default.log_bytes),
        log_calls: count("log-calls").unwrap_or(default.log_calls),
        state_row_bytes: at.size("state-row-bytes").unwrap_or(default.state_row_bytes),
        state_bytes: at.size("state-bytes").unwrap_or(default.state_bytes),
        requests: count("requests").and_then(|requests| u32::try_from(requests).ok()).unwrap_or(default.requests),
        request_bytes: at.size("request-bytes").unwrap_or(default.request_bytes),
        reply_bytes: at.size("reply-bytes").unwrap_or(default.reply_bytes),
    }
}

/// TOML as JSON. Dates and times become strings; what JSON cannot say is reported.
fn object(at: &Reader<'_>, place: &str, table: &Table) -> Map<String, Json> {
    let entries = table.entries.iter().map(|entry| {
        let place = format!("{place}.{}", shown(&entry.key));
        (entry.key.clone(), json(at, &place, &entry.value))
    });
    entries.collect()
}

fn json(at: &Reader<'_>, place: &str, value: &Value) -> Json {
    match &value.kind {
        Kind::Boolean(value) => Json::Bool(*value),
        Kind::Integer(value) => Json::Number((*value).into()),
        Kind::Float(number) => Number::from_f64(*number).map_or_else(
            || {
                let message = format!("`{place}` cannot be {}", at.report.written(value));
                at.wrong(
                    value.span.clone(),
                    message,
                    "not a number in JSON",
                    "options reach a module as JSON, which has no nan and inf",
                );
                Json::Null
            },
            Json::Number,
        ),
        Kind::Text(text) | Kind::Datetime(text) => Json::String(text.clone()),
        Kind::Array(values) => values.iter().map(|value| json(at, place, value)).collect(),
        Kind::Table(table) => Json::Object(object(at, place, table)),
    }
}
