//! The kinds of operators that the SDKs of all languages have, by the names that `--kind` and manifests have for them.
//!
//! A build must know the kind before it compiles: what a component exports cannot be told by the module itself. Rust's macros can, so its
//! manifests say nothing.

use std::{fmt, str::FromStr};

use crate::nearest::nearest;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    #[default]
    Transform,
    Aggregate,
    Keyed,
    Cogroup,
    Enrich,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Transform, Self::Aggregate, Self::Keyed, Self::Cogroup, Self::Enrich];

    /// Also the name of the interface that it exports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Transform => "transform",
            Self::Aggregate => "aggregate",
            Self::Keyed => "keyed",
            Self::Cogroup => "cogroup",
            Self::Enrich => "enrich",
        }
    }

    /// The world of the contract, for languages whose tools are told it before the source is read: transforms may look up in side tables
    /// there, aggregates take rows back, and keyed operators migrate state; they say in their contract in which tables, whether, and of which version theirs is.
    pub fn world(self) -> &'static str {
        match self {
            Self::Transform => "transform-with-tables-operator",
            Self::Aggregate => "retractable-aggregate-operator",
            Self::Keyed => "migrating-keyed-operator",
            Self::Cogroup => "cogroup-operator",
            Self::Enrich => "enrich-operator",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|kind| kind.word() == text);
        let words = Self::ALL.map(Self::word);
        known.ok_or_else(|| match nearest(text, words) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("kinds are {}", words.join(", ")),
        })
    }
}
