//! Options that are tables whose order counts: columns in the order in which the job file names them.

use serde_json::{Map, Value};

/// Takes a table of names and texts, `{ euro = "price * 0.9" }`, out of the options. `of` says what the texts are.
pub fn take_table(options: &mut Map<String, Value>, name: &str, of: &str) -> Result<Vec<(String, String)>, String> {
    let expected = format!("a table of names and {of}, such as {{ a = \"…\" }}");
    match options.shift_remove(name) {
        None => Err(format!("option `{name}` is missing: it must be {expected}")),
        Some(Value::Object(table)) if table.is_empty() => {
            Err(format!("option `{name}` is empty: it must be {expected}"))
        }
        Some(Value::Object(table)) => table
            .into_iter()
            .map(|(key, value)| match value {
                Value::String(text) => Ok((key, text)),
                other => Err(format!("`{key}` in option `{name}` must be text, not {other}")),
            })
            .collect(),
        Some(other) => Err(format!("option `{name}` must be {expected}, not {other}")),
    }
}

/// What becomes of a row with a value that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    Reject,
    Null,
}

/// Takes `on-error`; rows are rejected if it is not given.
pub fn take_on_error(options: &mut Map<String, Value>) -> Result<OnError, String> {
    match options.shift_remove("on-error") {
        None => Ok(OnError::Reject),
        Some(Value::String(word)) if word == "reject" => Ok(OnError::Reject),
        Some(Value::String(word)) if word == "null" => Ok(OnError::Null),
        Some(other) => Err(format!("option `on-error` must be \"reject\" or \"null\", not {other}")),
    }
}
