//! Whether a file that was found is complete, as far as its format says.
//!
//! Asked by whoever looks for new files, so that a file which is still being written is waited for. Parquet and Arrow IPC files end with a magic,
//! Arrow streams with a marker; of rows nobody can tell, and such files should come by renaming. Invariant: at most 16 bytes of a file are read.

use std::{fs::File, io::ErrorKind, os::unix::fs::FileExt};

use pelton_core::job::Format;

use super::listing::ListedFile;
use crate::source::SourceError;

/// Begins and ends a Parquet file.
const PARQUET: &[u8] = b"PAR1";
/// Begins and ends an Arrow IPC file.
const ARROW: &[u8] = b"ARROW1";
/// Begins an Arrow IPC stream, and ends it.
const STREAM: &[u8] = b"\xff\xff\xff\xff";
const STREAM_END: &[u8] = b"\xff\xff\xff\xff\0\0\0\0";

/// A file that is gone meanwhile is not complete.
pub fn is_complete(format: &Format, file: &ListedFile) -> Result<bool, SourceError> {
    let ends = match format {
        Format::Csv(_) | Format::Json(_) | Format::Text => return Ok(true),
        Format::Parquet => ends_with(file, PARQUET, PARQUET),
        Format::Ipc => match ends_with(file, ARROW, ARROW) {
            Ok(false) => ends_with(file, STREAM, STREAM_END),
            known => known,
        },
    };
    match ends {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => Ok(false),
        ends => ends.map_err(|source| SourceError::Io { action: "read", file: file.name.to_string(), source }),
    }
}

/// Whether the file begins with `head`, and ends with `tail` behind it.
fn ends_with(file: &ListedFile, head: &[u8], tail: &[u8]) -> std::io::Result<bool> {
    let opened = File::open(&file.path)?;
    let bytes = opened.metadata()?.len();
    let Some(tail_at) = bytes.checked_sub(tail.len() as u64).filter(|at| *at >= head.len() as u64) else {
        return Ok(false);
    };
    let is_at = |bytes: &[u8], at| {
        let mut found = vec![0; bytes.len()];
        opened.read_exact_at(&mut found, at).map(|()| found == bytes)
    };
    Ok(is_at(head, 0)? && is_at(tail, tail_at)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pelton_core::job::JsonOptions;

    use super::*;

    #[test]
    fn a_file_without_its_end_is_not_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let file = ListedFile { path: path.clone(), name: Arc::from("x"), bytes: 0, growth: None };
        assert!(!is_complete(&Format::Parquet, &file).unwrap(), "it is not there");
        let complete = |format: &Format, bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            is_complete(format, &file).unwrap()
        };
        for short in [&b""[..], b"PAR1", b"PAR", b"PAR1 and more", b"and more PAR1"] {
            assert!(!complete(&Format::Parquet, short), "{short:?}");
        }
        assert!(complete(&Format::Parquet, b"PAR1 and more PAR1"));
        assert!(!complete(&Format::Ipc, b"ARROW1\0\0 and more"));
        assert!(complete(&Format::Ipc, b"ARROW1\0\0 and more ARROW1"));
        assert!(!complete(&Format::Ipc, b"\xff\xff\xff\xff and more"));
        assert!(complete(&Format::Ipc, b"\xff\xff\xff\xff and more \xff\xff\xff\xff\0\0\0\0"));
        assert!(complete(&Format::Json(JsonOptions::default()), b"{"));
    }
}
