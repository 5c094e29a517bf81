//! The `stdin` source: rows of CSV, JSON lines or text from standard input.
//!
//! ```text
//!  stdin ─► reader thread ──► blocks ──► planner: Cutter ──► ranges
//! ```
//!
//! A range is handed out when it is full, or when nothing more has come for now, so that slow pipes and people at
//! a terminal see their rows at once; a row that has come in part waits for its rest. What has been read cannot be read
//! again, and where the ranges are cut depends on when the data came: this source does not replay.

use std::{
    io::{self, ErrorKind, Read},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Instant,
};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use pelton_core::{
    checkpoint::record::Position,
    job::{BatchSpec, Format, OnBadRow, StdinSpec},
};

use super::{
    Bookmark, Decoder, Next, Planner, Range, RangeData, RangeLabel, Source, SourceError,
    file::{
        cut::{Cutter, RUN_BYTES, Take},
        format::RowFormat,
        lines::{BytesRange, Head},
        rows::RowsDecoder,
        text,
    },
    metadata,
};

/// How errors, and the column `_file`, name it.
const NAME: &str = "stdin";

/// Bytes that are read at once: what a pipe holds.
const BLOCK_BYTES: usize = 64 << 10;

/// Blocks that are read ahead.
const BLOCKS_AHEAD: usize = 16;

/// Standard input, opened.
pub struct StdinSource {
    format: Arc<RowFormat>,
    on_bad_row: OnBadRow,
    schema_from: &'static str,
    /// Taken by the planner, once.
    feed: Mutex<Option<Feed>>,
}

impl StdinSource {
    /// Opens standard input. Nothing is read before the planner asks, unless the schema comes from a CSV header: then
    /// this waits for the header.
    pub fn open(spec: &StdinSpec, on_bad_row: OnBadRow, batch: &BatchSpec) -> Result<Box<dyn Source>, SourceError> {
        Ok(Box::new(Self::from_reader(io::stdin(), spec, on_bad_row, batch)?))
    }

    fn from_reader(
        input: impl Read + Send + 'static,
        spec: &StdinSpec,
        on_bad_row: OnBadRow,
        batch: &BatchSpec,
    ) -> Result<Self, SourceError> {
        if !matches!(spec.format, Format::Csv(_) | Format::Json(_) | Format::Text) {
            let reason = "it must be read from its end, which only a file allows".to_owned();
            return Err(SourceError::Corrupt { file: NAME.to_owned(), format: spec.format.name(), reason });
        }
        let mut feed = Feed::new(input, spec);
        let (schema, schema_from) = match (&spec.schema, &spec.format) {
            (Some(schema), _) => (Arc::clone(schema), "declared"),
            (None, Format::Text) => (Arc::new(text::schema()), "a line of text"),
            (None, Format::Csv(dialect)) if dialect.header => {
                (header_schema(&*feed.head()?, !dialect.null_tokens.is_empty())?, "the header's names, all utf8")
            }
            (None, _) => {
                let reason = "rows that have not come yet cannot be looked at".to_owned();
                return Err(SourceError::Inference { file: NAME.to_owned(), reason });
            }
        };
        let format = RowFormat::new(&spec.format, schema, batch.rows, spec.max_row_bytes)
            .map_err(|reason| SourceError::Types { reason })?;
        Ok(Self { format: Arc::new(format), on_bad_row, schema_from, feed: Mutex::new(Some(feed)) })
    }
}

/// Columns by a header alone. Types would need rows, and which rows have come by now depends on the moment.
fn header_schema(head: &Head, nullable: bool) -> Result<SchemaRef, SourceError> {
    let failed = |reason: String| SourceError::Inference { file: NAME.to_owned(), reason };
    let names = head.names.as_deref().ok_or_else(|| failed("it ends before its header".to_owned()))?;
    if let Some((_, name)) =
        names.iter().enumerate().find(|(index, name)| names.iter().take(*index).any(|n| n == *name))
    {
        return Err(failed(format!("its header has the name `{name}` twice")));
    }
    Ok(Arc::new(Schema::new(names.iter().map(|name| Field::new(name, DataType::Utf8, nullable)).collect::<Vec<_>>())))
}

impl Source for StdinSource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.format.schema())
    }

    fn metadata(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![metadata::file_field(), metadata::offset_field()]))
    }

    fn describe(&self) -> Vec<(String, String)> {
        vec![
            ("format".to_owned(), self.format.name().to_owned()),
            ("schema".to_owned(), self.schema_from.to_owned()),
            ("replay".to_owned(), "no: what was read from standard input is gone".to_owned()),
        ]
    }

    fn total_bytes(&self) -> Option<u64> {
        None
    }

    fn beginnings(&self, _from: &Position) -> Result<Option<Box<dyn Planner>>, SourceError> {
        Ok(None)
    }

    fn planner_from(&self, _from: &Position) -> Result<Box<dyn Planner>, SourceError> {
        let feed = self.feed.lock().unwrap_or_else(PoisonError::into_inner).take();
        match feed {
            Some(feed) => Ok(Box::new(StdinPlanner { feed, sequence: 0 })),
            None => Err(SourceError::Io {
                action: "read again from",
                file: NAME.to_owned(),
                source: io::Error::new(ErrorKind::Unsupported, "standard input can be read only once"),
            }),
        }
    }

    fn decoder(&self, columns: &[String]) -> Result<Box<dyn Decoder>, SourceError> {
        Ok(Box::new(RowsDecoder::new(Arc::clone(&self.format), columns, self.on_bad_row)?))
    }
}

type Block = io::Result<Vec<u8>>;

/// What comes from standard input.
struct Feed {
    format: &'static str,
    cutter: Cutter,
    blocks: Blocks,
}

/// The reader thread starts when the first block is wanted.
enum Blocks {
    NotYet(Box<dyn Read + Send>),
    Coming(Receiver<Block>),
    /// Reading failed; the error until it has been told.
    Failed(Option<io::Error>),
}

/// How long to wait for a block.
#[derive(Debug, Clone, Copy)]
enum Wait {
    No,
    Until(Instant),
    ForEver,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    /// A block, which the cutter has now.
    Block,
    Nothing,
    End,
    Failure,
}

impl Feed {
    fn new(input: impl Read + Send + 'static, spec: &StdinSpec) -> Self {
        let cutter = Cutter::new(spec.format.clone(), RUN_BYTES, spec.max_row_bytes);
        Self { format: spec.format.name(), cutter, blocks: Blocks::NotYet(Box::new(input)) }
    }

    fn start(&mut self) -> Result<(), SourceError> {
        self.blocks = match std::mem::replace(&mut self.blocks, Blocks::Failed(None)) {
            Blocks::NotYet(input) => {
                let (sender, blocks) = bounded(BLOCKS_AHEAD);
                // The thread is never joined: nothing could wake it from reading a silent pipe.
                let thread = thread::Builder::new().name("pelton-stdin".to_owned()).spawn(move || read(input, &sender));
                thread.map_err(|error| io_error("start a reader of", error))?;
                Blocks::Coming(blocks)
            }
            started => started,
        };
        Ok(())
    }

    fn receive(&mut self, wait: Wait) -> Result<Came, SourceError> {
        self.start()?;
        let Blocks::Coming(blocks) = &self.blocks else { return Ok(Came::Failure) };
        let block = match wait {
            Wait::No => match blocks.try_recv() {
                Err(TryRecvError::Empty) => return Ok(Came::Nothing),
                block => block.ok(),
            },
            Wait::Until(deadline) => match blocks.recv_deadline(deadline) {
                Err(RecvTimeoutError::Timeout) => return Ok(Came::Nothing),
                block => block.ok(),
            },
            Wait::ForEver => blocks.recv().ok(),
        };
        Ok(match block {
            None => Came::End,
            Some(Ok(block)) => {
                self.cutter.held().extend_from_slice(&block);
                Came::Block
            }
            Some(Err(error)) => {
                self.blocks = Blocks::Failed(Some(error));
                Came::Failure
            }
        })
    }

    /// The failure, once.
    fn failure(&mut self) -> Option<SourceError> {
        match &mut self.blocks {
            Blocks::Failed(error) => error.take().map(|error| io_error("read", error)),
            _ => None,
        }
    }

    /// Waits for what the first lines say.
    fn head(&mut self) -> Result<Arc<Head>, SourceError> {
        loop {
            let came = self.receive(Wait::ForEver)?;
            if let Some(error) = self.failure() {
                return Err(error);
            }
            let format = self.format;
            let at_end = came != Came::Block;
            match self.cutter.head(at_end).map_err(|reason| corrupt(format, reason))? {
                Some(head) => return Ok(Arc::clone(head)),
                None if at_end => return Err(corrupt(format, "it ends before its first row".to_owned())),
                None => {}
            }
        }
    }

    fn take(&mut self, when: Take) -> Result<Option<BytesRange>, SourceError> {
        let format = self.format;
        self.cutter.take(when).map_err(|reason| corrupt(format, reason))
    }
}

fn corrupt(format: &'static str, reason: String) -> SourceError {
    SourceError::Corrupt { file: NAME.to_owned(), format, reason }
}

fn io_error(action: &'static str, source: io::Error) -> SourceError {
    SourceError::Io { action, file: NAME.to_owned(), source }
}

/// The reader thread: sends blocks as they come, to the end, a failure, or until nobody wants them.
fn read(mut input: Box<dyn Read + Send>, blocks: &Sender<Block>) {
    loop {
        let mut block = vec![0; BLOCK_BYTES];
        let result = match input.read(&mut block) {
            Ok(0) => return,
            Ok(count) => {
                block.truncate(count);
                Ok(block)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let failed = result.is_err();
        if blocks.send(result).is_err() || failed {
            return;
        }
    }
}

/// Hands out what comes.
struct StdinPlanner {
    feed: Feed,
    sequence: u64,
}

impl StdinPlanner {
    fn take(&mut self, when: Take) -> Result<Option<Next>, SourceError> {
        Ok(self.feed.take(when)?.map(|run| {
            let label = RangeLabel::Bytes(run.offset, run.offset + run.bytes.len() as u64);
            let (sequence, bytes) = (self.sequence, run.bytes.len() as u64);
            self.sequence += 1;
            Next::Range(Range {
                partition: 0,
                sequence,
                name: Arc::from(NAME),
                bytes,
                label,
                data: RangeData::Bytes(run),
            })
        }))
    }
}

impl Planner for StdinPlanner {
    fn next(&mut self, deadline: Option<Instant>) -> Result<Next, SourceError> {
        loop {
            let mut came = self.feed.receive(Wait::No)?;
            if came == Came::Nothing {
                // The data has stopped coming: what is whole need not wait.
                if let Some(range) = self.take(Take::Whole)? {
                    return Ok(range);
                }
                came = self.feed.receive(deadline.map_or(Wait::ForEver, Wait::Until))?;
            }
            let when = match came {
                Came::Block => Take::Full,
                Came::Nothing => return Ok(Next::Pending),
                Came::End => Take::Last,
                // A row that was cut off by a failure is no row.
                Came::Failure => Take::Whole,
            };
            if let Some(range) = self.take(when)? {
                return Ok(range);
            }
            if matches!(came, Came::End | Came::Failure) {
                return self.feed.failure().map_or(Ok(Next::End), Err);
            }
        }
    }

    fn bookmark(&self) -> Option<Bookmark> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use arrow::array::AsArray;
    use pelton_core::job::{CsvDialect, JsonOptions};

    use super::*;

    /// An input that gives what is sent, when it is sent.
    struct Pipe(mpsc::Receiver<io::Result<Vec<u8>>>, Vec<u8>);

    impl Read for Pipe {
        fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
            if self.1.is_empty() {
                self.1 = self.0.recv().unwrap_or(Ok(Vec::new()))?;
            }
            let count = space.len().min(self.1.len());
            space[..count].copy_from_slice(&self.1[..count]);
            self.1.drain(..count);
            Ok(count)
        }
    }

    fn pipe() -> (mpsc::Sender<io::Result<Vec<u8>>>, Pipe) {
        let (sender, receiver) = mpsc::channel();
        (sender, Pipe(receiver, Vec::new()))
    }

    fn spec(format: Format, schema: Option<SchemaRef>) -> StdinSpec {
        StdinSpec { format, schema, max_row_bytes: 1 << 20 }
    }

    fn open(input: impl Read + Send + 'static, spec: &StdinSpec) -> Result<StdinSource, SourceError> {
        StdinSource::from_reader(input, spec, OnBadRow::Reject, &BatchSpec::default())
    }

    /// The first column of the next range, which must be there at once.
    fn next(source: &StdinSource, planner: &mut dyn Planner) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(30);
        let Next::Range(range) = planner.next(Some(deadline)).expect("a range") else { panic!("no range") };
        let column = source.schema().field(0).name().clone();
        let mut rows = Vec::new();
        let mut decoder = source.decoder(&[column]).expect("a column");
        let mut emit = |decoded: crate::source::Decoded| {
            rows.extend(decoded.rows.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
            crate::source::Emit::Continue
        };
        decoder.decode(&range, &mut emit).expect("decodes");
        rows
    }

    #[test]
    fn rows_come_out_as_soon_as_they_are_whole() {
        let (sender, input) = pipe();
        let source = open(input, &spec(Format::Text, None)).expect("text");
        let mut planner = source.planner().expect("the first planner");
        let soon = || Some(Instant::now() + Duration::from_millis(30));
        assert!(matches!(planner.next(soon()), Ok(Next::Pending)));
        sender.send(Ok(b"one\ntwo\nthr".to_vec())).expect("the reader lives");
        assert_eq!(next(&source, &mut *planner), ["one", "two"]);
        assert!(matches!(planner.next(soon()), Ok(Next::Pending)));
        sender.send(Ok(b"ee\nfour".to_vec())).expect("the reader lives");
        assert_eq!(next(&source, &mut *planner), ["three"]);
        drop(sender);
        assert_eq!(next(&source, &mut *planner), ["four"]);
        assert!(matches!(planner.next(None), Ok(Next::End)));
        assert!(matches!(planner.next(None), Ok(Next::End)));
        assert!(source.planner().is_err());
    }

    #[test]
    fn a_csv_header_gives_columns_of_text() {
        let (sender, input) = pipe();
        let format = Format::Csv(CsvDialect { header: true, ..CsvDialect::default() });
        for part in ["na", "me,\"li", "ne\"\nx,\"1\n2\"\ny,3\n"] {
            sender.send(Ok(part.as_bytes().to_vec())).expect("the reader lives");
        }
        let source = open(input, &spec(format, None)).expect("a header");
        assert_eq!(source.schema().fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), ["name", "line"]);
        let mut planner = source.planner().expect("the first planner");
        assert_eq!(next(&source, &mut *planner), ["x", "y"]);
    }

    #[test]
    fn what_cannot_have_a_schema_is_refused_with_help() {
        let json = Format::Json(JsonOptions::default());
        let error = |format: Format, input: &'static [u8]| open(input, &spec(format, None)).err().expect("refused");
        assert!(matches!(error(json, b""), SourceError::Inference { .. }));
        assert!(matches!(error(Format::Csv(CsvDialect::default()), b"a\n"), SourceError::Inference { .. }));
        let header = Format::Csv(CsvDialect { header: true, ..CsvDialect::default() });
        assert!(matches!(error(header.clone(), b""), SourceError::Inference { .. }));
        assert!(error(header, b"a,b,a\n").to_string().ends_with("has the name `a` twice"));
        assert!(matches!(error(Format::Parquet, b"PAR1"), SourceError::Corrupt { .. }));
    }

    #[test]
    fn a_failure_comes_behind_the_rows_before_it() {
        let (sender, input) = pipe();
        sender.send(Ok(b"one\ntw".to_vec())).expect("the reader lives");
        sender.send(Err(io::Error::other("gone"))).expect("the reader lives");
        let source = open(input, &spec(Format::Text, None)).expect("text");
        let mut planner = source.planner().expect("the first planner");
        assert_eq!(next(&source, &mut *planner), ["one"]);
        assert!(matches!(planner.next(None), Err(SourceError::Io { .. })));
        assert!(matches!(planner.next(None), Ok(Next::End)));
    }

    #[test]
    fn a_fast_input_comes_in_full_ranges() {
        let line = b"0123456789abcde\n";
        let input = io::Cursor::new(line.repeat(1 << 17));
        let source = open(input, &spec(Format::Text, None)).expect("text");
        let mut planner = source.planner().expect("the first planner");
        // Let blocks pile up, as they do when decoding is slower than reading.
        thread::sleep(Duration::from_millis(100));
        let (mut bytes, mut ranges) = (0, 0);
        while let Next::Range(range) = planner.next(None).expect("a range") {
            bytes += range.bytes;
            ranges += 1;
        }
        assert_eq!(bytes, 2 << 20);
        assert!(ranges <= 32, "{ranges} ranges: one for each block at worst");
    }
}
