//! `pelton module …`: modules that jobs can name: those of an engine's registry, and those that come with Pelton.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use indicatif::HumanBytes;
use pelton_core::{limits::show_bytes, model::ModuleTag};
use serde_json::{Value, json};

use super::{
    Context, Exit,
    client::{Client, ClientError, escaped},
    terminal,
    time::shown_time,
};
use crate::{
    control::registry::MODULE_BYTES_MAX,
    error::Code,
    job::{
        diagnostic::{Diagnostic, Diagnostics, Sources, shown},
        plan::modules,
    },
    standard::{Function, page},
};

#[derive(Debug, Subcommand)]
pub(super) enum ModuleCommand {
    /// Push a module to the engine, which checks and keeps it.
    #[command(
        disable_version_flag = true,
        after_help = "Example:\n  pelton module push to_euro.wasm --name to-euro --version 1.2.0"
    )]
    Push(PushArgs),
    /// List modules, with what they do.
    #[command(
        after_help = "Examples:\n  pelton module list          those of the engine's registry\n  pelton module list --std    those that come with Pelton; docs/std/ has a page for each"
    )]
    List(ListArgs),
    /// Show what a module is, where it came from, and what its names are.
    #[command(after_help = "Example:\n  pelton module show to-euro@1.2.0")]
    Show(ModuleArgs),
    /// Give a module one more name.
    #[command(after_help = "Example:\n  pelton module tag to-euro@1.2.0 to-euro@stable-7")]
    Tag(TagArgs),
    /// Fetch a module's bytes from the engine.
    #[command(after_help = "Example:\n  pelton module pull to-euro@1.2.0 --to to_euro.wasm")]
    Pull(PullArgs),
    /// Remove a module from the registry, or one of its names. Refused while a job needs it.
    #[command(after_help = "Example:\n  pelton module remove to-euro@1.1.0")]
    Remove(ModuleArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Those that come with Pelton; no engine is asked.
    #[arg(long)]
    std: bool,
}

#[derive(Debug, Args)]
pub(super) struct PushArgs {
    /// A module: `.wasm` or `.wat`.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its name in the registry; without it only its digest leads to it.
    #[arg(long, requires = "release")]
    name: Option<String>,
    /// Its version: together they are `name@version`, which never comes to mean another module.
    #[arg(long = "version", id = "release", value_name = "VERSION", requires = "name")]
    release: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ModuleArgs {
    /// `name@version`, a digest, or the first digits of one.
    #[arg(value_name = "MODULE")]
    module: String,
}

#[derive(Debug, Args)]
pub(super) struct TagArgs {
    #[command(flatten)]
    module: ModuleArgs,
    /// The new name.
    #[arg(value_name = "NAME@VERSION")]
    tag: ModuleTag,
}

#[derive(Debug, Args)]
pub(super) struct PullArgs {
    #[command(flatten)]
    module: ModuleArgs,
    /// The file that is written; by default DIGEST.wasm.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

pub(super) fn module(context: &Context, command: &ModuleCommand) -> Exit {
    match command {
        ModuleCommand::Push(args) => push(context, args),
        ModuleCommand::List(ListArgs { std: true }) => list_std(context),
        ModuleCommand::List(_) => context.answer(Client::new(context).get("/v1/modules"), list_to_text),
        ModuleCommand::Show(args) => {
            let path = format!("/v1/modules/{}", escaped(&args.module));
            context.answer(Client::new(context).get(&path), to_text)
        }
        ModuleCommand::Tag(TagArgs { module, tag }) => {
            let path = format!("/v1/modules/{}/tags", escaped(&module.module));
            context.answer(Client::new(context).post(&path, &json!({ "tag": tag })), to_text)
        }
        ModuleCommand::Pull(args) => pull(context, args),
        ModuleCommand::Remove(args) => {
            let path = format!("/v1/modules/{}", escaped(&args.module));
            context.answer(Client::new(context).delete(&path), |_| format!("{} is removed", args.module))
        }
    }
}

/// Reads a module's file; what is wrong has been shown.
pub(super) fn read(context: &Context, path: &std::path::Path) -> Result<Vec<u8>, Exit> {
    let wrong = |code, message: String, help: &str| {
        let mistake = Diagnostic::new(code, message).help(help);
        context.mistakes(&Diagnostics::new(Sources::new("", ""), vec![mistake]))
    };
    let bytes = modules::read(path, MODULE_BYTES_MAX).map_err(|error| {
        let message = format!("failed to read the module {}: {error}", path.display());
        wrong(Code::ModuleUnreadable, message, "give the path of a .wasm or .wat file")
    })?;
    if bytes.len() as u64 > MODULE_BYTES_MAX {
        let message = format!("{} is larger than {}", path.display(), show_bytes(MODULE_BYTES_MAX));
        return Err(wrong(Code::ModuleTooLarge, message, "build it smaller (`strip`, `opt-level`)"));
    }
    Ok(bytes)
}

fn push(context: &Context, args: &PushArgs) -> Exit {
    let bytes = match read(context, &args.file) {
        Ok(bytes) => bytes,
        Err(exit) => return exit,
    };
    let mut path = format!("/v1/modules?digest={}", blake3::hash(&bytes).to_hex());
    if let (Some(name), Some(version)) = (&args.name, &args.release) {
        match format!("{name}@{version}").parse::<ModuleTag>() {
            // `+` would be read as a space.
            Ok(tag) => path += &format!("&tag={}", escaped(&tag.to_string())),
            Err(error) => {
                let refused = ClientError::Refused {
                    code: Code::BadRequest,
                    message: format!("`{}` cannot be the name of a module", shown(&format!("{name}@{version}"))),
                    help: Some(error.to_string()),
                    source: None,
                    errors: Box::default(),
                };
                context.error(&refused);
                return refused.exit();
            }
        }
    }
    context.answer(Client::new(context).post_bytes(&path, bytes), to_text)
}

fn pull(context: &Context, args: &PullArgs) -> Exit {
    let client = Client::new(context);
    let path = format!("/v1/modules/{}/content", escaped(&args.module.module));
    let bytes = match client.bytes(&path) {
        Ok(bytes) => bytes,
        Err(error) => return context.answer(Err(error), |_| String::new()),
    };
    let digest = blake3::hash(&bytes).to_hex();
    let file = args.to.clone().unwrap_or_else(|| PathBuf::from(format!("{digest}.wasm")));
    if let Err(error) = std::fs::write(&file, &bytes) {
        context.terminal.message(&format!("failed to write {}: {error}", file.display()));
        return Exit::Failed;
    }
    let answer = json!({ "file": file.display().to_string(), "digest": digest.as_str(), "bytes": bytes.len() });
    context.answer(Ok(answer), |_| format!("{} ({} bytes)", file.display(), bytes.len()))
}

fn list_to_text(answer: &Value) -> String {
    let mut table = terminal::plain_table();
    table.set_header(["module", "kind", "digest", "bytes", "pushed", "by"]);
    for module in answer.get("modules").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| module.get(key).and_then(Value::as_str).unwrap_or_default();
        let number = |key: &str| module.get(key).and_then(Value::as_i64).unwrap_or_default();
        let bytes = HumanBytes(number("bytes").unsigned_abs()).to_string();
        let digest = text("digest").chars().take(12).collect();
        let pushed = shown_time(number("pushed_at"));
        table.add_row([tags(module), text("kind").into(), digest, bytes, pushed, text("pushed_by").into()]);
    }
    table.to_string()
}

fn tags(module: &Value) -> String {
    let tags = module.get("tags").and_then(Value::as_array).into_iter().flatten();
    let tags: Vec<_> = tags.filter_map(Value::as_str).collect();
    if tags.is_empty() { "(no name)".into() } else { tags.join(", ") }
}

fn to_text(module: &Value) -> String {
    let text = |key: &str| module.get(key).and_then(Value::as_str).unwrap_or_default();
    let number = |key: &str| module.get(key).and_then(Value::as_i64).unwrap_or_default();
    let list = |key: &str| {
        let names = module.get(key).and_then(Value::as_array).into_iter().flatten();
        let names: Vec<_> = names.filter_map(Value::as_str).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    };
    [
        format!("names      {}", tags(module)),
        format!("kind       {}", text("kind")),
        format!("digest     {}", text("digest")),
        format!("packaging  {}, {} bytes", text("packaging"), number("bytes")),
        format!("contract   {}", text("contract")),
        format!("imports    {}", list("imports")),
        format!("exports    {}", list("exports")),
        format!("pushed     {} by {}", shown_time(number("pushed_at")), text("pushed_by")),
    ]
    .join("\n")
}

fn list_std(context: &Context) -> Exit {
    if context.is_json() {
        context.terminal.line(&page::to_json().to_string());
        return Exit::Done;
    }
    let mut table = terminal::plain_table();
    table.set_header(["module", "kind", "what it makes"]);
    for function in Function::all() {
        table.add_row([function.signature(), function.kind.name().to_owned(), function.summary.to_owned()]);
    }
    context.terminal.line(&table.to_string());
    Exit::Done
}
