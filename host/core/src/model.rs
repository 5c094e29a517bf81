//! Identifiers that every layer shares, as newtypes so that they cannot be exchanged.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The number of a micro-batch of one job, from 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch(pub u64);

impl Epoch {
    pub const FIRST: Self = Self(1);

    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// BLAKE3 of a module's bytes as its author gave them. Its text is 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ModuleDigest(pub [u8; 32]);

impl FromStr for ModuleDigest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let digits = text.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return Err(NotADigest);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let value = |digit: &u8| match digit {
                b'0'..=b'9' => Ok(digit - b'0'),
                b'a'..=b'f' => Ok(digit - b'a' + 10),
                _ => Err(NotADigest),
            };
            let [high, low] = pair else { return Err(NotADigest) };
            *byte = value(high)? << 4 | value(low)?;
        }
        Ok(Self(bytes))
    }
}

/// A text that is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 hexadecimal digits, in lower case")]
pub struct NotADigest;

impl TryFrom<String> for ModuleDigest {
    type Error = NotADigest;

    fn try_from(text: String) -> Result<Self, NotADigest> {
        text.parse()
    }
}

impl From<ModuleDigest> for String {
    fn from(digest: ModuleDigest) -> Self {
        digest.to_string()
    }
}

/// A name under which a registry knows a module: `to-euro@1.2.0`. Both parts are fit for a file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ModuleTag {
    pub name: String,
    pub version: String,
}

/// Bytes of each part of a tag, at most.
const TAG_PART_MAX: usize = 100;

impl FromStr for ModuleTag {
    type Err = NotATag;

    fn from_str(text: &str) -> Result<Self, NotATag> {
        let (name, version) = text.split_once('@').ok_or(NotATag)?;
        let fits = |part: &str, also: &[u8]| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || also.contains(&byte);
            let begins = part.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
            begins && part.len() <= TAG_PART_MAX && part.bytes().all(plain)
        };
        let is_file = version.ends_with(".wasm") || version.ends_with(".wat");
        if is_file || !fits(name, b"-_") || !fits(version, b"-_.+") {
            return Err(NotATag);
        }
        Ok(Self { name: name.to_owned(), version: version.to_owned() })
    }
}

impl fmt::Display for ModuleTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

/// A text that is not `name@version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a module is named `name@version`: letters, digits, `-` and `_`, and `.` and `+` in the version, 100 each at most"
)]
pub struct NotATag;

impl TryFrom<String> for ModuleTag {
    type Error = NotATag;

    fn try_from(text: String) -> Result<Self, NotATag> {
        text.parse()
    }
}

impl From<ModuleTag> for String {
    fn from(tag: ModuleTag) -> Self {
        tag.to_string()
    }
}

impl fmt::Display for ModuleDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ModuleDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModuleDigest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_back() {
        let digest = ModuleDigest(std::array::from_fn(|index| index as u8 * 7));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        let text = digest.to_string();
        for wrong in ["", "ab", &text[1..], &text.to_uppercase(), &format!("{text}0"), &text.replace('a', "ä")] {
            assert_eq!(wrong.parse::<ModuleDigest>(), Err(NotADigest), "{wrong}");
        }
    }

    #[test]
    fn tags_are_fit_for_file_names_and_are_not_paths() {
        for tag in ["to-euro@1.2.0", "a@1", "x_1@2026-11-21", "a@1.0.0-rc.1+build.7"] {
            assert_eq!(tag.parse::<ModuleTag>().map(|tag| tag.to_string()), Ok(tag.to_owned()));
        }
        for wrong in ["", "a", "a@", "@1", "a@..", "../a@1", "a@1/2", "a@1 ", "a@b@c", ".a@1", "a@1.wasm", "ä@1"] {
            assert_eq!(wrong.parse::<ModuleTag>(), Err(NotATag), "{wrong}");
        }
    }
}
