//! What can go wrong while a module is written, built and tested.

use std::{fmt, io, path::PathBuf};

use pelton_wasm::LoadError;

use crate::error::{Code, Coded};

#[derive(Debug, thiserror::Error)]
pub enum AuthorError {
    #[error("{} is no module's project: {why}", .dir.display())]
    Project { dir: PathBuf, why: String },
    #[error("a new module cannot be put into {}: {why}", .dir.display())]
    Taken { dir: PathBuf, why: String },
    #[error("`{0}` is no name for a module")]
    Name(String),
    #[error("`{tool}` is missing, which {what}")]
    ToolMissing { tool: &'static str, what: &'static str, help: &'static str },
    #[error("there is no directory for tools")]
    NoCache,
    #[error("failed to {what}")]
    Tool {
        what: String,
        #[source]
        output: ToolOutput,
    },
    #[error("failed to {what}")]
    Io { what: String, source: io::Error },
    #[error("what was built cannot be used: {0}")]
    Packed(#[from] LoadError),
    #[error("case `{case}` cannot be used: {why}")]
    Case { case: String, why: String },
}

impl AuthorError {
    /// Of an operation on files.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl Coded for AuthorError {
    fn code(&self) -> Code {
        match self {
            Self::Project { .. } => Code::ProjectUnreadable,
            Self::Taken { .. } | Self::Name(_) => Code::NameTaken,
            Self::ToolMissing { .. } | Self::NoCache => Code::ToolMissing,
            Self::Tool { .. } | Self::Io { .. } | Self::Packed(_) => Code::BuildFailed,
            Self::Case { .. } => Code::CaseUnreadable,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::Project { .. } => "`pelton new NAME --lang LANGUAGE` makes a project; give its directory".to_owned(),
            Self::Taken { .. } => "take another name, or remove what is there".to_owned(),
            Self::Name(_) => "a name begins with a small letter, and has small letters, digits and `-`".to_owned(),
            Self::ToolMissing { help, .. } => (*help).to_owned(),
            Self::NoCache => "set `HOME`, or give `--cache-dir`".to_owned(),
            Self::Tool { .. } | Self::Packed(_) => "mend what it says, and build again".to_owned(),
            Self::Io { .. } => return None,
            Self::Case { .. } => "docs/testing-modules.md says what a case is".to_owned(),
        })
    }
}

/// What a tool wrote before it failed, or of what it warned; the end of it if it was long.
#[derive(Debug)]
pub struct ToolOutput(String);

/// Bytes of a tool's output that are shown.
const SHOWN_MAX: usize = 16 << 10;

impl ToolOutput {
    pub(super) fn new(stdout: &[u8], stderr: &[u8]) -> Self {
        let mut text = String::from_utf8_lossy(stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(stderr));
        let start = text.ceil_char_boundary(text.len().saturating_sub(SHOWN_MAX));
        Self(text.get(start..).unwrap_or_default().trim().to_owned())
    }
}

impl fmt::Display for ToolOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "it said nothing" } else { &self.0 })
    }
}

impl std::error::Error for ToolOutput {}
