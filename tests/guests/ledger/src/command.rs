//! What a row says.

/// `tests/keyed/oracle.rs` states the same again, in other words. `x` is the row's amount.
#[derive(Debug, Clone, Copy)]
pub enum Command {
    /// Adds `x` to the total, and emits it.
    Add,
    /// Drops the total.
    Drop,
    /// Appends `x` to the list.
    Push,
    /// Deletes the element with number `x` from the list.
    Pull,
    /// Emits the sum of the list from number `x` on.
    Sum,
    /// Puts `x` into the map, under `x mod 5`.
    Put,
    /// Deletes what the map has under `x mod 5`.
    Remove,
    /// Emits how many rows the map has under 1 up to (without) 4, and their sum.
    Some,
    /// Sets the timer `x mod 3` for the row's time + `x`.
    Set,
    /// Sets the same, but for a time that has always passed.
    SetPast,
    /// Clears the timer `x mod 3`.
    Clear,
    /// Is rejected.
    Reject,
}

impl Command {
    pub fn read(text: &str) -> Option<Self> {
        Some(match text {
            "add" => Self::Add,
            "drop" => Self::Drop,
            "push" => Self::Push,
            "pull" => Self::Pull,
            "sum" => Self::Sum,
            "put" => Self::Put,
            "remove" => Self::Remove,
            "some" => Self::Some,
            "set" => Self::Set,
            "set-past" => Self::SetPast,
            "clear" => Self::Clear,
            "reject" => Self::Reject,
            _ => return None,
        })
    }
}
