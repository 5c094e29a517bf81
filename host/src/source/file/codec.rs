//! Codecs of compressed files: which one a file has, and its content.
//!
//! Called when a source is opened (heads and samples) and by the readers of [`super::stream`]. Invariant: an error of the
//! file system and damage of the data are told apart, and damage is told with its place.

use std::{
    fs::File,
    io::{self, BufReader, ErrorKind, Read},
};

use flate2::bufread::MultiGzDecoder;
use pelton_core::job::Compression;

use super::{listing::ListedFile, reader};
use crate::source::SourceError;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    Gzip,
    Zstd,
}

impl Codec {
    /// The codec of a file, from the job's choice, its name and its first bytes (four are enough); none: plain. A file that
    /// should be compressed and does not begin so is an error.
    pub fn of(choice: Compression, name: &str, first: &[u8]) -> Result<Option<Self>, SourceError> {
        let by_name = || {
            let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
            match extension.as_str() {
                "gz" | "gzip" => Some(Self::Gzip),
                "zst" | "zstd" => Some(Self::Zstd),
                _ => None,
            }
        };
        let expected = match choice {
            Compression::None => return Ok(None),
            Compression::Auto => by_name(),
            Compression::Gzip => Some(Self::Gzip),
            Compression::Zstd => Some(Self::Zstd),
        };
        let found = Self::by_magic(first);
        match expected {
            None => Ok(found),
            Some(codec) if found == Some(codec) => Ok(Some(codec)),
            Some(codec) => Err(SourceError::Corrupt {
                file: name.to_owned(),
                format: codec.name(),
                reason: match first {
                    [] => "it is empty".to_owned(),
                    _ => format!("it does not begin as {} files do", codec.name()),
                },
            }),
        }
    }

    fn by_magic(first: &[u8]) -> Option<Self> {
        match first {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            // A frame, or a skippable frame.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// A file's codec; none: it is plain.
pub fn of_file(file: &ListedFile, choice: Compression) -> Result<Option<Codec>, SourceError> {
    Codec::of(choice, &file.name, &reader::first_bytes(file, 4)?)
}

/// A file as it was when it was listed.
pub fn open(file: &ListedFile) -> Result<impl Read + Send + use<>, SourceError> {
    let opened = File::open(&file.path);
    let opened = opened.map_err(|source| SourceError::Io { action: "open", file: file.name.to_string(), source })?;
    Ok(opened.take(file.bytes))
}

/// The first bytes of a file's content, plain or compressed, at most `limit`, and whether they are all of it. Damage
/// behind some content is left for when that is read.
pub fn first_bytes(file: &ListedFile, choice: Compression, limit: u64) -> Result<(Vec<u8>, bool), SourceError> {
    match of_file(file, choice)? {
        None => {
            let bytes = reader::first_bytes(file, limit)?;
            let at_end = bytes.len() as u64 == file.bytes;
            Ok((bytes, at_end))
        }
        Some(codec) => first_content(open(file)?, codec, &file.name, usize::try_from(limit).unwrap_or(usize::MAX)),
    }
}

fn first_content(input: impl Read, codec: Codec, name: &str, limit: usize) -> Result<(Vec<u8>, bool), SourceError> {
    let mut source = Decompressor::open(input, codec, name)?;
    let mut bytes = Vec::new();
    match source.read_into(&mut bytes, limit) {
        Err(error) if bytes.is_empty() => Err(source.failure(error, 0, name)),
        Ok(read) if read < limit => Ok((bytes, true)),
        _ => Ok((bytes, false)),
    }
}

/// Bytes of compressed input that are read at once.
const INPUT_BYTES: usize = 128 << 10;

/// Decompresses an input of one or more gzip members or zstd frames.
pub enum Decompressor<R: Read> {
    Gzip(Box<MultiGzDecoder<BufReader<Counted<R>>>>),
    Zstd(zstd::Decoder<'static, BufReader<Counted<R>>>),
}

impl<R: Read> Decompressor<R> {
    pub fn open(input: R, codec: Codec, name: &str) -> Result<Self, SourceError> {
        let input = BufReader::with_capacity(INPUT_BYTES, Counted { input, bytes: 0, failed: false });
        Ok(match codec {
            Codec::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(input))),
            Codec::Zstd => Self::Zstd(zstd::Decoder::with_buffer(input).map_err(|source| SourceError::Io {
                action: "make a zstd decoder for",
                file: name.to_owned(),
                source,
            })?),
        })
    }

    fn input(&self) -> &BufReader<Counted<R>> {
        match self {
            Self::Gzip(decoder) => decoder.get_ref(),
            Self::Zstd(decoder) => decoder.get_ref(),
        }
    }

    fn codec(&self) -> Codec {
        match self {
            Self::Gzip(_) => Codec::Gzip,
            Self::Zstd(_) => Codec::Zstd,
        }
    }

    /// Compressed bytes that have been decompressed.
    pub fn consumed(&self) -> u64 {
        let input = self.input();
        input.get_ref().bytes - input.buffer().len() as u64
    }

    /// Appends at most `room` bytes and answers how many; 0 at the end. After an error `bytes` holds what came before it.
    pub fn read_into(&mut self, bytes: &mut Vec<u8>, room: usize) -> io::Result<usize> {
        let start = bytes.len();
        bytes.resize(start + room, 0);
        let mut filled = 0;
        let mut result = Ok(());
        while filled < room {
            let space = bytes.get_mut(start + filled..).unwrap_or_default();
            let read = match self {
                Self::Gzip(decoder) => decoder.read(space),
                Self::Zstd(decoder) => decoder.read(space),
            };
            match read {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        bytes.truncate(start + filled);
        result.map(|()| filled)
    }

    /// What went wrong behind `content` decompressed bytes: reading the file, or what it holds.
    pub fn failure(&self, error: io::Error, content: u64, name: &str) -> SourceError {
        let file = name.to_owned();
        if self.input().get_ref().failed {
            return SourceError::Io { action: "read", file, source: error };
        }
        let at = self.consumed();
        let reason = match error.kind() {
            ErrorKind::UnexpectedEof => format!("it is cut off at byte {at}, behind {content} bytes of content"),
            _ => format!("it is damaged before byte {at}, behind {content} bytes of content ({error})"),
        };
        SourceError::Corrupt { file, format: self.codec().name(), reason }
    }
}

/// An input that knows how much of it was read, and whether that failed.
pub struct Counted<R> {
    input: R,
    bytes: u64,
    failed: bool,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let result = self.input.read(space);
        match &result {
            Ok(count) => self.bytes += *count as u64,
            Err(error) => self.failed = error.kind() != ErrorKind::Interrupted,
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn codecs_are_known_by_name_and_by_their_first_bytes() {
        use Compression::{Auto, None as Plain};
        let gz: &[u8] = &[0x1f, 0x8b, 8, 0];
        let zst: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
        assert_eq!(Codec::of(Auto, "a.csv", b"a,b\n").expect("plain"), None);
        assert_eq!(Codec::of(Auto, "a.csv", b"").expect("plain"), None);
        assert_eq!(Codec::of(Auto, "a.csv", gz).expect("by magic"), Some(Codec::Gzip));
        assert_eq!(Codec::of(Auto, "a.csv.GZ", gz).expect("by name"), Some(Codec::Gzip));
        assert_eq!(Codec::of(Auto, "a.zst", zst).expect("by name"), Some(Codec::Zstd));
        assert_eq!(Codec::of(Plain, "a.gz", gz).expect("declared"), None);
        let error = Codec::of(Auto, "a.csv.gz", b"a,b\n").expect_err("not gzip").to_string();
        assert_eq!(error, "a.csv.gz cannot be read as gzip: it does not begin as gzip files do");
        assert!(Codec::of(Compression::Zstd, "a", gz).is_err());
        assert!(Codec::of(Auto, "a.gz", b"").expect_err("empty").to_string().ends_with("it is empty"));
    }

    #[test]
    fn a_sample_is_the_contents_beginning() {
        let content: Vec<u8> = (0..5000_u32).flat_map(|i| format!("line {i}\n").into_bytes()).collect();
        let (bytes, at_end) = first_content(&gzip(&content)[..], Codec::Gzip, "x", 100).expect("whole");
        assert_eq!((&bytes[..], at_end), (&content[..100], false));
        let cut_off = gzip(&content);
        let (bytes, at_end) = first_content(&cut_off[..cut_off.len() / 2], Codec::Gzip, "x", 1 << 20).expect("a part");
        assert!(content.starts_with(&bytes) && bytes.len() > 1000 && !at_end);
        assert!(first_content(&cut_off[..5], Codec::Gzip, "x", 1 << 20).is_err());
        let (bytes, at_end) =
            first_content(&zstd::encode_all(&content[..], 1).expect("memory")[..], Codec::Zstd, "x", 1 << 20)
                .expect("whole");
        assert_eq!((&bytes[..], at_end), (&content[..], true));
    }
}
