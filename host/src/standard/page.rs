//! docs/std.md and `pelton module list --std`: the catalog for people and machines.

use serde_json::{Value, json};

use super::catalog::{FUNCTIONS, Function, Need};

/// One section of Markdown for each function.
pub fn sections() -> String {
    FUNCTIONS.iter().map(section).collect::<Vec<_>>().join("\n")
}

fn section(function: &Function) -> String {
    let mut section = format!("## {}\n\n{}.\n\n", function.signature(), capital(function.summary));
    section += "| argument | what | default | meaning |\n|---|---|---|---|\n";
    for argument in function.arguments {
        let default = match argument.need {
            Need::Required => "**required**".to_owned(),
            Need::Default(value) => format!("`{value}`"),
            Need::Optional(words) => words.to_owned(),
        };
        section += &format!("| `{}` | {} | {default} | {} |\n", argument.name, argument.kind.name(), argument.about);
    }
    section += &format!("\nMakes {}. {}\n\n```toml\n{}\n```\n", function.makes, function.notes, function.example);
    section
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// All functions, for `--output json`.
pub fn to_json() -> Value {
    let functions = FUNCTIONS.iter().map(|function| {
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
            "kind": "aggregate",
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
