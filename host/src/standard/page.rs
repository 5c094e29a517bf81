//! docs/std.md, docs/std/NAME.md and `pelton module list --std`: the catalog for people and machines.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::catalog::{Function, ModuleKind, Need};

/// The kinds in the order of the index: their name, one of them, and what stands above those of each.
const KINDS: [(ModuleKind, &str, &str, &str); 3] = [
    (ModuleKind::Transform, "transforms", "transform", "Row by row, without state."),
    (ModuleKind::Keyed, "keyed operators", "keyed operator", "With state for each key of the operator's `key`."),
    (
        ModuleKind::Aggregate,
        "aggregates",
        "aggregate",
        "Over the rows of a key and window: a null is no value, is left out, and what has no value is null.",
    ),
];

/// The index of docs/std.md: a chapter of Markdown for each kind of module, with a line for each function.
pub fn index() -> String {
    let chapters = KINDS.map(|(kind, name, _, about)| {
        let of_kind = Function::all().into_iter().filter(|function| function.kind == kind);
        let line = |function: &Function| {
            format!("| [`{}`](std/{}.md) | {}. |\n", function.signature(), function.name, capital(function.summary))
        };
        let lines: String = of_kind.map(line).collect();
        format!("## {}\n\n{about}\n\n| module | what |\n|---|---|\n{lines}", capital(name))
    });
    chapters.join("\n")
}

/// The pages of docs/std: by the name of each function, its page.
pub fn pages() -> BTreeMap<&'static str, String> {
    Function::all().into_iter().map(|function| (function.name, page(function))).collect()
}

fn page(function: &Function) -> String {
    let kind = KINDS.iter().find(|(kind, ..)| *kind == function.kind);
    let (_, chapter, name, about) = kind.expect("every kind has a chapter");
    let mut page = format!(
        "# std:{}\n\n{}.\n\n```text\n{}\n```\n\n{} [{name}](../std.md#{}) that comes with Pelton. {about}\n\n",
        function.name,
        capital(function.summary),
        function.signature(),
        if name.starts_with('a') { "An" } else { "A" },
        chapter.replace(' ', "-"),
    );
    if !function.arguments.is_empty() {
        page += "| argument | what | default | meaning |\n|---|---|---|---|\n";
    }
    for argument in function.arguments {
        let default = match argument.need {
            Need::Required => "**required**".to_owned(),
            Need::Default(value) => format!("`{value}`"),
            Need::Optional(words) => words.to_owned(),
        };
        let about = from_below(argument.about);
        page += &format!("| `{}` | {} | {default} | {about} |\n", argument.name, argument.kind.name());
    }
    if !function.arguments.is_empty() {
        page.push('\n');
    }
    let (makes, notes) = (from_below(function.makes), from_below(function.notes));
    page += &format!("Makes {makes}. {notes}\n\n```toml\n{}\n```\n", function.example);
    page
}

/// Links of the catalog, which are those of a page in docs, as a page in docs/std has them.
fn from_below(text: &str) -> String {
    text.replace("](", "](../")
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
