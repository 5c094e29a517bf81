//! How keys are saved: words and text as they are, others as their columns.
//!
//! The row format in which keys of several columns lie in memory is not one to keep, and bytes that are not of it cannot
//! be told from those that are.

use arrow::array::Array;
use pelton_core::{
    checkpoint::{Damage, packed::Packed},
    hash,
};
use serde::{Deserialize, Serialize};

use super::{Form, Key, KeyCodec, KeyStore, Keys};
use crate::state::snapshot::array::SavedArray;

/// A [`KeyStore`] as it is saved.
#[derive(Debug, Serialize, Deserialize)]
pub enum SavedKeys<'a> {
    Words(Packed<'a, u64>),
    Text {
        lengths: Packed<'a, u32>,
        bytes: Packed<'a, u8>,
    },
    /// The key columns, row for row.
    Columns(Vec<SavedArray>),
}

impl KeyCodec {
    /// All keys of a store that this codec made.
    pub fn save<'a>(&self, store: &'a KeyStore) -> SavedKeys<'a> {
        match (&self.form, store) {
            (_, KeyStore::Words(words)) => SavedKeys::Words(words.as_slice().into()),
            (Form::Rows(_), _) => {
                let all: Vec<u32> = (0..store.len() as u32).collect();
                let columns = self.decode(store, &all);
                SavedKeys::Columns(columns.iter().map(|column| SavedArray::of(column.as_ref())).collect())
            }
            (_, KeyStore::Bytes { ends, bytes }) => {
                let starts = std::iter::once(&0).chain(ends);
                let lengths = ends.iter().zip(starts).map(|(end, start)| (end - start) as u32);
                SavedKeys::Text { lengths: lengths.collect(), bytes: bytes.as_slice().into() }
            }
            (_, KeyStore::Boxes(boxes)) => {
                let mut bytes = Vec::with_capacity(boxes.iter().map(|key| key.len()).sum());
                boxes.iter().for_each(|key| bytes.extend_from_slice(key));
                let lengths = boxes.iter().map(|key| key.len() as u32);
                SavedKeys::Text { lengths: lengths.collect(), bytes: bytes.into() }
            }
        }
    }

    /// The hashes of all keys of a store, to be saved with them: none, where [`Self::load_hashes`] makes them of the keys.
    pub fn save_hashes<'a>(&self, hashes: &'a [u64]) -> Packed<'a, u64> {
        match self.form {
            Form::Word | Form::Text => Packed::from(Vec::new()),
            Form::Unit | Form::Rows(_) => hashes.into(),
        }
    }

    /// The hashes of the keys in `store`.
    pub fn load_hashes(&self, saved: Packed<'_, u64>, store: &KeyStore) -> Vec<u64> {
        match (&self.form, store) {
            (Form::Word, KeyStore::Words(words)) if saved.is_empty() => {
                words.iter().map(|word| hash::hash_word(*word)).collect()
            }
            (Form::Text, _) if saved.is_empty() => {
                (0..store.len() as u32).map(|slot| hash::hash_bytes(store.bytes(slot))).collect()
            }
            _ => saved.into_vec(),
        }
    }

    /// Puts keys that were saved into `store`, an empty one of this codec.
    pub fn load(&self, saved: SavedKeys<'_>, mut store: KeyStore) -> Result<KeyStore, Damage> {
        match (&self.form, saved) {
            (Form::Unit | Form::Word, SavedKeys::Words(words)) => store = KeyStore::Words(words.into_vec()),
            (Form::Text, SavedKeys::Text { lengths, bytes }) => {
                let mut rest = std::str::from_utf8(&bytes.0).map_err(|_| Damage("a key that is no text"))?;
                for length in lengths.iter() {
                    let (key, after) =
                        rest.split_at_checked(length as usize).ok_or(Damage("keys that end within a letter"))?;
                    key.as_bytes().push(&mut store);
                    rest = after;
                }
            }
            (Form::Rows(_), SavedKeys::Columns(columns)) => {
                Damage::unless(columns.len() == self.fields.len(), "keys of another number of columns")?;
                let columns = columns.into_iter().zip(&self.fields).map(|(column, field)| column.load(field));
                let columns = columns.collect::<Result<Vec<_>, _>>()?;
                let rows = columns.first().map_or(0, |column| column.len());
                Damage::unless(columns.iter().all(|column| column.len() == rows), "key columns of different lengths")?;
                if let Keys::Rows(rows) = self.encode(&columns, rows) {
                    rows.iter().for_each(|row| row.data().push(&mut store));
                }
            }
            _ => return Err(Damage("keys of another form")),
        }
        Ok(store)
    }
}
