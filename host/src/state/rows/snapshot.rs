//! How typed rows are saved: column by column, with what lies under nulls, for a module may look at it.

use arrow::datatypes::{ArrowNativeType, SchemaRef};
use pelton_core::checkpoint::{
    Damage, are_all_below,
    packed::{AnyWidth, Bits, Number, Packed, from_bytes},
};
use serde::{Deserialize, Serialize};

use super::{Column, Fixed, StateRows};

/// [`StateRows`] as they are saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedRows<'a> {
    rows: u32,
    columns: Vec<SavedColumn<'a>>,
    free: Packed<'a, u32>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedColumn<'a> {
    valid: Bits<'a>,
    /// Of each value, where they have no common one.
    lengths: Option<Packed<'a, u32>>,
    bytes: AnyWidth<'a>,
}

const NOT_A_COLUMN: Damage = Damage("a column of state that is not of its type");

impl StateRows {
    pub fn save(&self) -> SavedRows<'_> {
        SavedRows {
            rows: self.rows as u32,
            columns: self.columns.iter().map(Column::save).collect(),
            free: self.free.as_slice().into(),
        }
    }

    /// `schema` is what [`StateRows::new`] was given. Who owns which row is not looked at: see [`Self::check_owners`].
    pub fn load(saved: SavedRows<'_>, schema: &SchemaRef) -> Result<Self, Damage> {
        let mut loaded = Self::new(schema);
        let rows = saved.rows as usize;
        Damage::unless(saved.columns.len() == loaded.columns.len(), "another number of columns of state")?;
        for (column, saved) in loaded.columns.iter_mut().zip(saved.columns) {
            column.load(saved, rows)?;
        }
        (loaded.rows, loaded.free) = (rows, saved.free.into_vec());
        Ok(loaded)
    }

    /// Each row is either free or one of `used`, and no row is both, or twice.
    pub fn check_owners(&self, used: impl Iterator<Item = u32> + Clone) -> Result<(), Damage> {
        let all = used.chain(self.free.iter().copied());
        Damage::unless(are_all_below(self.rows, all), "rows of state with no owner, or with two")
    }

    /// How many rows there are, free ones included.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// By row, whether some column is not null.
    pub fn have_values(&self) -> Vec<bool> {
        let mut have = vec![false; self.rows];
        for column in &self.columns {
            have.iter_mut().enumerate().for_each(|(row, has)| *has |= column.is_valid(row));
        }
        have
    }
}

impl Column {
    fn is_valid(&self, row: usize) -> bool {
        let flag = |valid: &[bool]| valid.get(row).copied().unwrap_or_default();
        match self {
            Self::Bits(fixed) | Self::W1(_, fixed) => flag(&fixed.valid),
            Self::W2(_, fixed) => flag(&fixed.valid),
            Self::W4(_, fixed) => flag(&fixed.valid),
            Self::W8(_, fixed) => flag(&fixed.valid),
            Self::W16(_, fixed) => flag(&fixed.valid),
            Self::Bytes { values, .. } => values.get(row).is_some_and(Option::is_some),
        }
    }

    fn save(&self) -> SavedColumn<'_> {
        match self {
            Self::Bits(fixed) | Self::W1(_, fixed) => fixed.save(),
            Self::W2(_, fixed) => fixed.save(),
            Self::W4(_, fixed) => fixed.save(),
            Self::W8(_, fixed) => fixed.save(),
            Self::W16(_, fixed) => fixed.save(),
            Self::Bytes { values, held, .. } => {
                let mut bytes = Vec::with_capacity(*held);
                values.iter().flatten().for_each(|value| bytes.extend_from_slice(value));
                let length = |value: &Option<Box<[u8]>>| value.as_ref().map_or(0, |bytes| bytes.len() as u32);
                SavedColumn {
                    valid: values.iter().map(Option::is_some).collect(),
                    lengths: Some(values.iter().map(length).collect()),
                    bytes: AnyWidth::Bytes(bytes.into()),
                }
            }
        }
    }

    fn load(&mut self, saved: SavedColumn<'_>, rows: usize) -> Result<(), Damage> {
        match self {
            Self::Bits(fixed) | Self::W1(_, fixed) => fixed.load(&saved, rows),
            Self::W2(_, fixed) => fixed.load(&saved, rows),
            Self::W4(_, fixed) => fixed.load(&saved, rows),
            Self::W8(_, fixed) => fixed.load(&saved, rows),
            Self::W16(_, fixed) => fixed.load(&saved, rows),
            Self::Bytes { is_text, values, held } => {
                let valid = saved.valid.flags().filter(|valid| valid.len() == rows);
                let lengths = saved.lengths.as_ref().filter(|lengths| lengths.len() == rows);
                let (valid, lengths) = valid.zip(lengths).ok_or(NOT_A_COLUMN)?;
                let mut rest = saved.bytes.bytes();
                for (is_valid, length) in valid.into_iter().zip(lengths.iter()) {
                    let (value, after) = rest.split_at_checked(length as usize).ok_or(NOT_A_COLUMN)?;
                    let is_text = !*is_text || std::str::from_utf8(value).is_ok();
                    Damage::unless(is_text && (is_valid || value.is_empty()), "text of state that is none")?;
                    values.push(is_valid.then(|| value.into()));
                    rest = after;
                }
                *held = saved.bytes.bytes().len() - rest.len();
                Damage::unless(rest.is_empty(), NOT_A_COLUMN.0)
            }
        }
    }
}

impl<T: ArrowNativeType + Number> Fixed<T> {
    fn save(&self) -> SavedColumn<'_> {
        SavedColumn {
            valid: Bits::of(&self.valid),
            lengths: None,
            bytes: T::of_any_width(self.values.as_slice().into()),
        }
    }

    fn load(&mut self, saved: &SavedColumn<'_>, rows: usize) -> Result<(), Damage> {
        self.valid = saved.valid.flags().filter(|valid| valid.len() == rows).ok_or(NOT_A_COLUMN)?;
        self.values = from_bytes(saved.bytes.bytes()).filter(|values| values.len() == rows).ok_or(NOT_A_COLUMN)?;
        Ok(())
    }
}
