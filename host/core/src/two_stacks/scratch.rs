//! The rows of the scratch table: which are free, and references to accumulators in four bytes.
//!
//! Used by [`super::TwoStacks`]. A row that is given back can still be read by the plan being made, so it is handed
//! out again only after the next [`Rows::recycle`].

use super::plan::Operand;

/// An [`Operand`] or nothing, in 32 bits: the top bit tells scratch rows from panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference(u32);

const SCRATCH: u32 = 1 << 31;

impl Reference {
    pub const NONE: Self = Self(u32::MAX);

    pub fn operand(self) -> Option<Operand> {
        match self.0 {
            u32::MAX => None,
            word if word & SCRATCH != 0 => Some(Operand::Scratch(word & !SCRATCH)),
            word => Some(Operand::Pane(word)),
        }
    }

    /// As saved.
    pub fn word(self) -> u32 {
        self.0
    }

    pub fn from_word(word: u32) -> Self {
        Self(word)
    }

    pub fn is_none(self) -> bool {
        self == Self::NONE
    }
}

impl From<Operand> for Reference {
    fn from(operand: Operand) -> Self {
        match operand {
            Operand::Pane(payload) => Self(payload & !SCRATCH),
            Operand::Scratch(row) => Self(row | SCRATCH),
        }
    }
}

/// The largest payload and the largest scratch row, both exclusive.
pub const REFERENCES: u32 = SCRATCH - 1;

/// Rows of the scratch table.
#[derive(Debug, Default)]
pub struct Rows {
    free: Vec<u32>,
    given_back: Vec<u32>,
    rows: u32,
}

impl Rows {
    /// As saved; nothing of it has been looked at.
    pub fn load(free: Vec<u32>, given_back: Vec<u32>, rows: u32) -> Self {
        Self { free, given_back, rows }
    }

    /// The rows that are free, those that are given back, and how many there are.
    pub fn parts(&self) -> (&[u32], &[u32], u32) {
        (&self.free, &self.given_back, self.rows)
    }

    /// How many rows there are, free ones included.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    pub fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            assert!(self.rows < REFERENCES, "at most 2³¹ scratch rows in one partition");
            self.rows += 1;
            self.rows - 1
        })
    }

    /// Gives back what a reference holds, where that is a scratch row.
    pub fn give_back(&mut self, reference: Reference) {
        if let Some(Operand::Scratch(row)) = reference.operand() {
            self.given_back.push(row);
        }
    }

    /// Rows given back can be taken again: the plan that read them has been carried out.
    pub fn recycle(&mut self) {
        self.free.append(&mut self.given_back);
    }

    /// Rows in use: for the tests.
    #[cfg(test)]
    pub fn used(&self) -> usize {
        self.rows as usize - self.free.len() - self.given_back.len()
    }
}
