//! docs/std.md and `pelton module list --std`: the catalog for people and machines.

use serde_json::{Value, json};

use super::catalog::{Function, ModuleKind, Need};

/// The kinds in the order of the page, with what stands above the sections of each.
const KINDS: [(ModuleKind, &str); 3] = [
    (ModuleKind::Transform, "Row by row, without state."),
    (ModuleKind::Keyed, "With state for each key of the operator's `key`."),
    (
        ModuleKind::Aggregate,
        "Over the rows of a key and window: a null is no value, is left out, and what has no value is null.",
    ),
];

/// A chapter of Markdown for each kind of module, with a section for each function.
pub fn sections() -> String {
    let chapters = KINDS.map(|(kind, about)| {
        let name = capital(match kind {
            ModuleKind::Transform => "transforms",
            ModuleKind::Keyed => "keyed operators",
            ModuleKind::Aggregate => "aggregates",
        });
        let sections = Function::all().into_iter().filter(|function| function.kind == kind).map(section);
        format!("## {name}\n\n{about}\n\n{}", sections.collect::<Vec<_>>().join("\n"))
    });
    chapters.join("\n")
}

fn section(function: &Function) -> String {
    let mut section = format!("### {}\n\n{}.\n\n", function.signature(), capital(function.summary));
    if !function.arguments.is_empty() {
        section += "| argument | what | default | meaning |\n|---|---|---|---|\n";
    }
    for argument in function.arguments {
        let default = match argument.need {
            Need::Required => "**required**".to_owned(),
            Need::Default(value) => format!("`{value}`"),
            Need::Optional(words) => words.to_owned(),
        };
        section += &format!("| `{}` | {} | {default} | {} |\n", argument.name, argument.kind.name(), argument.about);
    }
    if !function.arguments.is_empty() {
        section.push('\n');
    }
    section += &format!("Makes {}. {}\n\n```toml\n{}\n```\n", function.makes, function.notes, function.example);
    section
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// All functions, for `--output json`.
pub fn to_json() -> Value {
    let functions = Function::all().into_iter().map(|function| {
        let arguments = function.arguments.iter().map(|argument| {
            let (is_required, default) = match argument.need {
                Need::Required => (true, None),
                Need::Default(default) | Need::Optional(default) => (false, Some(default)),
            };
            json!({
                "name": argument.name,
                "type": argument.kind.name(),
                "positional": argument.has_place,
                "required": is_required,
                "default": default,
                "about": argument.about,
            })
        });
        json!({
            "name": format!("std:{}", function.name),
            "kind": function.kind.name(),
            "signature": function.signature(),
            "summary": function.summary,
            "makes": function.makes,
            "arguments": arguments.collect::<Vec<_>>(),
            "example": function.example,
            "notes": function.notes,
        })
    });
    functions.collect()
}
