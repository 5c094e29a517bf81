//! Standard input: read by one thread for as long as the process lives, since a read cannot be interrupted.
//!
//! ```text
//!  stdin ─► reader thread ──► blocks ──► feed: Cutter ──► pump ─► intake
//! ```
//!
//! A piece is handed over when it is full, or when nothing more has come for now, so that slow pipes and people at a terminal see
//! their rows at once; a row that has come in part waits for its rest. The pump of an attempt borrows the feed and gives it back when it ends: the next
//! attempt goes on with what was read and not recorded. Invariant: a piece leaves the feed when its receipt has come, not before.

use std::{
    io::{self, ErrorKind, IsTerminal, Read},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
};

use pelton_core::job::{Format, StreamSpec};
use tokio::sync::mpsc::{self, error::TryRecvError};

use super::{
    intake::Intake,
    piece::{Piece, Pieces},
    receiver::{Ending, Stop},
};
use crate::{
    log::inherited,
    source::{
        SourceError,
        file::{
            cut::{Cutter, RUN_BYTES, Take},
            lines::Head,
        },
    },
};

/// How errors, and the column `_file`, name it.
pub(super) const NAME: &str = "stdin";

/// Bytes that are read at once: what a pipe holds.
const BLOCK_BYTES: usize = 64 << 10;

/// Blocks that are read ahead.
const BLOCKS_AHEAD: usize = 16;

type Block = io::Result<Vec<u8>>;

/// An input of this process. One planner at a time has what comes from it.
#[derive(Clone)]
pub(super) struct Pipe(Arc<Mutex<Shelf>>);

/// Where the feed is while nobody reads.
enum Shelf {
    NotYet(Box<dyn Read + Send>),
    Feed(Box<Feed>),
    Lent,
}

/// What comes from the input.
struct Feed {
    spec: StreamSpec,
    pieces: Pieces,
    blocks: mpsc::Receiver<Block>,
    /// Reading has ended so; the error until it has been told.
    ended: Option<Option<io::Error>>,
    /// Taken from `pieces`, and not recorded yet.
    waiting: Option<Piece>,
}

/// A feed that is lent to a pump, and goes back when that ends.
pub(super) struct Lent {
    feed: Option<Feed>,
    shelf: Pipe,
}

impl Pipe {
    /// Standard input.
    pub(super) fn of_process() -> Self {
        static PROCESS: OnceLock<Pipe> = OnceLock::new();
        PROCESS.get_or_init(|| Self::new(io::stdin())).clone()
    }

    pub(super) fn new(input: impl Read + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Shelf::NotYet(Box::new(input)))))
    }

    /// Whether there is a byte to read; waits for it. What a person may still type at a terminal does not count.
    pub(super) fn has_more(&self) -> bool {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Shelf::NotYet(input) = &mut *shelf else { return true };
        if io::stdin().is_terminal() {
            return false;
        }
        let mut first = [0];
        let count = loop {
            match input.read(&mut first) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read.unwrap_or(0),
            }
        };
        let read = first.get(..count).unwrap_or_default().to_vec();
        let rest = std::mem::replace(input, Box::new(io::empty()));
        *input = Box::new(io::Cursor::new(read).chain(rest));
        count > 0
    }

    /// Waits for what the first lines say.
    pub(super) fn head(&self, spec: &StreamSpec) -> Result<Arc<Head>, SourceError> {
        let mut lent = self.take(spec)?;
        let feed = lent.feed();
        loop {
            let at_end = feed.ended.is_some();
            match feed.pieces.head(at_end).map_err(|reason| corrupt(&feed.spec.format, reason))? {
                Some(head) => return Ok(Arc::clone(head)),
                None if at_end => {
                    return Err(match feed.ended.as_mut().and_then(Option::take) {
                        Some(error) => io_error("read", error),
                        None => corrupt(&feed.spec.format, "it ends before its first row".to_owned()),
                    });
                }
                None => {
                    let block = feed.blocks.blocking_recv();
                    feed.add(block);
                }
            }
        }
    }

    /// Lends the feed, to be read as `spec` says.
    pub(super) fn take(&self, spec: &StreamSpec) -> Result<Lent, SourceError> {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let feed = match std::mem::replace(&mut *shelf, Shelf::Lent) {
            Shelf::NotYet(input) => Feed::start(input, spec)?,
            Shelf::Feed(feed) if feed.spec.format == spec.format && feed.spec.max_row_bytes == spec.max_row_bytes => {
                *feed
            }
            Shelf::Feed(feed) => feed.anew(spec),
            Shelf::Lent => {
                let error = io::Error::new(ErrorKind::Unsupported, "standard input can be read only once");
                return Err(io_error("read again from", error));
            }
        };
        Ok(Lent { feed: Some(feed), shelf: self.clone() })
    }
}

impl Lent {
    fn feed(&mut self) -> &mut Feed {
        self.feed.as_mut().expect("it is given back when this is dropped")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(feed) = self.feed.take() {
            *self.shelf.0.lock().unwrap_or_else(PoisonError::into_inner) = Shelf::Feed(Box::new(feed));
        }
    }
}

impl Feed {
    fn start(input: Box<dyn Read + Send>, spec: &StreamSpec) -> Result<Self, SourceError> {
        let (sender, blocks) = mpsc::channel(BLOCKS_AHEAD);
        // The thread is never joined: nothing could wake it from reading a silent pipe.
        let read = inherited(move || read(input, &sender));
        let thread = thread::Builder::new().name("pelton-stdin".to_owned()).spawn(read);
        thread.map_err(|error| io_error("start a reader of", error))?;
        Ok(Self { spec: spec.clone(), pieces: pieces(spec), blocks, ended: None, waiting: None })
    }

    /// The same input, for a job that now reads it otherwise: what was not a whole row yet is looked at anew.
    fn anew(mut self, spec: &StreamSpec) -> Self {
        let held = std::mem::take(self.pieces.held());
        self.pieces = pieces(spec);
        self.pieces.held().extend(held);
        Self { spec: spec.clone(), ..self }
    }

    fn add(&mut self, block: Option<Block>) {
        match block {
            Some(Ok(block)) => self.pieces.held().extend_from_slice(&block),
            Some(Err(error)) => self.ended = Some(Some(error)),
            None => self.ended = Some(self.ended.take().flatten()),
        }
    }

    fn take(&mut self, when: Take) -> Result<Option<Piece>, SourceError> {
        self.pieces.take(when).map_err(|reason| corrupt(&self.spec.format, reason))
    }

    /// The next piece; none: there is no more.
    async fn next(&mut self) -> Result<Option<Piece>, SourceError> {
        loop {
            match self.ended {
                // A row that was cut off by a failure is no row.
                Some(Some(_)) => {
                    if let Some(piece) = self.take(Take::Whole)? {
                        return Ok(Some(piece));
                    }
                    let error = self.ended.replace(None).flatten();
                    self.pieces.held().clear();
                    return error.map_or(Ok(None), |error| Err(io_error("read", error)));
                }
                Some(None) => return self.take(Take::Last),
                None => {}
            }
            let block = match self.blocks.try_recv() {
                Ok(block) => Some(block),
                Err(TryRecvError::Disconnected) => None,
                Err(TryRecvError::Empty) => {
                    // The data has stopped coming: what is whole need not wait.
                    if let Some(piece) = self.take(Take::Whole)? {
                        return Ok(Some(piece));
                    }
                    self.blocks.recv().await
                }
            };
            self.add(block);
            if self.ended.is_none()
                && let Some(piece) = self.take(Take::Full)?
            {
                return Ok(Some(piece));
            }
        }
    }

    /// Hands over what comes, until the end, a stop, or nobody wants it. A stop does not come between a piece and its receipt.
    async fn pump(&mut self, intake: &Intake, stop: &mut Stop) -> Result<(), SourceError> {
        loop {
            if self.waiting.is_none() {
                self.waiting = tokio::select! {
                    next = self.next() => next?,
                    ending = stop.requested() => return self.end(ending, intake, stop).await,
                };
            }
            let Some(piece) = &self.waiting else { return Ok(()) };
            let room = tokio::select! {
                room = intake.room(piece.bytes.len()) => room,
                ending = stop.requested() => return self.end(ending, intake, stop).await,
            };
            if intake.hand(vec![piece.clone()], room).await.is_err() {
                return Ok(());
            }
            self.waiting = None;
        }
    }

    /// Hands over all whole rows that have been read, if that is how it is to end.
    async fn end(&mut self, ending: Ending, intake: &Intake, stop: &mut Stop) -> Result<(), SourceError> {
        if ending == Ending::Leave {
            return Ok(());
        }
        while self.ended.is_none()
            && let Ok(block) = self.blocks.try_recv()
        {
            self.add(Some(block));
        }
        loop {
            if self.waiting.is_none() {
                self.waiting = self.take(if matches!(self.ended, Some(None)) { Take::Last } else { Take::Whole })?;
            }
            let Some(piece) = &self.waiting else { return Ok(()) };
            let room = intake.room_or_end(piece.bytes.len(), stop).await;
            if intake.hand(vec![piece.clone()], room).await.is_err() {
                return Ok(());
            }
            self.waiting = None;
        }
    }
}

/// Reads until the end of the input or a stop.
pub(super) async fn pump(mut lent: Lent, intake: Intake, mut stop: Stop) {
    if let Err(error) = lent.feed().pump(&intake, &mut stop).await {
        intake.fail(error);
    }
}

fn pieces(spec: &StreamSpec) -> Pieces {
    Pieces::new(Cutter::new(spec.format.clone(), RUN_BYTES, spec.max_row_bytes))
}

fn corrupt(format: &Format, reason: String) -> SourceError {
    SourceError::Corrupt { file: NAME.to_owned(), format: format.name(), reason }
}

fn io_error(action: &'static str, source: io::Error) -> SourceError {
    SourceError::Io { action, file: NAME.to_owned(), source }
}

/// The reader thread: sends blocks as they come, to the end, a failure, or until nobody wants them.
fn read(mut input: Box<dyn Read + Send>, blocks: &mpsc::Sender<Block>) {
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
        if blocks.blocking_send(result).is_err() || failed {
            return;
        }
    }
}
