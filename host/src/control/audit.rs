//! Who changed what, and how it ended: one line of JSON for each change, never altered.
//!
//! Written by `api` for every request that changes something, and by `pelton token`. Lines are synced one by one.

use std::path::Path;

use serde::Serialize;

use super::{ControlError, folder::Folder};
use crate::{
    clock,
    error::{Code, Coded},
};

const FILE: &str = "audit.jsonl";

#[derive(Debug)]
pub struct Audit {
    data: Folder,
}

#[derive(Serialize)]
struct Line<'a> {
    /// In µs since 1970 UTC.
    at: i64,
    who: &'a str,
    /// `job.submit` and the like.
    what: &'a str,
    /// The job, the module, the token.
    on: &'a str,
    /// `done`, or the error's code.
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Audit {
    pub fn open(data: &Path) -> Result<Self, ControlError> {
        Ok(Self { data: Folder::create(data)? })
    }

    /// Writes down that `who` did `what` on a thing, and how it ended. A line that cannot be written is reported in the log.
    pub fn note(&self, who: &str, what: &str, on: &str, error: Option<&dyn Coded>) {
        let line = Line {
            at: clock::now_us(),
            who,
            what,
            on,
            outcome: error.map_or_else(|| "done".to_owned(), |error| Code::to_string(&error.code())),
            error: error.map(ToString::to_string),
        };
        let mut text = serde_json::to_string(&line).expect("texts and a number have a form in JSON");
        text.push('\n');
        if let Err(error) = self.data.append(FILE, text.as_bytes()) {
            tracing::error!(who, what, on, %error, "the audit log cannot be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added() {
        let root = tempfile::tempdir().unwrap();
        Audit::open(root.path()).unwrap().note("ann", "job.stop", "a\nb", None);
        let missing = ControlError::missing("job", "c");
        Audit::open(root.path()).unwrap().note("ann", "job.stop", "c", Some(&missing));
        let text = std::fs::read_to_string(root.path().join(FILE)).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["on"], &lines[0]["outcome"]), (&"a\nb".into(), &"done".into()));
        assert_eq!((&lines[1]["outcome"], &lines[1]["error"]), (&"PELTON-0804".into(), &"there is no job `c`".into()));
    }
}
