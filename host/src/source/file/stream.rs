//! Compressed files, decompressed ahead of the decoders.
//!
//! The planner of a source starts one [`ReadAhead`] for each compressed file, and hands its ranges out. Its thread does
//! nothing but decompress and cut, so that all compute threads can decode what comes out of one file:
//!
//! ```text
//!  file ─► decompress ─► Cutter ──► bounded channel ──► planner ──► decoders
//!          └──── one thread ────┘
//! ```
//!
//! Invariants: the rows before a defect are handed out before its error; the thread ends when its [`ReadAhead`] is
//! dropped; memory is bounded by the channel, the longest row, and what the codec needs (zstd: a window of 128 MiB).

use std::{
    io::Read,
    sync::Arc,
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Receiver, RecvError, Sender, bounded};
use pelton_core::job::Format;

use super::{
    codec::{Codec, Decompressor},
    cut::{Cutter, RUN_BYTES, Take},
    lines::BytesRange,
};
use crate::{
    log::inherited,
    source::{Next, Range, RangeData, RangeLabel, SourceError},
};

/// Ranges that are handed over before the reader waits.
const RANGES_AHEAD: usize = 4;

/// A compressed file that is being read.
#[derive(Debug)]
pub struct ReadAhead {
    ranges: Option<Receiver<Result<Range, SourceError>>>,
    thread: Option<JoinHandle<()>>,
}

impl ReadAhead {
    /// Starts to read `input`, which holds rows of `format` and is partition number `partition` of its source.
    pub fn start(
        input: impl Read + Send + 'static,
        codec: Codec,
        format: &Format,
        max_row_bytes: usize,
        partition: u32,
        name: Arc<str>,
    ) -> Result<Self, SourceError> {
        Self::start_with(
            input,
            codec,
            Cutter::new(format.clone(), RUN_BYTES, max_row_bytes),
            format.name(),
            partition,
            name,
        )
    }

    fn start_with(
        input: impl Read + Send + 'static,
        codec: Codec,
        cutter: Cutter,
        format: &'static str,
        partition: u32,
        name: Arc<str>,
    ) -> Result<Self, SourceError> {
        let (sender, ranges) = bounded(RANGES_AHEAD);
        let file = name.to_string();
        let source = Decompressor::open(input, codec, &name)?;
        let mut reader = Reader { source, cutter, format, partition, name, sequence: 0, told: 0 };
        let body = inherited(move || {
            if let Err(error) = reader.run(&sender) {
                // Nobody listens any more: then nobody wants to know.
                let _ = sender.send(Err(error));
            }
        });
        let thread = thread::Builder::new().name("pelton-decompress".to_owned()).spawn(body);
        let thread = thread.map_err(|source| SourceError::Io { action: "start a reader of", file, source })?;
        Ok(Self { ranges: Some(ranges), thread: Some(thread) })
    }

    /// The next range of the file; [`Next::End`] when it has been read.
    pub fn next_range(&mut self) -> Result<Next, SourceError> {
        let Some(ranges) = &self.ranges else { return Ok(Next::End) };
        match ranges.recv() {
            Ok(Ok(range)) => Ok(Next::Range(range)),
            Ok(Err(error)) => {
                self.stop();
                Err(error)
            }
            Err(RecvError) => {
                self.stop();
                Ok(Next::End)
            }
        }
    }

    /// Lets go of the thread, which ends with its next range at the latest.
    fn stop(&mut self) {
        self.ranges = None;
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
            && !thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The reader thread's work.
struct Reader<R: Read> {
    source: Decompressor<R>,
    cutter: Cutter,
    format: &'static str,
    partition: u32,
    name: Arc<str>,
    sequence: u64,
    /// Compressed bytes that earlier ranges stand for.
    told: u64,
}

impl<R: Read> Reader<R> {
    /// Reads to the end, or until nobody listens.
    fn run(&mut self, ranges: &Sender<Result<Range, SourceError>>) -> Result<(), SourceError> {
        loop {
            let room = self.cutter.room();
            let read = self.source.read_into(self.cutter.held(), room);
            let take = match read {
                Ok(0) => Take::Last,
                Ok(_) => Take::Full,
                Err(_) => Take::Whole,
            };
            let run = self.cutter.take(take).map_err(|reason| self.corrupt(reason))?;
            if let Some(run) = run
                && ranges.send(Ok(self.range(run))).is_err()
            {
                return Ok(());
            }
            match read {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(self.source.failure(error, self.cutter.end(), &self.name)),
            }
        }
    }

    fn range(&mut self, run: BytesRange) -> Range {
        let consumed = self.source.consumed();
        let bytes = consumed - std::mem::replace(&mut self.told, consumed);
        let sequence = self.sequence;
        self.sequence += 1;
        let label = RangeLabel::Bytes(run.offset, run.offset + run.bytes.len() as u64);
        Range {
            partition: self.partition,
            sequence,
            name: Arc::clone(&self.name),
            bytes,
            label,
            data: RangeData::Bytes(run),
        }
    }

    fn corrupt(&self, reason: String) -> SourceError {
        SourceError::Corrupt { file: self.name.to_string(), format: self.format, reason }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::atomic::{AtomicU64, Ordering},
    };

    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).expect("memory");
        encoder.finish().expect("memory")
    }

    fn compress(content: &[u8], codec: Codec) -> Vec<u8> {
        match codec {
            Codec::Gzip => gzip(content),
            Codec::Zstd => zstd::encode_all(content, 1).expect("memory"),
        }
    }

    fn lines(count: usize) -> Vec<u8> {
        (0..count)
            .flat_map(|i| format!("line {i} {}\n", (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes())
            .collect()
    }

    fn start(input: Vec<u8>, codec: Codec, run_bytes: usize) -> ReadAhead {
        let cutter = Cutter::new(Format::Text, run_bytes, 1 << 20);
        ReadAhead::start_with(io::Cursor::new(input), codec, cutter, "text", 3, Arc::from("x")).expect("a thread")
    }

    /// All content, the ranges' bytes in all, and how it ended.
    fn read(mut file: ReadAhead) -> (Vec<u8>, u64, Result<(), SourceError>) {
        let (mut content, mut bytes, mut sequence) = (Vec::new(), 0, 0);
        loop {
            match file.next_range() {
                Ok(Next::Range(range)) => {
                    assert_eq!((range.partition, range.sequence), (3, sequence));
                    let RangeData::Bytes(run) = &range.data else { panic!("{range:?}") };
                    let end = run.offset + run.bytes.len() as u64;
                    assert_eq!((run.offset, range.label), (content.len() as u64, RangeLabel::Bytes(run.offset, end)));
                    content.extend_from_slice(&run.bytes);
                    bytes += range.bytes;
                    sequence += 1;
                }
                Ok(Next::End) => return (content, bytes, Ok(())),
                Ok(Next::Pending) => panic!("pending without a deadline"),
                Err(error) => {
                    assert!(matches!(file.next_range(), Ok(Next::End)));
                    return (content, bytes, Err(error));
                }
            }
        }
    }

    #[test]
    fn members_and_frames_are_one_input() {
        let content = lines(20_000);
        for codec in [Codec::Gzip, Codec::Zstd] {
            for parts in [1, 2, 7] {
                // Members end in the middle of rows, and one of them is empty.
                let mut input: Vec<u8> =
                    content.chunks(content.len().div_ceil(parts)).flat_map(|part| compress(part, codec)).collect();
                input.extend(compress(b"", codec));
                let size = input.len() as u64;
                let (read, bytes, result) = read(start(input, codec, 10_000));
                result.expect("whole");
                assert!(read == content && bytes <= size && bytes > size / 2, "{codec:?}, {parts}: {bytes} of {size}");
            }
        }
    }

    #[test]
    fn a_file_that_is_cut_off_gives_its_whole_rows_and_then_an_error() {
        let content = lines(3_000);
        for codec in [Codec::Gzip, Codec::Zstd] {
            let whole = compress(&content, codec);
            for length in (0..whole.len()).step_by(whole.len() / 97).chain(whole.len() - 10..whole.len()) {
                let (read, _, result) = read(start(whole[..length].to_vec(), codec, 1000));
                assert!(content.starts_with(&read) && (read.is_empty() || read.ends_with(b"\n")), "{codec:?} {length}");
                if codec == Codec::Zstd && length == 0 {
                    continue; // no frames at all is an empty input; by its name and magic bytes it is refused earlier
                }
                let error = result.expect_err("cut off").to_string();
                assert!(
                    error.starts_with(&format!(
                        "x cannot be read as {}: it is cut off at byte {length}, ",
                        codec.name()
                    )),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn damage_is_an_error_behind_the_rows_before_it() {
        let content = lines(3_000);
        for codec in [Codec::Gzip, Codec::Zstd] {
            let whole = compress(&content, codec);
            for at in (20..whole.len()).step_by(whole.len() / 61) {
                let mut damaged = whole.clone();
                damaged[at] ^= 0x55;
                let (read, _, result) = read(start(damaged, codec, 1000));
                match (codec, result) {
                    (_, Err(SourceError::Corrupt { .. })) => {}
                    // This encoder adds no checksum, so some damage yields other content.
                    (Codec::Zstd, Ok(())) => assert!(read != content, "{at}"),
                    (_, other) => panic!("{codec:?} {at}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn the_thread_ends_when_its_reader_is_dropped() {
        struct Endless(Arc<AtomicU64>, Vec<u8>);
        impl Read for Endless {
            fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
                self.0.fetch_add(1, Ordering::Relaxed);
                let count = space.len().min(self.1.len());
                space[..count].copy_from_slice(&self.1[..count]);
                Ok(count)
            }
        }
        let reads = Arc::new(AtomicU64::new(0));
        let cutter = Cutter::new(Format::Text, 10_000, 1000);
        let input = Endless(Arc::clone(&reads), gzip(&lines(1000)));
        let mut file = ReadAhead::start_with(input, Codec::Gzip, cutter, "text", 0, Arc::from("x")).expect("a thread");
        assert!(matches!(file.next_range(), Ok(Next::Range(_))));
        drop(file);
        let after = reads.load(Ordering::Relaxed);
        assert_eq!(Arc::strong_count(&reads), 1, "the thread has given up its input");
        assert!(after < 1000, "it did not read far ahead: {after}");
    }

    #[test]
    fn an_input_that_fails_is_not_called_damaged() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let mut file = ReadAhead::start(Failing, Codec::Gzip, &Format::Text, 100, 0, Arc::from("x")).expect("a thread");
        assert!(matches!(file.next_range(), Err(SourceError::Io { action: "read", .. })));
    }

    #[test]
    fn a_gibibyte_without_a_newline_is_one_bad_row() {
        let member = gzip(&vec![0; 64 << 20]);
        let mut input = gzip(b"first\n");
        input.extend(member.repeat(16));
        input.extend(gzip(b"\nlast"));
        let mut file = start(input, Codec::Gzip, RUN_BYTES);
        let (mut text, mut rejected) = (Vec::new(), Vec::new());
        while let Next::Range(range) = file.next_range().expect("whole") {
            let RangeData::Bytes(run) = range.data else { panic!("bytes") };
            assert!(run.bytes.capacity() < 4 << 20);
            text.extend_from_slice(&run.bytes);
            rejected.extend(run.rejected);
        }
        assert_eq!(text, b"first\nlast");
        let [bad] = rejected.as_slice() else { panic!("{} bad rows", rejected.len()) };
        assert_eq!((bad.offset, bad.raw.len()), (6, 4096));
        assert_eq!(bad.reason, "the row is longer than 1048576 bytes (`max-row-bytes`)");
    }
}
