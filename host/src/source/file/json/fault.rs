//! Why a JSON row is bad, in the words of the rejected row's reason.
//!
//! The hot path passes the small [`Problem`]; only when a row fails is it made into a sentence that names the column, its
//! type and the value.

use pelton_core::types::with_article;

use super::scan::{DEPTH_MAX, Scanner};

/// What a reader of values met. The scanner stands where it was met.
#[derive(Debug)]
pub enum Problem {
    /// Not JSON: what was expected.
    Syntax(&'static str),
    /// Nested too deep.
    Depth,
    /// JSON, but no value of the column's type.
    Unfit,
    /// A value that the column's type has no room for.
    Range,
    /// Null where the column has none.
    Null,
    /// The row lacks a column that has no null.
    Missing,
    /// A finding below, which already knows its column.
    Column(Box<Fault>),
}

/// A value that does not fit its column.
#[derive(Debug)]
pub struct Fault {
    /// `a.b` for a struct's field, `a[]` for a list's item.
    pub path: String,
    pub sentence: String,
}

/// Bytes of a value that a reason shows.
const SHOWN_MAX: usize = 60;

impl Problem {
    /// Says which column the value at `start` was meant for. A syntax error stays one: it belongs to the row, and `scanner`
    /// then stands where it is.
    #[cold]
    pub fn of_value<'a>(
        self,
        path: &str,
        type_name: impl FnOnce() -> String,
        start: Scanner<'a>,
        scanner: &mut Scanner<'a>,
    ) -> Self {
        let mut shown = || {
            let mut probe = start;
            // What is no value at all is a syntax error, where that is found.
            probe.skip_value().map(shorten).inspect_err(|_| *scanner = probe)
        };
        let sentence = match self {
            Self::Column(mut fault) => {
                let join = if fault.path.starts_with('[') { "" } else { "." };
                fault.path = format!("{path}{join}{}", fault.path);
                return Self::Column(fault);
            }
            Self::Syntax(_) | Self::Depth => return self,
            Self::Null => format!("is null, and {0} has no nulls (`{0}?` has)", type_name()),
            Self::Missing => format!("is missing, and {0} has no nulls (`{0}?` has)", type_name()),
            Self::Unfit | Self::Range => match shown() {
                Err(syntax) => return syntax,
                Ok(shown) => match self {
                    Self::Range => format!("{shown} is out of range for {}", type_name()),
                    _ => format!("{shown} is not {}", with_article(&type_name())),
                },
            },
        };
        Self::Column(Box::new(Fault { path: path.to_owned(), sentence }))
    }

    /// The reason of a row; `at` is the scanner's position when the row failed.
    pub fn reason(&self, row: &[u8], at: usize) -> String {
        match self {
            Self::Syntax(expected) => {
                let rest = row.get(at..).unwrap_or_default();
                let found = match std::str::from_utf8(rest).unwrap_or_default().chars().next() {
                    None => "the row ends".to_owned(),
                    Some(found) => format!("found `{}`", found.escape_debug()),
                };
                format!("not JSON at byte {at} of the row: expected {expected}, {found}")
            }
            Self::Depth => format!("nested deeper than {DEPTH_MAX} levels at byte {at} of the row"),
            Self::Column(fault) => format!("column `{}`: {}", fault.path, fault.sentence),
            Self::Unfit | Self::Range | Self::Null | Self::Missing => {
                format!("{} is not a JSON object", shorten(row))
            }
        }
    }
}

/// A value's text, cut to what a sentence can hold.
fn shorten(value: &[u8]) -> String {
    let start = value.get(..4 * SHOWN_MAX + 4).unwrap_or(value);
    let text = String::from_utf8_lossy(start);
    let mut characters = text.trim_end().chars();
    let shown: String =
        characters.by_ref().take(SHOWN_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    let more = if characters.next().is_some() { "…" } else { "" };
    format!("`{shown}{more}`")
}
