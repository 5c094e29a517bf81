//! `pelton check`: the laws of the contract, tried on a module with rows that are made up.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use pelton_core::{
    contract::{Input, Mode},
    limits::Limits,
};
use pelton_wasm::Module;
use serde_json::json;

use super::{
    Context, Exit,
    inspect::{Columns, parse_columns, parse_options},
    plan::runtime,
};
use crate::{
    author::laws::{self, Broken, Effort, Held, Subject},
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
    /// Key columns, for an aggregate.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    key: Vec<String>,
    /// Its options, as a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}", value_parser = parse_options)]
    options: String,
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
    let bytes = match std::fs::read(&args.module) {
        Ok(bytes) => bytes,
        Err(error) => {
            context.terminal.message(&format!("failed to read {}: {error}", args.module.display()));
            return Exit::Usage;
        }
    };
    let runtime = match runtime(context) {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let limits = Limits::default();
    let module = match Module::load(&runtime, &bytes, &limits) {
        Ok(module) => Arc::new(module),
        Err(error) => {
            context.error(&error);
            return Exit::Refused;
        }
    };
    let input = Input {
        name: "input".into(),
        schema: args.columns.0.clone(),
        key: args.key.clone(),
        event_time: None,
        mode: Mode::Append,
    };
    let subject = Subject { module, input, options: args.options.clone(), limits };
    let effort = Effort { seed: args.seed, tables: usize::from(args.tables), rows: usize::from(args.rows) };
    let mut held = |held: Held| {
        if context.is_json() {
            context.terminal.line(&json!({ "event": "law", "law": held.law, "holds": true }).to_string());
        } else {
            context.terminal.line(&format!("holds    {}", held.law));
        }
    };
    match laws::check(&subject, &effort, &mut held) {
        Ok(()) => Exit::Done,
        Err(broken) => {
            show(context, &broken);
            if matches!(broken, Broken::Law { .. }) { Exit::Failed } else { Exit::Refused }
        }
    }
}

fn show(context: &Context, broken: &Broken) {
    let Broken::Law { law, rows, ways, .. } = broken else {
        context.error(broken);
        return;
    };
    let table = laws::lines(rows);
    if context.is_json() {
        let ways = ways.each_ref().map(|(way, lines)| json!({ "way": way, "rows": lines }));
        let event = json!({
            "event": "law",
            "law": law,
            "holds": false,
            "code": broken.code().to_string(),
            "message": broken.to_string(),
            "table": table,
            "ways": ways,
        });
        context.terminal.line(&event.to_string());
        return;
    }
    context.terminal.line(&format!("BROKEN   {law}"));
    let mut text = vec!["the smallest table that shows it:".to_owned()];
    text.extend(table.iter().map(|row| format!("  {row}")));
    for (way, lines) in ways.iter() {
        text.push(format!("{way}:"));
        text.extend(lines.iter().map(|line| format!("  {line}")));
    }
    context.terminal.line(&text.join("\n"));
    context.error(broken);
}
