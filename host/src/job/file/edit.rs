//! Writes other modules into the text of a job file: what a swap makes of it. Everything else stays as somebody wrote it.
//!
//! ```text
//! [operator.NAME]  module, options, aggregate, reset ─┐ the program, and whose state it has
//!                  shadow = { the same keys } ────────┤ another one, beside it
//!                  canary = { the same but reset, ────┘ or for a share of its rows
//!                             share = "1/8" }
//!                  draining = { the same but reset }  the program before, which finishes its windows
//! ```
//!
//! Called by the engine, which keeps the text of every revision of a job. What is written is read again, and planned, before
//! anything goes by it.

use pelton_core::share::Share;
use serde_json::{Map, Value as Json};
use toml_edit::{Array, DocumentMut, InlineTable, Item, TableLike, TomlError, Value};

/// Why a text cannot be edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("the job file is not TOML: {0}")]
    Syntax(String),
    #[error("the job has no operator `{0}`")]
    NoOperator(String),
    #[error("operator `{0}` has no module of its own")]
    NoModule(String),
    #[error("operator `{0}` has no aggregate `{1}`")]
    NoAggregate(String, String),
    #[error("operator `{0}` has no shadow and no canary")]
    NoCandidate(String),
}

/// A module in the place of another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Replacement {
    /// Of the aggregate that it replaces; none: of the operator's `module`.
    pub alias: Option<String>,
    pub reference: String,
    /// Options that change; the others stay. Null takes one away.
    pub options: Map<String, Json>,
    /// The number of the revision with which it begins without state; none: it takes over what there is.
    pub reset: Option<u64>,
}

/// The keys that say what an operator does.
const PROGRAM: [&str; 4] = ["module", "options", "aggregate", RESET];
/// Whose state it is; a canary has its operator's.
const RESET: &str = "reset";
const SHADOW: &str = "shadow";
const CANARY: &str = "canary";
/// The program before, while it finishes its windows.
const DRAINING: &str = "draining";
/// Where another program stands. There is one at most.
const CANDIDATES: [&str; 2] = [SHADOW, CANARY];

/// The operator does what `replacement` says from now on, without a shadow.
pub fn exchange(text: &str, operator: &str, replacement: &Replacement) -> Result<String, EditError> {
    edit(text, operator, |table| {
        take_candidate(table);
        table.remove(DRAINING);
        replace(table, operator, replacement)
    })
}

/// The same, while the program before finishes its windows; if that is `kept`, also as the operator's shadow.
pub fn drain(text: &str, operator: &str, replacement: &Replacement, keeps: bool) -> Result<String, EditError> {
    edit(text, operator, |table| {
        take_candidate(table);
        let mut before = InlineTable::new();
        move_program(&mut copy(table), &mut before);
        replace(table, operator, replacement)?;
        let shadow = before.clone();
        before.remove(RESET);
        table.insert(DRAINING, Item::Value(before.into()));
        if keeps {
            table.insert(SHADOW, Item::Value(shadow.into()));
        }
        Ok(())
    })
}

/// The program before has finished its windows.
pub fn stop_draining(text: &str, operator: &str) -> Result<String, EditError> {
    edit(text, operator, |table| {
        table.remove(DRAINING);
        Ok(())
    })
}

/// The operator alone: without a candidate, and without the program before.
pub fn settle(text: &str, operator: &str) -> Result<String, EditError> {
    edit(text, operator, |table| {
        take_candidate(table);
        table.remove(DRAINING);
        Ok(())
    })
}

/// What `replacement` makes of the operator is its shadow.
pub fn cast_shadow(text: &str, operator: &str, replacement: &Replacement) -> Result<String, EditError> {
    cast(text, operator, replacement, None)
}

/// What `replacement` makes of the operator is its canary, for a share of the rows.
pub fn cast_canary(text: &str, operator: &str, replacement: &Replacement, share: Share) -> Result<String, EditError> {
    cast(text, operator, replacement, Some(share))
}

fn cast(text: &str, operator: &str, replacement: &Replacement, share: Option<Share>) -> Result<String, EditError> {
    edit(text, operator, |table| {
        take_candidate(table);
        let mut candidate = InlineTable::new();
        move_program(&mut copy(table), &mut candidate);
        replace(&mut candidate, operator, replacement)?;
        if let Some(share) = share {
            candidate.remove(RESET);
            candidate.insert("share", share.to_string().into());
        }
        table.insert(if share.is_some() { CANARY } else { SHADOW }, Item::Value(candidate.into()));
        Ok(())
    })
}

fn take_candidate(table: &mut dyn TableLike) -> Option<Item> {
    let mut taken = CANDIDATES.iter().filter_map(|key| table.remove(key)).collect::<Vec<_>>();
    taken.pop()
}

/// The shadow or the canary takes the operator's place; if it `keeps` the operator, as its shadow.
pub fn promote(text: &str, operator: &str, keeps: bool) -> Result<String, EditError> {
    edit(text, operator, |table| {
        let is_canary = table.contains_key(CANARY);
        let candidate = take_candidate(table).ok_or_else(|| EditError::NoCandidate(operator.to_owned()))?;
        let mut candidate =
            candidate.into_value().ok().and_then(|value| value.as_inline_table().cloned()).unwrap_or_default();
        table.remove(DRAINING);
        let mut before = InlineTable::new();
        move_program(&mut copy(table), &mut before);
        if let Some(reset) = before.get(RESET).filter(|_| is_canary) {
            candidate.insert(RESET, reset.clone());
        }
        PROGRAM.iter().filter(|key| !candidate.contains_key(key)).for_each(|key| {
            table.remove(key);
        });
        move_program(&mut candidate, table);
        if keeps {
            table.insert(SHADOW, Item::Value(before.into()));
        }
        Ok(())
    })
}

/// The operator has no shadow and no canary any more.
pub fn drop_candidate(text: &str, operator: &str) -> Result<String, EditError> {
    edit(text, operator, |table| {
        take_candidate(table).map(drop).ok_or_else(|| EditError::NoCandidate(operator.to_owned()))
    })
}

/// The operator does what it did in another text, without a shadow.
pub fn restore(text: &str, operator: &str, before: &str) -> Result<String, EditError> {
    let mut program = InlineTable::new();
    edit(before, operator, |table| {
        move_program(&mut copy(table), &mut program);
        Ok(())
    })?;
    edit(text, operator, |table| {
        take_candidate(table);
        table.remove(DRAINING);
        PROGRAM.iter().filter(|key| !program.contains_key(key)).for_each(|key| {
            table.remove(key);
        });
        move_program(&mut program, table);
        Ok(())
    })
}

fn edit(
    text: &str,
    operator: &str,
    change: impl FnOnce(&mut dyn TableLike) -> Result<(), EditError>,
) -> Result<String, EditError> {
    let mut document: DocumentMut =
        text.parse().map_err(|error: TomlError| EditError::Syntax(error.message().to_owned()))?;
    let operators = document.get_mut("operator").and_then(Item::as_table_like_mut);
    let table = operators.and_then(|operators| operators.get_mut(operator)).and_then(Item::as_table_like_mut);
    change(table.ok_or_else(|| EditError::NoOperator(operator.to_owned()))?)?;
    Ok(document.to_string())
}

fn replace(table: &mut dyn TableLike, operator: &str, replacement: &Replacement) -> Result<(), EditError> {
    let Replacement { alias, reference, options, reset } = replacement;
    if let Some(reset) = reset.and_then(|number| i64::try_from(number).ok()) {
        set(table, RESET, reset.into());
    }
    if let Some(alias) = alias {
        let aggregates = table.get_mut("aggregate").and_then(Item::as_table_like_mut);
        let aggregates = aggregates.filter(|aggregates| aggregates.contains_key(alias));
        let aggregates = aggregates.ok_or_else(|| EditError::NoAggregate(operator.to_owned(), alias.clone()))?;
        set(aggregates, alias, reference.as_str().into());
        return Ok(());
    }
    if !table.contains_key("module") {
        return Err(EditError::NoModule(operator.to_owned()));
    }
    set(table, "module", reference.as_str().into());
    if options.is_empty() {
        return Ok(());
    }
    if table.get("options").and_then(Item::as_table_like).is_none() {
        table.insert("options", Item::Value(InlineTable::new().into()));
    }
    let Some(known) = table.get_mut("options").and_then(Item::as_table_like_mut) else { return Ok(()) };
    for (key, json) in options {
        match value(json) {
            Some(value) => set(known, key, value),
            None => drop(known.remove(key)),
        }
    }
    Ok(())
}

/// Comments and spaces around a value stay where they are.
fn set(table: &mut dyn TableLike, key: &str, mut value: Value) {
    if let Some(old) = table.get(key).and_then(Item::as_value) {
        *value.decor_mut() = old.decor().clone();
    }
    table.insert(key, Item::Value(value));
}

/// The program of a table, in a table of its own.
fn copy(table: &dyn TableLike) -> InlineTable {
    let mut copied = InlineTable::new();
    for key in PROGRAM {
        if let Some(value) = table.get(key).cloned().and_then(|item| item.into_value().ok()) {
            copied.insert(key, value);
        }
    }
    copied
}

fn move_program(from: &mut InlineTable, to: &mut dyn TableLike) {
    for key in PROGRAM {
        if let Some(mut value) = from.remove(key) {
            // What stood around it belongs to its old place.
            value.decor_mut().clear();
            set(to, key, value);
        }
    }
}

/// JSON as TOML, which has no null.
fn value(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64()?.into(),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(values) => Array::from_iter(values.iter().filter_map(value)).into(),
        Json::Object(entries) => {
            let entries = entries.iter().filter_map(|(key, json)| Some((key.as_str(), value(json)?)));
            InlineTable::from_iter(entries).into()
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "# A job.\nname = \"a\"\n\n[operator.one]\ninput = \"rows\"\nmodule = \"one.wasm\" # first\noptions = { min = 1, max = 9 }\n\n\
                        [operator.two]\ninput = \"one\"\naggregate = { n = \"std:count\", m = \"std:max(n)\" }\n";

    fn replacement(alias: Option<&str>, reference: &str, options: &Json) -> Replacement {
        let options = options.as_object().cloned().unwrap_or_default();
        Replacement { alias: alias.map(str::to_owned), reference: reference.into(), options, reset: None }
    }

    #[test]
    fn modules_are_exchanged_and_nothing_else() {
        let new = replacement(None, "one@1.2.0", &json!({ "min": 2.5, "max": null, "tags": ["a", { "deep": true }] }));
        let edited = exchange(TEXT, "one", &new).unwrap();
        let expected = TEXT
            .replace("\"one.wasm\" # first", "\"one@1.2.0\" # first")
            .replace("{ min = 1, max = 9 }", "{ min = 2.5, tags = [\"a\", { deep = true }] }");
        assert_eq!(edited, expected);
        let kept = exchange(TEXT, "one", &replacement(None, "one@1.2.0", &Json::Null)).unwrap();
        assert_eq!(kept, TEXT.replace("one.wasm", "one@1.2.0"));
        let aggregate = exchange(TEXT, "two", &replacement(Some("m"), "std:min(n)", &Json::Null)).unwrap();
        assert_eq!(aggregate, TEXT.replace("std:max", "std:min"));
    }

    #[test]
    fn shadows_come_take_the_place_and_give_it_back() {
        let new = replacement(None, "one@1.2.0", &json!({ "min": 3 }));
        let shadowed = cast_shadow(TEXT, "one", &new).unwrap();
        let shadow = "shadow = { module = \"one@1.2.0\", options = { min = 3, max = 9 } }\n";
        assert_eq!(shadowed, TEXT.replace("max = 9 }\n", &format!("max = 9 }}\n{shadow}")));
        assert_eq!(drop_candidate(&shadowed, "one").unwrap(), TEXT);
        let promoted = promote(&shadowed, "one", true).unwrap();
        assert_eq!(promote(&promoted, "one", false).unwrap(), TEXT, "{promoted}");
        let settled = drop_candidate(&promoted, "one").unwrap();
        assert_eq!(settled, exchange(TEXT, "one", &new).unwrap());
        assert_eq!(restore(&settled, "one", TEXT).unwrap(), TEXT);
    }

    #[test]
    fn whose_state_it_is_goes_with_the_program() {
        let new = Replacement { reset: Some(4), ..replacement(Some("m"), "std:min(n)", &Json::Null) };
        let reset = cast_shadow(TEXT, "two", &new).and_then(|text| promote(&text, "two", true)).unwrap();
        assert!(reset.contains("m = \"std:min(n)\" }\nreset = 4\nshadow = { aggregate = "), "{reset}");
        assert_eq!(promote(&reset, "two", false).unwrap(), TEXT);
        let settled = drop_candidate(&reset, "two").unwrap();
        assert_eq!(restore(&settled, "two", TEXT).unwrap(), TEXT);
        // A canary has its operator's.
        let next = replacement(Some("m"), "std:avg(n)", &Json::Null);
        let canary = cast_canary(&settled, "two", &next, "1/8".parse().unwrap()).unwrap();
        assert_eq!(canary.matches("reset").count(), 1, "{canary}");
        let promoted = promote(&canary, "two", false).unwrap();
        assert_eq!(promoted, settled.replace("std:min", "std:avg"));
    }

    #[test]
    fn canaries_come_for_a_share_and_there_is_one_candidate_at_most() {
        let new = replacement(None, "one@1.2.0", &json!({ "min": 3 }));
        let with_canary = cast_canary(TEXT, "one", &new, "1/8".parse().unwrap()).unwrap();
        let canary = "canary = { module = \"one@1.2.0\", options = { min = 3, max = 9 }, share = \"1/8\" }\n";
        assert_eq!(with_canary, TEXT.replace("max = 9 }\n", &format!("max = 9 }}\n{canary}")));
        assert_eq!(drop_candidate(&with_canary, "one").unwrap(), TEXT);
        let shadowed = cast_shadow(TEXT, "one", &new).unwrap();
        assert_eq!(cast_shadow(&with_canary, "one", &new).unwrap(), shadowed);
        assert_eq!(promote(&with_canary, "one", true).unwrap(), promote(&shadowed, "one", true).unwrap());
        assert_eq!(promote(&with_canary, "one", false).unwrap(), exchange(TEXT, "one", &new).unwrap());
    }

    #[test]
    fn options_in_a_table_of_their_own_are_edited_there() {
        let text = "[operator.one]\nmodule = \"a.wasm\"\n\n[operator.one.options]\nmin = 1 # least\n";
        let edited = exchange(text, "one", &replacement(None, "b.wasm", &json!({ "min": 2 }))).unwrap();
        assert_eq!(edited, text.replace("a.wasm", "b.wasm").replace("min = 1", "min = 2"));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let new = replacement(None, "x", &Json::Null);
        assert_eq!(exchange(TEXT, "three", &new), Err(EditError::NoOperator("three".into())));
        assert_eq!(exchange(TEXT, "two", &new), Err(EditError::NoModule("two".into())));
        let none = exchange(TEXT, "two", &replacement(Some("z"), "x", &Json::Null));
        assert_eq!(none, Err(EditError::NoAggregate("two".into(), "z".into())));
        assert_eq!(promote(TEXT, "one", false), Err(EditError::NoCandidate("one".into())));
        assert!(matches!(exchange("a = ", "one", &new), Err(EditError::Syntax(_))));
    }
}
