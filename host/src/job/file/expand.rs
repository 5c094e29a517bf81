//! `${env:NAME}` in strings: variables of the environment, filled in before anything is read.
//!
//! `$${` is a literal `${`. Anything else after `${` is a mistake, so that a misspelt variable is not passed on as
//! text. Keys are left alone.

use super::{
    reader::Report,
    tree::{Kind, Span, Table, Value},
};
use crate::{
    error::Code,
    job::diagnostic::{Diagnostic, Sources, shown},
};

/// Looks a variable up; none: it is not set, or not Unicode.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Fills in every string of the tree.
pub fn expand(table: &mut Table, sources: &Sources, variables: Variables<'_>, report: &Report<'_>) {
    for entry in &mut table.entries {
        expand_value(&mut entry.value, sources, variables, report);
    }
}

fn expand_value(value: &mut Value, sources: &Sources, variables: Variables<'_>, report: &Report<'_>) {
    match &mut value.kind {
        Kind::Text(text) if text.contains("${") => {
            *text = fill_in(text, variables, &mut |reference, mistake| {
                let span = place_of(reference, &value.span, sources);
                report.push(mistake.diagnostic(reference, span));
            });
        }
        Kind::Array(values) => {
            values.iter_mut().for_each(|value| expand_value(value, sources, variables, report));
        }
        Kind::Table(table) => expand(table, sources, variables, report),
        _ => {}
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    NotSet,
    NotAReference,
}

impl Mistake {
    fn diagnostic(self, reference: &str, span: Span) -> Diagnostic {
        match self {
            Self::NotSet => {
                let name = shown(variable(reference).unwrap_or(reference));
                Diagnostic::new(Code::UnknownEnv, format!("the environment has no variable `{name}`"))
                    .at(span, "not set, or not Unicode")
                    .help(format!("set it before you start: `{name}=… pelton run …`"))
            }
            Self::NotAReference => {
                Diagnostic::new(Code::WrongValue, format!("`{}` does not refer to anything", shown(reference)))
                    .at(span, "only `${env:NAME}` is known")
                    .help("write `$${` for a literal `${`")
            }
        }
    }
}

/// The name in `${env:NAME}`.
fn variable(reference: &str) -> Option<&str> {
    let name = reference.strip_prefix("${env:")?.strip_suffix('}')?;
    (!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')).then_some(name)
}

fn fill_in(text: &str, variables: Variables<'_>, mistake: &mut dyn FnMut(&str, Mistake)) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, reference) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            filled.push_str(before);
            filled.push_str("${");
            rest = reference.get(2..).unwrap_or_default();
            continue;
        }
        filled.push_str(before);
        let end = reference.find('}').map_or(reference.len(), |end| end + 1);
        let (reference, after) = reference.split_at(end);
        match variable(reference).map(variables) {
            Some(Some(value)) => filled.push_str(&value),
            Some(None) => mistake(reference, Mistake::NotSet),
            None => mistake(reference, Mistake::NotAReference),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// Where a reference is written within its string; the whole string, when escapes hide it.
fn place_of(reference: &str, string: &Span, sources: &Sources) -> Span {
    match sources.slice(string).find(reference) {
        Some(at) => string.start + at..string.start + at + reference.len(),
        None => string.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> (String, Vec<(String, Mistake)>) {
        let mut mistakes = Vec::new();
        let variables = |name: &str| (name == "RATE").then(|| "0.9${env:RATE}".to_owned());
        let filled =
            fill_in(text, &variables, &mut |reference, mistake| mistakes.push((reference.to_owned(), mistake)));
        (filled, mistakes)
    }

    #[test]
    fn variables_are_filled_in_once() {
        assert_eq!(filled("a ${env:RATE} b").0, "a 0.9${env:RATE} b", "what a variable holds is not looked at again");
        assert_eq!(filled("$${env:RATE} $$ $ {").0, "${env:RATE} $$ $ {");
        assert_eq!(filled("$${$${").0, "${${");
    }

    #[test]
    fn what_is_not_set_or_not_a_reference_is_a_mistake() {
        for (text, reference, mistake) in [
            ("x${env:NOPE}y", "${env:NOPE}", Mistake::NotSet),
            ("${evn:RATE}", "${evn:RATE}", Mistake::NotAReference),
            ("${env:RATE", "${env:RATE", Mistake::NotAReference),
            ("${env:}", "${env:}", Mistake::NotAReference),
        ] {
            assert_eq!(filled(text).1, [(reference.to_owned(), mistake)]);
        }
    }
}
