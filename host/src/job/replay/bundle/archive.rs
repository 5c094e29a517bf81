//! The container: a tar of plain files, compressed by zstd.
//!
//! Only what is written here is read: each header must be, byte for byte, the one that this file would write for the name and the length that the
//! manifest has. So links, directories, long names, times and whatever else a tar may hold cannot be in it.

use std::io::{self, Read, Write};

const BLOCK: usize = 512;
/// What eleven octal digits can say.
const MEMBER_BYTES_MAX: u64 = (8 << 30) - 1;

/// The header of a plain file.
fn header(name: &str, bytes: u64) -> io::Result<[u8; BLOCK]> {
    if name.len() > 99 || bytes > MEMBER_BYTES_MAX {
        return Err(io::Error::other(format!("{name} with {bytes} bytes does not fit into a bundle")));
    }
    let size = format!("{bytes:011o}\0");
    let fields: [(usize, &[u8]); 8] = [
        (0, name.as_bytes()),
        (100, b"0000644\0"),
        (108, b"0000000\0"),
        (116, b"0000000\0"),
        (124, size.as_bytes()),
        (136, b"00000000000\0"),
        (156, b"0"),
        (257, b"ustar\x0000"),
    ];
    let mut block = [0; BLOCK];
    for (at, field) in fields {
        put(&mut block, at, field);
    }
    put(&mut block, 148, b"        ");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
    Ok(block)
}

fn put(block: &mut [u8; BLOCK], at: usize, field: &[u8]) {
    if let Some(place) = block.get_mut(at..at + field.len()) {
        place.copy_from_slice(field);
    }
}

/// Zeros behind a member, up to a whole block.
fn padding(bytes: u64) -> usize {
    (BLOCK - (bytes % BLOCK as u64) as usize) % BLOCK
}

/// Writes members one after the other.
pub(in crate::job) struct Writer<W: Write>(zstd::Encoder<'static, W>);

impl<W: Write> Writer<W> {
    pub(in crate::job) fn new(out: W) -> io::Result<Self> {
        let mut encoder = zstd::Encoder::new(out, 3)?;
        encoder.include_checksum(true)?;
        Ok(Self(encoder))
    }

    /// The content must have as many bytes.
    pub(in crate::job) fn member(&mut self, name: &str, bytes: u64, content: &mut dyn Read) -> io::Result<()> {
        self.0.write_all(&header(name, bytes)?)?;
        let copied = io::copy(&mut content.take(bytes), &mut self.0)?;
        if copied != bytes {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{name} has {copied} of {bytes} bytes")));
        }
        let zeros = [0; BLOCK];
        self.0.write_all(zeros.get(..padding(bytes)).unwrap_or_default())
    }

    pub(in crate::job) fn finish(mut self) -> io::Result<W> {
        self.0.write_all(&[0; 2 * BLOCK])?;
        self.0.finish()
    }
}

/// Reads members in the order in which they are expected.
pub(in crate::job) struct Reader<R: Read>(R);

impl<R: Read> Reader<zstd::Decoder<'static, io::BufReader<R>>> {
    pub(in crate::job) fn new(input: R) -> io::Result<Self> {
        Ok(Self(zstd::Decoder::new(input)?))
    }
}

impl<R: Read> Reader<R> {
    /// Gives the content of the next member to `take`, which must be this one. `take` reads as much as it likes.
    pub(in crate::job) fn member<T>(
        &mut self,
        name: &str,
        bytes: u64,
        take: impl FnOnce(&mut dyn Read) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut found = [0; BLOCK];
        self.0.read_exact(&mut found)?;
        if found != header(name, bytes)? {
            return Err(invalid(format!("{name} does not follow where it should")));
        }
        self.content(bytes, take)
    }

    /// The first member, of which only the name is known. Not more than `most` bytes.
    pub(in crate::job) fn first(&mut self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        let mut found = [0; BLOCK];
        self.0.read_exact(&mut found)?;
        let digits = found.get(124..135).and_then(|digits| std::str::from_utf8(digits).ok());
        let bytes = digits.and_then(|digits| u64::from_str_radix(digits, 8).ok());
        let Some(bytes) = bytes.filter(|bytes| *bytes <= most) else {
            return Err(invalid(format!("it does not begin with {name}")));
        };
        if found != header(name, bytes)? {
            return Err(invalid(format!("it does not begin with {name}")));
        }
        self.content(bytes, |content| {
            let mut all = Vec::new();
            content.read_to_end(&mut all)?;
            Ok(all)
        })
    }

    fn content<T>(&mut self, bytes: u64, take: impl FnOnce(&mut dyn Read) -> io::Result<T>) -> io::Result<T> {
        let mut content = (&mut self.0).take(bytes);
        let taken = take(&mut content)?;
        let left = io::copy(&mut content, &mut io::sink())?;
        if content.limit() > 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("it ends too early, by {} bytes", content.limit()),
            ));
        }
        debug_assert!(left <= bytes);
        self.zeros(padding(bytes))?;
        Ok(taken)
    }

    fn zeros(&mut self, count: usize) -> io::Result<()> {
        let mut block = [0; 2 * BLOCK];
        let Some(zeros) = block.get_mut(..count) else { return Ok(()) };
        self.0.read_exact(zeros)?;
        if zeros.iter().any(|byte| *byte != 0) {
            return Err(invalid("there is something between its members".to_owned()));
        }
        Ok(())
    }

    /// Nothing may follow.
    pub(in crate::job) fn finish(mut self) -> io::Result<()> {
        self.zeros(2 * BLOCK)?;
        match self.0.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(invalid("something follows its end".to_owned())),
        }
    }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        for (name, mut content) in members.iter().copied() {
            writer.member(name, content.len() as u64, &mut content).unwrap();
        }
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let mut reader = Reader::new(bytes)?;
        let mut members = vec![reader.first("a", 10_000)?];
        members.push(reader.member("b/1", 700, |content| {
            let mut all = Vec::new();
            content.read_to_end(&mut all)?;
            Ok(all)
        })?);
        reader.finish()?;
        Ok(members)
    }

    #[test]
    fn what_is_written_is_read_back_and_other_programs_know_it() {
        let long = vec![7; 700];
        let bytes = archive(&[("a", b"hello"), ("b/1", &long)]);
        assert_eq!(read(&bytes).unwrap(), [b"hello".to_vec(), long]);
        // The header's checksum is that of POSIX.
        let block = header("a", 5).unwrap();
        let stored = std::str::from_utf8(&block[148..154]).unwrap();
        let plain: u32 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
            .sum();
        assert_eq!(u32::from_str_radix(stored, 8).unwrap(), plain);
    }

    #[test]
    fn another_order_a_cut_and_a_tail_are_refused() {
        let long = vec![7; 700];
        let whole = archive(&[("a", b"hello"), ("b/1", &long)]);
        for wrong in [
            archive(&[("b/1", &long), ("a", b"hello")]),
            archive(&[("a", b"hello")]),
            archive(&[("a", b"hello"), ("b/1", &long), ("c", b"")]),
            archive(&[("a", b"hello"), ("b/1", &long[..699])]),
            whole[..whole.len() - 5].to_vec(),
            Vec::new(),
        ] {
            assert!(read(&wrong).is_err());
        }
        let mut plain = zstd::decode_all(whole.as_slice()).unwrap();
        // Between the first member and the second, in the padding.
        plain[512 + 100] = 1;
        assert!(read(&zstd::encode_all(plain.as_slice(), 1).unwrap()).is_err());
    }
}
