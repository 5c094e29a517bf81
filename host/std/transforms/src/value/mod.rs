//! Single values as text, and back: numbers, dates and times.

pub mod number;
pub mod time;
