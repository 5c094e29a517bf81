//! `pelton test`: builds a project and runs its golden cases.

use clap::Args;
use pelton_wasm::{Level, LogLine};
use serde_json::json;

use super::{
    Context, Exit,
    build::{BuildArgs, built},
    plan::runtime,
    report,
};
use crate::author::{
    AuthorError, Project,
    golden::{self, Case, Difference, Misfit, Outcome, Setting},
};

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    #[command(flatten)]
    project: BuildArgs,
    /// Accept what comes out as what is expected.
    #[arg(long)]
    bless: bool,
    /// Only cases whose name contains this.
    #[arg(long, value_name = "TEXT")]
    case: Option<String>,
}

pub(super) fn test(context: &Context, args: &TestArgs) -> Exit {
    let prepared = Project::open(&args.project.dir).and_then(|project| {
        let module = built(context, &project)?.path;
        Ok((module, golden::cases(&project)?))
    });
    let (module, cases) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            context.error(&error);
            return Exit::Failed;
        }
    };
    let runtime = match runtime(context) {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let mut log = |operator: &str, line: &LogLine| {
        if line.level >= Level::Info {
            context.terminal.message(&format!("  {operator}: {}", line.message));
        }
    };
    let mut setting = Setting { runtime, threads: 1, bless: args.bless, log: &mut log };
    let chosen = |case: &&Case| args.case.as_ref().is_none_or(|text| case.name.contains(text));
    let (mut passed, mut failed) = (0, 0);
    for case in cases.iter().filter(chosen) {
        let outcome = case.run(&module, &mut setting);
        let is_good = matches!(&outcome, Ok(Outcome::Passed | Outcome::Blessed));
        if is_good {
            passed += 1
        } else {
            failed += 1
        }
        show(context, &case.name, &outcome);
    }
    if context.is_json() {
        context.terminal.line(&json!({ "event": "tested", "passed": passed, "failed": failed }).to_string());
    } else {
        context.terminal.line(&format!("{passed} passed, {failed} failed"));
    }
    if failed > 0 { Exit::Failed } else { Exit::Done }
}

fn show(context: &Context, case: &str, outcome: &Result<Outcome, AuthorError>) {
    if context.is_json() {
        context.terminal.line(&to_json(case, outcome).to_string());
        return;
    }
    match outcome {
        Ok(Outcome::Passed) => context.terminal.line(&format!("ok       {case}")),
        Ok(Outcome::Blessed) => context.terminal.line(&format!("blessed  {case}")),
        Ok(Outcome::Differs(differences)) => {
            context.terminal.line(&format!("DIFFERS  {case}"));
            differences.iter().for_each(|difference| context.terminal.line(&to_text(difference)));
        }
        Ok(Outcome::Unasked(misfit)) => {
            context.terminal.line(&format!("DIFFERS  {case}"));
            context.terminal.line(&replies_to_text(misfit));
        }
        Ok(Outcome::Refused(mistakes)) => {
            context.terminal.line(&format!("REFUSED  {case}"));
            context.mistakes(mistakes);
        }
        Ok(Outcome::Failed(error)) => {
            context.terminal.line(&format!("FAILED   {case}"));
            context.error(error);
        }
        Err(error) => context.error(error),
    }
}

/// Rows that are not where they are expected: `-` expected, `+` what came.
fn to_text(difference: &Difference) -> String {
    const SHOWN_MAX: usize = 20;
    let output = if difference.output.is_empty() { "the main output" } else { difference.output.as_str() };
    let mut lines = vec![format!(
        "  {output}: {} rows expected, {} came (PELTON-0906; `--bless` accepts them)",
        difference.expected.len(),
        difference.got.len()
    )];
    let rows = difference.expected.len().max(difference.got.len());
    let different = (0..rows).filter(|row| difference.expected.get(*row) != difference.got.get(*row));
    for (shown, row) in different.enumerate() {
        if shown == SHOWN_MAX {
            lines.push("  … and more".to_owned());
            break;
        }
        for (sign, side) in [('-', &difference.expected), ('+', &difference.got)] {
            if let Some(text) = side.get(row) {
                lines.push(format!("  {sign} {row}: {text}"));
            }
        }
    }
    lines.join("\n")
}

/// Requests that are told nothing, as lines that can be put in the file; and lines that nobody asks for.
fn replies_to_text(misfit: &Misfit) -> String {
    const WITHOUT: &str = "  requests without a reply in replies.jsonl (PELTON-0906); these lines would be some:";
    let Misfit { untold, unasked } = misfit;
    let untold = std::iter::once(WITHOUT.to_owned())
        .filter(|_| !untold.is_empty())
        .chain(untold.iter().map(|line| format!("  {line}")));
    let of_nobody = unasked.iter().map(|line| format!("  nobody asked for {line} (PELTON-0906)"));
    untold.chain(of_nobody).collect::<Vec<_>>().join("\n")
}

fn to_json(case: &str, outcome: &Result<Outcome, AuthorError>) -> serde_json::Value {
    let (result, detail) = match outcome {
        Ok(Outcome::Passed) => ("passed", json!(null)),
        Ok(Outcome::Blessed) => ("blessed", json!(null)),
        Ok(Outcome::Differs(differences)) => {
            let outputs = differences.iter().map(|difference| {
                json!({ "output": difference.output, "expected": difference.expected, "got": difference.got })
            });
            ("differs", outputs.collect())
        }
        Ok(Outcome::Unasked(Misfit { untold, unasked })) => {
            ("replies", json!({ "untold": untold, "unasked": unasked }))
        }
        Ok(Outcome::Refused(mistakes)) => ("refused", report::to_json(mistakes)),
        Ok(Outcome::Failed(error)) => ("failed", report::error_to_json(error)),
        Err(error) => ("unusable", report::error_to_json(error)),
    };
    json!({ "event": "case", "case": case, "result": result, "detail": detail })
}
