//! The patterns of `like`: `%` is any text, `_` one character, `\` takes the next one as it is.

use std::rc::Rc;

/// A pattern, read once.
#[derive(Debug, Clone)]
pub enum Like {
    /// No `_`, and `%` at the ends alone: no more than a search.
    Equals(Rc<str>),
    StartsWith(Rc<str>),
    EndsWith(Rc<str>),
    Contains(Rc<str>),
    Parts(Rc<[Part]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `%`
    Any,
    /// `_`
    One,
    Letter(char),
}

impl Like {
    pub fn new(pattern: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut letters = pattern.chars();
        while let Some(letter) = letters.next() {
            let part = match letter {
                // Two in a row mean no more than one.
                '%' if parts.last() == Some(&Part::Any) => continue,
                '%' => Part::Any,
                '_' => Part::One,
                '\\' => Part::Letter(
                    letters.next().ok_or("a `\\` at the end of a pattern takes nothing: write `\\\\` for one")?,
                ),
                letter => Part::Letter(letter),
            };
            parts.push(part);
        }
        let text = |parts: &[Part]| {
            let letter = |part: &Part| match part {
                Part::Letter(letter) => Some(*letter),
                Part::Any | Part::One => None,
            };
            parts.iter().map(letter).collect::<Option<String>>().map(Rc::<str>::from)
        };
        let simple = match parts.as_slice() {
            [Part::Any, inner @ .., Part::Any] => text(inner).map(Self::Contains),
            [Part::Any, rest @ ..] => text(rest).map(Self::EndsWith),
            [rest @ .., Part::Any] => text(rest).map(Self::StartsWith),
            all => text(all).map(Self::Equals),
        };
        Ok(simple.unwrap_or_else(|| Self::Parts(parts.into())))
    }

    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Equals(part) => text == &**part,
            Self::StartsWith(part) => text.starts_with(&**part),
            Self::EndsWith(part) => text.ends_with(&**part),
            Self::Contains(part) => text.contains(&**part),
            Self::Parts(parts) => matches(parts, text),
        }
    }
}

/// Takes letters greedily, and goes back to the last `%` when that fails: no recursion, and at most as many steps as text × pattern.
fn matches(pattern: &[Part], text: &str) -> bool {
    let mut parts = pattern;
    let mut rest = text.chars();
    let mut again: Option<(&[Part], std::str::Chars<'_>)> = None;
    loop {
        let mut after = rest.clone();
        match (parts.split_first(), after.next()) {
            (Some((Part::Any, behind)), _) => {
                again = Some((behind, rest.clone()));
                parts = behind;
                continue;
            }
            (Some((Part::One, behind)), Some(_)) => {
                (parts, rest) = (behind, after);
                continue;
            }
            (Some((Part::Letter(letter), behind)), Some(found)) if *letter == found => {
                (parts, rest) = (behind, after);
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        // The last `%` takes one letter more.
        let Some((behind, from)) = &mut again else { return false };
        if from.next().is_none() {
            return false;
        }
        (parts, rest) = (behind, from.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_sql() {
        for (pattern, yes, no) in [
            ("abc", "abc", "abcd"),
            ("ab%", "abc", "xab"),
            ("%bc", "abc", "bcd"),
            ("%b%", "abc", "acd"),
            ("", "", "a"),
            ("%", "", "none"),
            ("a_c", "aéc", "ac"),
            ("%a%b_%", "xxaxbxbyz", "xxaxb"),
            ("50\\%", "50%", "50x"),
            ("_", "é", ""),
            ("a%a", "aa", "a"),
        ] {
            let like = Like::new(pattern).expect(pattern);
            assert!(like.matches(yes), "{pattern} {yes}");
            assert!(pattern == "%" || !like.matches(no), "{pattern} {no}");
        }
        assert!(Like::new("a\\").is_err());
    }

    #[test]
    fn a_hostile_pattern_ends() {
        let like = Like::new(&"%a".repeat(50)).expect("a pattern");
        assert!(!like.matches(&"a".repeat(49)));
        assert!(like.matches(&"a".repeat(5_000)));
        assert!(!Like::new(&format!("{}b", "%a_".repeat(20))).expect("a pattern").matches(&"a".repeat(3_000)));
    }
}
