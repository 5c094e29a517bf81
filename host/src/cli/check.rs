//! `pelton check`: the laws of the contract, tried on a module with rows that are made up.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use pelton_core::{
    contract::{Input, Mode, SideTable},
    limits::Limits,
};
use pelton_wasm::{Kind, Module, Runtime};
use serde_json::{Map, json};

use super::{
    Context, Exit,
    inspect::{Columns, parse_columns, parse_options, parse_table},
    plan::runtime,
};
use crate::{
    author::laws::{self, Broken, Effort, Older, Subject, Told},
    error::Coded,
};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// A module: `.wasm` or `.wat`.
    #[arg(value_name = "MODULE")]
    module: PathBuf,
    /// Columns of its input, as in a job file's schema.
    #[arg(long, value_name = "NAME: TYPE, …", value_parser = parse_columns)]
    columns: Columns,
    /// Columns of the right input of a cogroup, if they are not those of the left.
    #[arg(long, value_name = "NAME: TYPE, …", value_parser = parse_columns)]
    right: Option<Columns>,
    /// Key columns, of all but transforms.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    key: Vec<String>,
    /// The column that is the event time of its input.
    #[arg(long, value_name = "NAME")]
    event_time: Option<String>,
    /// A side table that it may look up in; once for each. Its rows are made up, too.
    #[arg(long = "table", value_name = "TABLE=NAME: TYPE, …", value_parser = parse_table)]
    side_tables: Vec<SideTable>,
    /// Its options, as a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}", value_parser = parse_options)]
    options: String,
    /// The version before, whose state it migrates.
    #[arg(long, value_name = "MODULE")]
    from: Option<PathBuf>,
    /// The options of the version before, if they are others.
    #[arg(long, value_name = "JSON", value_parser = parse_options, requires = "from")]
    from_options: Option<String>,
    /// Laws that are not tried.
    #[arg(long, value_name = "LAW,…", value_delimiter = ',')]
    except: Vec<String>,
    /// Laws that must hold as well, of those that a module may break on purpose: `clock`, `seed`, `epochs`.
    #[arg(long, value_name = "LAW,…", value_delimiter = ',')]
    also: Vec<String>,
    /// Tables that are tried for each law.
    #[arg(long, value_name = "N", default_value_t = 20)]
    tables: u16,
    /// Rows of a table, at most.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..))]
    rows: u16,
    /// The same seed tries the same rows.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

pub(super) fn check(context: &Context, args: &CheckArgs) -> Exit {
    let runtime = match runtime(context) {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let limits = Limits::default();
    let load = |path: &Path| load(context, &runtime, path, &limits);
    let module = match load(&args.module) {
        Ok(module) => module,
        Err(exit) => return exit,
    };
    let older = match args.from.as_deref().map(load).transpose() {
        Ok(older) => older,
        Err(exit) => return exit,
    };
    let options = args.from_options.as_ref().unwrap_or(&args.options);
    let older = older.map(|module| Older { module, options: options.clone() });
    let subject = Subject {
        inputs: inputs(module.kind(), args),
        module,
        offered: args.side_tables.clone(),
        options: args.options.clone(),
        limits,
        older,
    };
    let effort = Effort {
        seed: args.seed,
        tables: usize::from(args.tables),
        rows: usize::from(args.rows),
        except: args.except.clone(),
        also: args.also.clone(),
    };
    let mut told = |told: Told| tell(context, told);
    match laws::check(&subject, &effort, &mut told) {
        Ok(()) => Exit::Done,
        Err(broken) => {
            show(context, &subject, &broken);
            if matches!(broken, Broken::Law { .. }) { Exit::Failed } else { Exit::Refused }
        }
    }
}

fn load(context: &Context, runtime: &Arc<Runtime>, path: &Path, limits: &Limits) -> Result<Arc<Module>, Exit> {
    let bytes = std::fs::read(path).map_err(|error| {
        context.terminal.message(&format!("failed to read {}: {error}", path.display()));
        Exit::Usage
    })?;
    let module = Module::load(runtime, &bytes, limits).map_err(|error| {
        context.error(&error);
        Exit::Refused
    })?;
    Ok(Arc::new(module))
}

fn inputs(kind: Kind, args: &CheckArgs) -> Vec<Input> {
    let input = |name: &str, columns: &Columns| Input {
        name: name.into(),
        schema: columns.0.clone(),
        key: args.key.clone(),
        event_time: args.event_time.clone(),
        mode: Mode::Append,
    };
    match kind {
        Kind::Cogroup => {
            vec![input("left", &args.columns), input("right", args.right.as_ref().unwrap_or(&args.columns))]
        }
        Kind::Transform | Kind::Aggregate | Kind::Keyed | Kind::Enrich => vec![input("input", &args.columns)],
    }
}

fn tell(context: &Context, told: Told) {
    let Told { law, says, holds } = told;
    // What a module may do is no law that it breaks.
    let event = if holds { "law" } else { "depends" };
    if context.is_json() {
        context.terminal.line(&json!({ "event": event, "law": law, "holds": holds }).to_string());
    } else if holds {
        context.terminal.line(&format!("holds    {law}"));
    } else {
        context.terminal.line(&format!("depends  {law}: {says}, as a module may"));
    }
}

fn show(context: &Context, subject: &Subject, broken: &Broken) {
    let Broken::Law { law, given, ways, .. } = broken else {
        context.error(broken);
        return;
    };
    let case = given.case(subject);
    let parts = given.parts();
    if context.is_json() {
        let ways = ways.each_ref().map(|(way, lines)| json!({ "way": way, "rows": lines }));
        let tables: Map<_, _> = parts.iter().map(|part| (part.name.clone(), laws::lines(&part.rows).into())).collect();
        let event = json!({
            "event": "law",
            "law": law,
            "holds": false,
            "code": broken.code().to_string(),
            "message": broken.to_string(),
            "table": parts.first().map(|part| laws::lines(&part.rows)),
            "tables": tables,
            "ways": ways,
            "case": case.into_iter().map(|(name, text)| (name, text.into())).collect::<Map<_, _>>(),
        });
        context.terminal.line(&event.to_string());
        return;
    }
    context.terminal.line(&format!("BROKEN   {law}"));
    let mut text = Vec::new();
    for part in parts {
        text.push(match parts.len() {
            1 => "the smallest table that shows it:".to_owned(),
            _ => format!("the smallest table `{}` that shows it:", part.name),
        });
        text.extend(laws::lines(&part.rows).iter().map(|row| format!("  {row}")));
    }
    for (way, lines) in ways.iter() {
        text.push(format!("{way}:"));
        text.extend(lines.iter().map(|line| format!("  {line}")));
    }
    for (name, lines) in case {
        text.push(format!("as a golden case, {name}:"));
        text.extend(lines.lines().map(|line| format!("  {line}")));
    }
    context.terminal.line(&text.join("\n"));
    context.error(broken);
}
