//! Hands out the record batches of Arrow IPC files, one range each.
//!
//! Reads the headers of messages, and the dictionaries as they come: a range holds the dictionaries as they are at
//! its place in the file, since a stream may replace them.

use std::{sync::Arc, time::Instant};

use arrow::ipc::{MessageHeader, reader::read_dictionary};
use pelton_core::checkpoint::record::{FileRecord, Position};

use super::{
    super::{arrivals::Arrivals, bytes::guarded, listing::ListedFile},
    FORMAT, IpcRange,
    file::{IpcFile, Messages},
    message::{Dictionaries, Header, check_decompressed, corrupt},
};
use crate::source::{Bookmark, Next, Planner, Range, RangeData, RangeLabel, SourceError};

pub struct IpcPlanner {
    files: Arc<Vec<Arc<ListedFile>>>,
    /// Number of the file that is open, or will be next.
    file: usize,
    open: Option<Cursor>,
    /// Of each file only the first range.
    only_first: bool,
    /// None: the files that are there are all.
    arrivals: Option<Arrivals>,
}

/// A place in a file.
struct Cursor {
    file: Arc<IpcFile>,
    dictionaries: Arc<Dictionaries>,
    /// Record batches so far.
    batches: usize,
    /// Rows so far.
    rows: u64,
    /// Where the next message of a stream begins.
    offset: u64,
}

impl IpcPlanner {
    pub fn new(files: Arc<Vec<Arc<ListedFile>>>) -> Self {
        Self { files, file: 0, open: None, only_first: false, arrivals: None }
    }

    /// Hands out the first range of each file and no other.
    pub fn only_first(self) -> Self {
        Self { only_first: true, ..self }
    }

    /// Goes on with new files when it has come to the end of those that are there.
    pub fn watching(self, arrivals: Option<Arrivals>) -> Self {
        Self { arrivals, ..self }
    }

    /// Waits for new files; answers what to say if there is none.
    fn arrive(&mut self, deadline: Option<Instant>) -> Result<Option<Next>, SourceError> {
        let Some(arrivals) = &mut self.arrivals else { return Ok(Some(Next::End)) };
        let Some(found) = arrivals.look(deadline)? else { return Ok(Some(Next::Pending)) };
        for listed in found {
            arrivals.check(&listed, IpcFile::open(&listed)?.schema())?;
            Arc::make_mut(&mut self.files).push(listed);
        }
        Ok(None)
    }

    /// Begins at a place that [`Planner::bookmark`] gave, of the same files.
    pub fn from(mut self, position: &Position) -> Result<Self, SourceError> {
        match *position {
            Position::Start => {}
            Position::End => self.file = self.files.len(),
            Position::Range { partition, sequence, .. } => {
                self.file = partition as usize;
                for _ in 0..sequence {
                    self.next(None)?;
                }
            }
        }
        Ok(self)
    }

    fn next_file(&mut self) {
        self.open = None;
        self.file += 1;
    }
}

impl Planner for IpcPlanner {
    fn next(&mut self, deadline: Option<Instant>) -> Result<Next, SourceError> {
        loop {
            let Some(listed) = self.files.get(self.file) else {
                match self.arrive(deadline)? {
                    Some(nothing) => return Ok(nothing),
                    None => continue,
                }
            };
            let cursor = match &mut self.open {
                Some(cursor) => cursor,
                none => none.insert(Cursor::open(listed)?),
            };
            if let Some(header) = cursor.next_batch()? {
                let partition = u32::try_from(self.file).unwrap_or(u32::MAX);
                let range = cursor.range(header, partition)?;
                if self.only_first {
                    self.next_file();
                }
                return Ok(Next::Range(range));
            }
            self.next_file();
        }
    }

    fn take_found(&mut self) -> Vec<FileRecord> {
        self.arrivals.as_mut().map(Arrivals::take_found).unwrap_or_default()
    }

    fn bookmark(&self) -> Option<Bookmark> {
        let partition = u32::try_from(self.file).unwrap_or(u32::MAX);
        let sequence = self.open.as_ref().map_or(0, |cursor| cursor.batches as u64);
        Some(Bookmark::at(Position::Range { partition, sequence, offset: 0, rows_at: None }))
    }
}

impl Cursor {
    fn open(listed: &ListedFile) -> Result<Self, SourceError> {
        let file = Arc::new(IpcFile::open(listed)?);
        let offset = match file.messages {
            Messages::Listed { .. } => 0,
            Messages::Following { first } => first,
        };
        let mut cursor = Self { file: Arc::clone(&file), dictionaries: Arc::default(), batches: 0, rows: 0, offset };
        if let Messages::Listed { dictionaries, .. } = &file.messages
            && file.has_dictionaries()
        {
            for &offset in dictionaries {
                cursor.read_dictionary(&cursor.listed(offset)?)?;
            }
        }
        Ok(cursor)
    }

    /// The header of a message that the footer lists.
    fn listed(&self, offset: u64) -> Result<Header, SourceError> {
        Header::read(&self.file.bytes, offset)?
            .ok_or_else(|| corrupt(&self.file.bytes, format!("there is no message at byte {offset}")))
    }

    /// The header of the next record batch.
    fn next_batch(&mut self) -> Result<Option<Header>, SourceError> {
        if let Messages::Listed { batches, .. } = &self.file.messages {
            return batches.get(self.batches).map(|&offset| self.listed(offset)).transpose();
        }
        loop {
            let Some(header) = Header::read(&self.file.bytes, self.offset)? else { return Ok(None) };
            self.offset = header.end();
            match header.kind() {
                MessageHeader::RecordBatch => return Ok(Some(header)),
                MessageHeader::DictionaryBatch if self.file.has_dictionaries() => self.read_dictionary(&header)?,
                MessageHeader::DictionaryBatch => {}
                other => {
                    let kind = other.variant_name().unwrap_or("unknown");
                    return Err(corrupt(&self.file.bytes, format!("it has a message of kind {kind}")));
                }
            }
        }
    }

    fn read_dictionary(&mut self, header: &Header) -> Result<(), SourceError> {
        let file = &self.file.bytes;
        let wrong = |reason: String| corrupt(file, reason);
        let values = header.record_batch().map_err(wrong)?;
        let body = header.body(file, &[(0, header.body_bytes())])?;
        check_decompressed(&values, &body).map_err(wrong)?;
        let message = header.message();
        let batch = message
            .header_as_dictionary_batch()
            .ok_or_else(|| wrong("its footer lists as dictionary what is none".into()))?;
        let schema = self.file.schema();
        let dictionaries = Arc::make_mut(&mut self.dictionaries);
        guarded(file.name(), FORMAT, || read_dictionary(&body, batch, &schema, dictionaries, &header.version()))
    }

    fn range(&mut self, header: Header, partition: u32) -> Result<Range, SourceError> {
        let rows = header.record_batch().map_err(|reason| corrupt(&self.file.bytes, reason))?.length().unsigned_abs();
        let range = Range {
            partition,
            sequence: self.batches as u64,
            name: Arc::clone(self.file.bytes.name()),
            bytes: header.body_bytes(),
            label: RangeLabel::RecordBatch(self.batches),
            data: RangeData::Ipc(IpcRange {
                file: Arc::clone(&self.file),
                header,
                dictionaries: Arc::clone(&self.dictionaries),
                first_row: self.rows,
            }),
        };
        self.batches += 1;
        self.rows = self.rows.saturating_add(rows);
        Ok(range)
    }
}
