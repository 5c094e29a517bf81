//! One message of an Arrow IPC file or stream: its header, its body, and the checks between them.
//!
//! The Arrow reader believes the positions and lengths in a header; here they are held against the body first.
//! Invariant: what [`Header::record_batch`] gives lies within its body, and takes at most [`BODY_BYTES_MAX`] when it is
//! decompressed.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::ArrayRef,
    buffer::{Buffer, MutableBuffer},
    ipc::{Message, MessageHeader, MetadataVersion, RecordBatch as BatchHeader, root_as_message},
};

use super::{super::bytes::FileBytes, FORMAT};
use crate::source::SourceError;

/// Values of dictionaries by their id.
pub type Dictionaries = HashMap<i64, ArrayRef>;

/// A header takes several times its length when it is decoded.
const HEADER_BYTES_MAX: u64 = 64 << 20;

/// Decompressed bytes of one record batch.
pub const BODY_BYTES_MAX: u64 = 1 << 30;

/// Begins messages since version 0.15 of the format; before, they began with their length.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// A message's header, and where its body is.
#[derive(Debug, Clone)]
pub struct Header {
    /// A flatbuffer, verified by [`Header::read`].
    bytes: Arc<[u8]>,
    body_at: u64,
    body_bytes: u64,
}

impl Header {
    /// Reads the header of the message at `offset` of `file`. None: the stream ends there.
    pub fn read(file: &FileBytes, offset: u64) -> Result<Option<Self>, SourceError> {
        let mut word = [0; 4];
        if offset == file.size() {
            return Ok(None);
        }
        read_exact(file, offset, &mut word)?;
        let mut at = offset + 4;
        if word == CONTINUATION {
            read_exact(file, at, &mut word)?;
            at += 4;
        }
        let length = u64::try_from(i32::from_le_bytes(word))
            .map_err(|_| corrupt(file, format!("the message at byte {offset} has a negative length")))?;
        if length == 0 {
            return Ok(None);
        }
        if length > HEADER_BYTES_MAX {
            return Err(corrupt(file, format!("the message at byte {offset} has a header of {length} bytes")));
        }
        let bytes: Arc<[u8]> = file.read(at, length).map_err(|error| short(file, offset, error))?.into();
        let message = root_as_message(&bytes)
            .map_err(|error| corrupt(file, format!("the message at byte {offset} is damaged: {error}")))?;
        let body_at = at + length;
        let body_bytes = u64::try_from(message.bodyLength())
            .ok()
            .filter(|bytes| body_at.checked_add(*bytes).is_some_and(|end| end <= file.size()))
            .ok_or_else(|| corrupt(file, format!("the message at byte {offset} goes on after the file's end")))?;
        Ok(Some(Self { bytes, body_at, body_bytes }))
    }

    pub fn message(&self) -> Message<'_> {
        root_as_message(&self.bytes).expect("it was verified when it was read")
    }

    pub fn version(&self) -> MetadataVersion {
        self.message().version()
    }

    pub fn kind(&self) -> MessageHeader {
        self.message().header_type()
    }

    pub fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Where the next message of a stream begins.
    pub fn end(&self) -> u64 {
        self.body_at + self.body_bytes
    }

    /// The record batch that this message is, or the values of the dictionary that it is.
    pub fn record_batch(&self) -> Result<BatchHeader<'_>, String> {
        let message = self.message();
        let batch = match message.header_type() {
            MessageHeader::DictionaryBatch => message.header_as_dictionary_batch().and_then(|batch| batch.data()),
            _ => message.header_as_record_batch(),
        };
        let batch = batch.ok_or("it has a message that is no record batch")?;
        check(&batch, self.body_bytes)?;
        Ok(batch)
    }

    /// Reads the parts of the body that `spans` (offset and length in the body) name; the rest is zeros that take
    /// no memory until they are looked at.
    pub fn body(&self, file: &FileBytes, spans: &[(u64, u64)]) -> Result<Buffer, SourceError> {
        let too_large =
            || corrupt(file, format!("a record batch of {} bytes does not fit into memory", self.body_bytes));
        let length = usize::try_from(self.body_bytes).map_err(|_| too_large())?;
        let mut body = MutableBuffer::try_from_len_zeroed(length).map_err(|_| too_large())?;
        for &(start, length) in spans {
            let part = usize::try_from(start).ok().zip(usize::try_from(start + length).ok());
            let part = part.and_then(|(start, end)| body.as_slice_mut().get_mut(start..end));
            let part = part.expect("spans lie within the body that they were checked against");
            file.read_into(self.body_at + start, part).map_err(|error| short(file, self.body_at, error))?;
        }
        Ok(body.into())
    }
}

/// Holds a record batch's header against itself and the length of its body.
fn check(batch: &BatchHeader<'_>, body_bytes: u64) -> Result<(), String> {
    if batch.length() < 0 {
        return Err(format!("a record batch has {} rows", batch.length()));
    }
    for buffer in batch.buffers().into_iter().flatten() {
        let start = u64::try_from(buffer.offset()).ok();
        let end = start.zip(u64::try_from(buffer.length()).ok()).and_then(|(start, length)| start.checked_add(length));
        if end.is_none_or(|end| end > body_bytes) {
            return Err("a record batch has a buffer outside of its message".into());
        }
    }
    for node in batch.nodes().into_iter().flatten() {
        if node.length() < 0 || !(0..=node.length()).contains(&node.null_count()) {
            return Err(format!(
                "a record batch has a column of {} rows and {} nulls",
                node.length(),
                node.null_count()
            ));
        }
    }
    if batch.variadicBufferCounts().into_iter().flatten().any(|count| count < 0) {
        return Err("a record batch has a negative number of buffers".into());
    }
    Ok(())
}

/// Holds the lengths that compressed buffers announce against the limit. Buffers that were not read are zeros, and
/// announce nothing.
pub fn check_decompressed(batch: &BatchHeader<'_>, body: &[u8]) -> Result<(), String> {
    if batch.compression().is_none() {
        return Ok(());
    }
    let mut total = 0_u64;
    for buffer in batch.buffers().into_iter().flatten().filter(|buffer| buffer.length() > 0) {
        let start = usize::try_from(buffer.offset()).ok();
        let prefix = start.and_then(|start| body.get(start..)).and_then(|rest| rest.first_chunk::<8>());
        let Some(prefix) = prefix.filter(|_| buffer.length() >= 8) else {
            return Err("a compressed buffer does not begin with its length".into());
        };
        // -1: this buffer is not compressed.
        let length = i64::from_le_bytes(*prefix);
        let length = if length == -1 { Ok(0) } else { u64::try_from(length) };
        total = length.ok().and_then(|length| total.checked_add(length)).unwrap_or(u64::MAX);
    }
    if total > BODY_BYTES_MAX {
        return Err(format!("a record batch is larger than {BODY_BYTES_MAX} bytes when it is decompressed"));
    }
    Ok(())
}

pub fn corrupt(file: &FileBytes, reason: String) -> SourceError {
    SourceError::Corrupt { file: file.name().to_string(), format: FORMAT, reason }
}

fn read_exact(file: &FileBytes, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
    file.read_into(offset, buffer).map_err(|error| short(file, offset, error))
}

fn short(file: &FileBytes, offset: u64, error: std::io::Error) -> SourceError {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => corrupt(file, format!("it ends within the message at byte {offset}")),
        _ => file.io_error(error),
    }
}
