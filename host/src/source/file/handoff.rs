//! Where one range's last row ends and the next range's first row begins.
//!
//! A newline inside quotes ends no row, and whether a byte is inside quotes depends on all bytes before it. So a decoder
//! guesses where its first row begins, decodes, and then asks its predecessor, which knows:
//!
//! ```text
//!  range 0   decode ── tell 524,301 ─►
//!  range 1   guess 524,301, decode ── ask ── as guessed: emit ── tell 1,048,590 ─►
//!  range 2   guess 1,048,577, decode ────────── ask ── wrong: decode again from 1,048,590, emit ── tell …
//! ```
//!
//! Ranges are claimed in order, so whoever waits, waits for one that runs or has run. Invariant: everyone who
//! waits gets an answer: a range that fails says so when its [`Teller`] is dropped, one that is never decoded when it is
//! dropped itself.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// What is known about the end of one range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Its last row ends here; the next row begins.
    Ends(u64),
    /// Its decoder failed or was stopped.
    Failed,
    /// It was never decoded.
    Unread,
}

/// One range's answer, now or later.
#[derive(Debug, Default)]
struct Boundary {
    answer: Mutex<Option<Answer>>,
    known: Condvar,
}

impl Boundary {
    fn answer(&self) -> Option<Answer> {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        self.known.notify_all();
    }

    fn wait(&self) -> Answer {
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match *answer {
                Some(answer) => return answer,
                None => answer = self.known.wait(answer).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// A range's ties to the ranges before and behind it.
#[derive(Debug)]
pub struct Handoff {
    before: Arc<Boundary>,
    own: Arc<Boundary>,
}

impl Handoff {
    /// Of a file's first range, whose rows begin at `start`.
    pub fn first(start: u64) -> Self {
        let before = Boundary { answer: Mutex::new(Some(Answer::Ends(start))), known: Condvar::new() };
        Self { before: Arc::new(before), own: Arc::default() }
    }

    /// Of the range behind this one.
    pub fn next(&self) -> Self {
        Self { before: Arc::clone(&self.own), own: Arc::default() }
    }

    /// Somebody who only wants to know where the range begins.
    pub fn watch(&self) -> Self {
        Self { before: Arc::clone(&self.before), own: Arc::default() }
    }

    /// The predecessor's answer, if it is known by now.
    pub fn answer(&self) -> Option<Answer> {
        self.before.answer()
    }

    /// Waits for the predecessor.
    pub fn wait(&self) -> Answer {
        self.before.wait()
    }

    /// Must be taken before decoding, so that a failure is told.
    pub fn teller(&self) -> Teller<'_> {
        Teller { boundary: Some(&self.own) }
    }
}

impl Drop for Handoff {
    fn drop(&mut self) {
        let mut answer = self.own.answer.lock().unwrap_or_else(PoisonError::into_inner);
        if answer.is_none() {
            *answer = Some(Answer::Unread);
            self.own.known.notify_all();
        }
    }
}

/// Tells the next range where this one ends, or that it failed.
#[derive(Debug)]
pub struct Teller<'a> {
    boundary: Option<&'a Boundary>,
}

impl Teller<'_> {
    pub fn tell(mut self, end: u64) {
        if let Some(boundary) = self.boundary.take() {
            boundary.set(Answer::Ends(end));
        }
    }
}

impl Drop for Teller<'_> {
    fn drop(&mut self) {
        // An earlier answer stays true when the range is decoded once more.
        if let Some(boundary) = self.boundary
            && !matches!(boundary.answer(), Some(Answer::Ends(_)))
        {
            boundary.set(Answer::Failed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_range_hears_where_it_begins() {
        let first = Handoff::first(7);
        let second = first.next();
        assert_eq!((first.wait(), second.answer()), (Answer::Ends(7), None));
        let third = second.next();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| second.wait());
            first.teller().tell(42);
            assert_eq!(waiting.join().expect("no panic"), Answer::Ends(42));
        });
        drop(second.teller());
        assert_eq!(third.wait(), Answer::Failed);
    }

    #[test]
    fn a_range_that_was_dropped_says_so() {
        let first = Handoff::first(0);
        let second = first.next();
        drop(first);
        assert_eq!(second.wait(), Answer::Unread);
    }

    #[test]
    fn decoding_again_does_not_take_an_answer_back() {
        let first = Handoff::first(0);
        let second = first.next();
        first.teller().tell(9);
        drop(first.teller());
        drop(first);
        assert_eq!(second.wait(), Answer::Ends(9));
    }
}
