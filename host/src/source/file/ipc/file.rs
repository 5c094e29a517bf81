//! An Arrow IPC file or stream, opened: its schema, and where its messages are.

use std::{io::ErrorKind, sync::Arc};

use arrow::{
    datatypes::{DataType, Schema, SchemaRef},
    ipc::{Block, Endianness, Footer, Schema as SchemaHeader, convert::try_fb_to_schema, root_as_footer},
};

use super::{
    super::{
        bytes::{FileBytes, guarded},
        listing::ListedFile,
    },
    FORMAT,
    message::{Header, corrupt},
};
use crate::source::SourceError;

/// Begins and ends a file; a stream has none.
const MAGIC: &[u8; 6] = b"ARROW1";

/// The last bytes of a file: the footer's length, and the magic.
const TAIL_BYTES: u64 = 10;

/// A footer takes several times its length when it is decoded.
const FOOTER_BYTES_MAX: u64 = 64 << 20;

#[derive(Debug)]
pub struct IpcFile {
    pub bytes: FileBytes,
    /// All columns, with the encodings that the file has.
    schema: SchemaRef,
    pub messages: Messages,
}

/// How a file's messages are found.
#[derive(Debug)]
pub enum Messages {
    /// A footer lists them.
    Listed { dictionaries: Vec<u64>, batches: Vec<u64> },
    /// They follow each other from this offset on.
    Following { first: u64 },
}

impl IpcFile {
    pub fn open(listed: &ListedFile) -> Result<Self, SourceError> {
        let bytes = FileBytes::open(listed)?;
        let mut magic = [0; MAGIC.len()];
        match bytes.read_into(0, &mut magic) {
            Ok(()) if &magic == MAGIC => Self::open_file(bytes),
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(bytes.io_error(error)),
            _ => Self::open_stream(bytes),
        }
    }

    fn open_file(bytes: FileBytes) -> Result<Self, SourceError> {
        let tail_at = bytes.size().saturating_sub(TAIL_BYTES);
        let tail = bytes.read(tail_at, bytes.size() - tail_at).map_err(|error| bytes.io_error(error))?;
        let Some((length, rest)) = tail.split_first_chunk::<4>().filter(|(_, magic)| magic == MAGIC) else {
            return Err(corrupt(&bytes, "it does not end with `ARROW1`: it is not complete".into()));
        };
        debug_assert_eq!(rest.len(), MAGIC.len());
        let length = u64::try_from(i32::from_le_bytes(*length))
            .ok()
            .filter(|length| *length <= tail_at.min(FOOTER_BYTES_MAX))
            .ok_or_else(|| corrupt(&bytes, "its footer has an impossible length".into()))?;
        let footer = bytes.read(tail_at - length, length).map_err(|error| bytes.io_error(error))?;
        let footer =
            root_as_footer(&footer).map_err(|error| corrupt(&bytes, format!("its footer is damaged: {error}")))?;
        let header = footer.schema().ok_or_else(|| corrupt(&bytes, "its footer has no schema".into()))?;
        let schema = schema(&bytes, header)?;
        let messages = listed_messages(&footer).map_err(|reason| corrupt(&bytes, reason))?;
        Ok(Self { bytes, schema, messages })
    }

    fn open_stream(bytes: FileBytes) -> Result<Self, SourceError> {
        let nothing = || corrupt(&bytes, "it is neither an Arrow IPC file nor a stream".into());
        let header = Header::read(&bytes, 0)?.ok_or_else(nothing)?;
        let message = header.message();
        let schema = schema(&bytes, message.header_as_schema().ok_or_else(nothing)?)?;
        let first = header.end();
        Ok(Self { bytes, schema, messages: Messages::Following { first } })
    }

    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    pub fn has_dictionaries(&self) -> bool {
        self.schema.fields().iter().any(|field| has_dictionary(field.data_type()))
    }
}

fn schema(bytes: &FileBytes, header: SchemaHeader<'_>) -> Result<SchemaRef, SourceError> {
    if header.endianness() != Endianness::Little {
        return Err(corrupt(bytes, "its numbers are big-endian".into()));
    }
    let schema: Schema = guarded(bytes.name(), FORMAT, || try_fb_to_schema(header))?;
    Ok(Arc::new(schema))
}

fn listed_messages(footer: &Footer<'_>) -> Result<Messages, String> {
    let offset =
        |block: &Block| u64::try_from(block.offset()).map_err(|_| "its footer has a negative offset".to_owned());
    let batches = footer.recordBatches().ok_or("its footer lists no record batches")?;
    Ok(Messages::Listed {
        dictionaries: footer.dictionaries().into_iter().flatten().map(offset).collect::<Result<_, _>>()?,
        batches: batches.iter().map(offset).collect::<Result<_, _>>()?,
    })
}

fn has_dictionary(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(..) => true,
        DataType::Union(fields, _) => fields.iter().any(|(_, field)| has_dictionary(field.data_type())),
        DataType::Struct(fields) => fields.iter().any(|field| has_dictionary(field.data_type())),
        DataType::RunEndEncoded(_, item)
        | DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => has_dictionary(item.data_type()),
        _ => false,
    }
}
