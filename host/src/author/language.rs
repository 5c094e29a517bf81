//! The languages that modules are written in, by the names that `--lang` and manifests have for them.

use std::{fmt, str::FromStr};

use crate::nearest::nearest;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Rust,
    Python,
    TypeScript,
    JavaScript,
    C,
    Cpp,
    Go,
    Zig,
    AssemblyScript,
    Java,
}

impl Language {
    pub const ALL: [Self; 10] = [
        Self::Rust,
        Self::Python,
        Self::TypeScript,
        Self::JavaScript,
        Self::C,
        Self::Cpp,
        Self::Go,
        Self::Zig,
        Self::AssemblyScript,
        Self::Java,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::TypeScript => "typescript",
            Self::JavaScript => "javascript",
            Self::C => "c",
            Self::Cpp => "cpp",
            Self::Go => "go",
            Self::Zig => "zig",
            Self::AssemblyScript => "assemblyscript",
            Self::Java => "java",
        }
    }

    pub fn words() -> Vec<&'static str> {
        Self::ALL.into_iter().map(Self::word).collect()
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|language| language.word() == text);
        known.ok_or_else(|| match nearest(text, Self::words()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("languages are {}", Self::words().join(", ")),
        })
    }
}
