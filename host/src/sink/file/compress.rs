//! Compression of text, one chunk of whole rows at a time.
//!
//! A chunk becomes one gzip member or one zstd frame; both formats define a file as a sequence of them. The bytes depend on
//! the chunk alone: no time, no name, no thread.

use std::io::Write;

use pelton_core::job::Compression;

use crate::sink::SinkError;

/// Chunks below this would compress badly; the writer gathers them.
pub const MEMBER_BYTES_MIN: usize = 64 << 10;

const ZSTD_LEVEL: i32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    Gzip,
    Zstd,
}

impl Codec {
    /// None: text stays as it is, which `Auto` means for a sink.
    pub fn of(compression: Compression) -> Option<Self> {
        match compression {
            Compression::Auto | Compression::None => None,
            Compression::Gzip => Some(Self::Gzip),
            Compression::Zstd => Some(Self::Zstd),
        }
    }

    /// What the names of parts end with.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }

    /// Appends `text` to `out` as one member.
    pub fn compress(self, text: &[u8], out: &mut Vec<u8>) -> Result<(), SinkError> {
        let (format, done) = match self {
            Self::Gzip => ("gzip", gzip(text, out)),
            Self::Zstd => ("zstd", zstd_frame(text, out)),
        };
        done.map_err(|error| SinkError::Encode { format, reason: error.to_string() })
    }
}

fn gzip(text: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
    let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::default());
    encoder.write_all(text)?;
    encoder.finish().map(drop)
}

fn zstd_frame(text: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
    let mut encoder = zstd::stream::write::Encoder::new(out, ZSTD_LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(text.len() as u64))?;
    encoder.write_all(text)?;
    encoder.finish().map(drop)
}
