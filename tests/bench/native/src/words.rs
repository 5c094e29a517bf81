//! Word count over the lines: after every epoch's worth of input, the words whose count has changed.

use std::{io, path::Path};

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use crate::{
    blackhole::{Blackhole, of_bytes, of_integer},
    chunks,
    running::EPOCH_BYTES,
};

#[derive(Debug)]
pub struct Words {
    counts: FxHashMap<Box<[u8]>, Count>,
    out: Blackhole<2>,
}

#[derive(Debug, Default)]
struct Count {
    count: i64,
    is_changed: bool,
}

impl Words {
    /// Counts the words of the files of `directory`.
    pub fn count(directory: &Path) -> io::Result<Self> {
        let out = Blackhole::new(["word", "count"]);
        let mut words = Self { counts: FxHashMap::default(), out };
        let mut read_bytes = 0;
        chunks::for_each(directory, "csv", |chunk| {
            words.chunk(chunk);
            read_bytes += chunk.len();
            if read_bytes >= EPOCH_BYTES {
                read_bytes = 0;
                words.emit();
            }
            Ok(())
        })?;
        words.emit();
        Ok(words)
    }

    fn chunk(&mut self, chunk: &[u8]) {
        let mut start = 0;
        for end in memchr::memchr2_iter(b',', b'\n', chunk) {
            self.word(chunk.get(start..end).unwrap_or_default());
            start = end + 1;
        }
        // A last line without its newline.
        if start < chunk.len() {
            self.word(chunk.get(start..).unwrap_or_default());
        }
    }

    #[inline(always)]
    fn word(&mut self, word: &[u8]) {
        match self.counts.get_mut(word) {
            Some(count) => {
                count.count += 1;
                count.is_changed = true;
            }
            None => {
                self.counts.insert(word.into(), Count { count: 1, is_changed: true });
            }
        }
    }

    /// All words are looked at: a list of those that changed would cost more for each word that comes.
    fn emit(&mut self) {
        for (word, count) in &mut self.counts {
            if std::mem::take(&mut count.is_changed) {
                self.out.take([of_bytes(word), of_integer(count.count)]);
            }
        }
    }

    pub fn answer(&self) -> Value {
        self.out.answer()
    }

    /// The last update of each word; words as their CRC-32.
    pub fn last_updates(&self) -> Value {
        let (mut words, mut counts, mut weighted) = (0_u64, 0, 0_u64);
        for (word, Count { count, .. }) in &self.counts {
            let word = u64::from(crc32(word));
            words += word;
            counts += count;
            weighted = weighted.wrapping_add(word.wrapping_mul(*count as u64));
        }
        json!({ "rows": self.counts.len(), "word": words, "count": counts, "weighted": weighted })
    }
}

/// The checksum of zlib and of most languages' libraries, bit by bit: it is not in what is timed.
fn crc32(bytes: &[u8]) -> u32 {
    let bit = |sum: u32, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1));
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), bit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_over_lines_and_empty_ones_too() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.csv"), "a,b\n,a\na").unwrap();
        let words = Words::count(directory.path()).unwrap();
        let mut counts: Vec<_> = words.counts.iter().map(|(word, count)| (&**word, count.count)).collect();
        counts.sort_unstable();
        assert_eq!(counts, [(&b""[..], 1), (b"a", 3), (b"b", 1)]);
    }

    #[test]
    fn the_crc_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
