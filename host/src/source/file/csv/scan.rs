//! Row ends, found in bytes that come in pieces and are not kept.
//!
//! Called for rows that are too long to hold, and for streams that are cut into ranges. It takes the same turns as
//! [`super::row::Fields::read`], but keeps a state where that needs the whole row; the tests hold one against the other.

use memchr::{memchr, memchr2};
use pelton_core::job::CsvDialect;

use super::row::is_blank;

/// Between two bytes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    RowStart,
    FieldStart,
    Plain,
    Quoted,
    /// Behind an escape byte in a quoted field.
    Escaped,
    /// Behind a quote in a quoted field: closed, unless another one follows.
    Closed,
    /// In a comment.
    Comment,
}

/// Finds row ends; begins at a row's start.
#[derive(Debug, Clone)]
pub struct RowScanner {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    comment: Option<u8>,
    trim: bool,
    state: State,
}

impl RowScanner {
    pub fn new(dialect: &CsvDialect) -> Self {
        Self {
            delimiter: dialect.delimiter,
            quote: dialect.quote,
            escape: dialect.escape.filter(|e| Some(*e) != dialect.quote),
            comment: dialect.comment,
            trim: dialect.trim,
            state: State::RowStart,
        }
    }

    /// Where the row at hand ends (behind its newline), if it does so in `bytes`, which follow those of the last
    /// call. Blank lines and comments count as rows here. After `Some` the next row begins.
    pub fn next_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..)?;
            // Skip what does not change the state.
            at += match self.state {
                State::Plain => memchr2(self.delimiter, b'\n', rest)?,
                State::Quoted => self.leaving_quotes(rest)?,
                State::Comment => memchr(b'\n', rest)?,
                State::RowStart | State::FieldStart | State::Escaped | State::Closed => 0,
            };
            self.state = self.after(*bytes.get(at)?);
            at += 1;
            if self.state == State::RowStart {
                return Some(at);
            }
        }
    }

    fn leaving_quotes(&self, rest: &[u8]) -> Option<usize> {
        match self.escape {
            Some(escape) => memchr2(self.quote?, escape, rest),
            None => memchr(self.quote?, rest),
        }
    }

    /// The state behind `byte`.
    fn after(&self, byte: u8) -> State {
        match self.state {
            State::RowStart if Some(byte) == self.comment => State::Comment,
            State::RowStart | State::FieldStart => {
                if Some(byte) == self.quote {
                    State::Quoted
                } else if self.trim && is_blank(byte) && byte != self.delimiter {
                    State::FieldStart
                } else {
                    self.outside(byte)
                }
            }
            State::Plain => self.outside(byte),
            State::Comment if byte == b'\n' => State::RowStart,
            State::Comment => State::Comment,
            State::Quoted if Some(byte) == self.quote => State::Closed,
            State::Quoted if Some(byte) == self.escape => State::Escaped,
            State::Quoted | State::Escaped => State::Quoted,
            State::Closed if Some(byte) == self.quote => State::Quoted,
            State::Closed => self.outside(byte),
        }
    }

    fn outside(&self, byte: u8) -> State {
        if byte == b'\n' {
            State::RowStart
        } else if byte == self.delimiter {
            State::FieldStart
        } else {
            State::Plain
        }
    }
}
