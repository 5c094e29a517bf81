//! One dead letter, and a file of them.
//!
//! ```text
//!  0            4           8         8 + head
//!  │ head: u32 │ row: u32 │ head     │ row         │ the next letter …
//!                          MessagePack  Arrow IPC stream of one row
//! ```

use std::{fmt, str::FromStr};

use pelton_core::{model::Epoch, poison::PoisonKind};
use serde::{Deserialize, Serialize};

/// The name of a letter: the epoch in which it came, and its number within that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LetterId {
    pub epoch: Epoch,
    pub number: u32,
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.number)
    }
}

impl FromStr for LetterId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (epoch, number) = text.split_once('.')?;
            Some(Self { epoch: Epoch(epoch.parse().ok()?), number: number.parse().ok()? })
        };
        parse().ok_or_else(|| "it is the number of a dead letter, such as 12.0".to_owned())
    }
}

/// What is known of a row that an operator could not process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub id: LetterId,
    pub operator: String,
    /// What the module failed on; letters of earlier versions are rows.
    #[serde(default)]
    pub kind: PoisonKind,
    /// Digests of the operator's modules.
    pub modules: Vec<String>,
    /// As in `PELTON-0307`.
    pub code: String,
    pub error: String,
    /// Where the guest was, innermost first.
    pub trace: Vec<String>,
    /// In words: the range of a source, or the partition of an operator.
    pub origin: String,
    /// As the module is told in `first-row`.
    pub row_number: u64,
    /// Processing time of its epoch, in µs since 1970 UTC.
    pub at: i64,
    pub revision: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub head: Head,
    /// An Arrow IPC stream of one row: all columns of the operator's input; or the key of what is no row, with what is known of it.
    pub row: Vec<u8>,
}

impl Letter {
    pub fn id(&self) -> LetterId {
        self.head.id
    }
}

pub(super) fn encode(letters: &[Letter]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for letter in letters {
        let head = rmp_serde::to_vec_named(&letter.head).expect("names and numbers have a form in MessagePack");
        bytes.extend((head.len() as u32).to_le_bytes());
        bytes.extend((letter.row.len() as u32).to_le_bytes());
        bytes.extend(head);
        bytes.extend_from_slice(&letter.row);
    }
    bytes
}

pub(super) fn decode(mut bytes: &[u8]) -> Result<Vec<Letter>, String> {
    let short = || "it is shorter than it says".to_owned();
    let mut letters = Vec::new();
    while !bytes.is_empty() {
        let (head_bytes, rest) = bytes.split_first_chunk().ok_or_else(short)?;
        let (row_bytes, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let (head, rest) = rest.split_at_checked(u32::from_le_bytes(*head_bytes) as usize).ok_or_else(short)?;
        let (row, rest) = rest.split_at_checked(u32::from_le_bytes(*row_bytes) as usize).ok_or_else(short)?;
        let head = rmp_serde::from_slice(head).map_err(|error| error.to_string())?;
        letters.push(Letter { head, row: row.to_vec() });
        bytes = rest;
    }
    Ok(letters)
}

#[cfg(test)]
pub(super) fn sample(epoch: u64, number: u32) -> Letter {
    let head = Head {
        id: LetterId { epoch: Epoch(epoch), number },
        operator: "to-euro".into(),
        kind: PoisonKind::Row,
        modules: vec!["ab".repeat(32)],
        code: "PELTON-0307".into(),
        error: "trapped in `process`: unreachable".into(),
        trace: vec!["to_euro".into()],
        origin: "bytes 0 to 9 of bids.csv".into(),
        row_number: 7,
        at: 1_777_629_600_000_000,
        revision: 3,
    };
    Letter { head, row: vec![number as u8; 40] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_read_back_and_nothing_else_is() {
        let letters: Vec<_> = (0..3).map(|number| sample(12, number)).collect();
        let bytes = encode(&letters);
        assert_eq!(decode(&bytes), Ok(letters));
        assert_eq!(decode(&[]), Ok(Vec::new()));
        for length in [1, 4, 7, 8, 20, bytes.len() - 1] {
            assert!(decode(&bytes[..length]).is_err(), "cut to {length}");
        }
        assert!(decode(&[0xff; 64]).is_err(), "lengths that nothing has");
    }

    #[test]
    fn ids_are_written_as_they_are_read() {
        let id = LetterId { epoch: Epoch(12), number: 3 };
        assert_eq!((id.to_string().as_str(), "12.3".parse()), ("12.3", Ok(id)));
        for wrong in ["12", "a.b", "1.2.3", "-1.2", ""] {
            assert!(wrong.parse::<LetterId>().is_err(), "{wrong}");
        }
    }
}
