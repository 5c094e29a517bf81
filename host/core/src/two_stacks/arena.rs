//! The panes of all keys: doubly linked lists in one arena.
//!
//! Used by [`super::TwoStacks`]. Links are 32-bit indices; freed entries make a list of their own. An entry is 24
//! bytes, so that a key with one pane, as most have where keys are many, costs no allocation.

use super::scratch::Reference;

/// No entry.
pub const NONE: u32 = u32::MAX;

/// One pane of one key.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Where the pane starts.
    pub pane: i64,
    /// The engine's name for its accumulator.
    pub payload: u32,
    /// In the front: the merge from here to its end. Elsewhere none.
    pub suffix: Reference,
    pub previous: u32,
    pub next: u32,
}

/// All entries.
#[derive(Debug, Default)]
pub struct Arena {
    entries: Vec<Entry>,
    /// The first free one plus one; 0: none.
    free: u32,
}

impl Arena {
    /// As saved; the links have not been looked at.
    pub fn load(entries: Vec<Entry>, free: u32) -> Self {
        Self { entries, free }
    }

    /// All entries, free ones included.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The first free one plus one; 0: none. `next` of a free one is the same of the one after it.
    pub fn free(&self) -> u32 {
        self.free
    }

    pub fn get(&self, index: u32) -> &Entry {
        self.entries.get(index as usize).expect("links lead to entries")
    }

    pub fn get_mut(&mut self, index: u32) -> &mut Entry {
        self.entries.get_mut(index as usize).expect("links lead to entries")
    }

    /// The entry after `index`.
    pub fn next(&self, index: u32) -> u32 {
        self.get(index).next
    }

    /// Puts a new entry between two neighbours, either of which may be [`NONE`].
    pub fn link(&mut self, pane: i64, payload: u32, previous: u32, next: u32) -> u32 {
        let entry = Entry { pane, payload, suffix: Reference::NONE, previous, next };
        let index = self.take(entry);
        if previous != NONE {
            self.get_mut(previous).next = index;
        }
        if next != NONE {
            self.get_mut(next).previous = index;
        }
        index
    }

    /// Takes an entry out of its list, and returns it.
    pub fn unlink(&mut self, index: u32) -> Entry {
        let entry = *self.get(index);
        if entry.next != NONE {
            self.get_mut(entry.next).previous = entry.previous;
        }
        if entry.previous != NONE {
            self.get_mut(entry.previous).next = entry.next;
        }
        self.get_mut(index).next = self.free;
        self.free = index + 1;
        entry
    }

    fn take(&mut self, entry: Entry) -> u32 {
        let Some(index) = self.free.checked_sub(1) else {
            assert!(self.entries.len() < (NONE - 1) as usize, "at most 2³² panes in one partition");
            self.entries.push(entry);
            return (self.entries.len() - 1) as u32;
        };
        self.free = self.get(index).next;
        *self.get_mut(index) = entry;
        index
    }
}
