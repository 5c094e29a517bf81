//! `pelton new`: a project for a module, from a template.

use std::path::PathBuf;

use clap::Args;

use super::{Context, Exit};
use crate::author::{Kind, Language, template};

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// The module's name, and its directory's.
    #[arg(value_name = "NAME")]
    name: String,
    /// rust, python, typescript, javascript, c, cpp, go, zig, assemblyscript or java.
    #[arg(long, value_name = "LANGUAGE")]
    lang: Language,
    /// Of operator: transform (row by row), aggregate (a fold of groups and windows), keyed (state and timers for each key), cogroup
    /// (the rows of a key on two inputs) or enrich (asks endpoints, and makes rows of their replies).
    #[arg(long, value_name = "KIND", default_value_t)]
    kind: Kind,
    /// Another directory than the name.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn new(context: &Context, args: &NewArgs) -> Exit {
    let dir = args.dir.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    if let Err(error) = template::create(&dir, &args.name, args.lang, args.kind) {
        context.error(&error);
        return Exit::Usage;
    }
    if context.is_json() {
        context
            .terminal
            .line(&serde_json::json!({ "event": "created", "dir": dir, "language": args.lang.word(), "kind": args.kind.word() }).to_string());
    } else {
        let dir = dir.display();
        context.terminal.line(&format!(
            "{dir}: a module in {} ({}). Next:\n  pelton build {dir}\n  pelton test {dir}\n  pelton run {dir}/job.toml",
            args.lang, args.kind
        ));
    }
    Exit::Done
}
