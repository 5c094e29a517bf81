//! Breaks `migrate-split`: a row takes something of the one before it. Run by tests/laws.rs.

const BUG: &str = "migrate-split";

include!("parts/euros.rs");
