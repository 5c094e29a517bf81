//! What a client sends, piece by piece: kept in a file without a name, so that however many send at once, memory holds none of it.

use std::io::{Read, Seek, SeekFrom, Write};

use pelton_core::model::ModuleDigest;

use super::{ControlError, folder::Folder};

/// The file goes with it.
#[derive(Debug)]
pub struct Upload {
    file: cap_std::fs::File,
    hash: blake3::Hasher,
    bytes: u64,
    /// Where it lies, for errors.
    place: String,
}

impl Upload {
    pub(super) fn begin(folder: &Folder) -> Result<Self, ControlError> {
        let (file, path) = folder.nameless()?;
        Ok(Self { file, hash: blake3::Hasher::new(), bytes: 0, place: path.display().to_string() })
    }

    /// Adds a piece.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), ControlError> {
        self.file.write_all(piece).map_err(ControlError::io("write", &self.place))?;
        self.hash.update(piece);
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        Ok(())
    }

    /// Of what has come.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn digest(&self) -> ModuleDigest {
        ModuleDigest(*self.hash.finalize().as_bytes())
    }

    /// All of it.
    pub(super) fn read(&mut self) -> Result<Vec<u8>, ControlError> {
        let mut all = Vec::new();
        let read = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.read_to_end(&mut all));
        read.map_err(ControlError::io("read", &self.place))?;
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn pieces_are_read_as_a_whole_and_leave_no_file() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        let mut upload = Upload::begin(&folder).unwrap();
        for piece in [&b"\0as"[..], b"", b"m and more"] {
            upload.write(piece).unwrap();
        }
        let whole = b"\0asm and more";
        assert_eq!((upload.bytes(), upload.digest().0), (13, *blake3::hash(whole).as_bytes()));
        assert_eq!(upload.read().unwrap(), whole);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "it has no name from the beginning");
    }
}
