//! Breaks `migrate-twice`: rows are numbered. Run by tests/laws.rs.

const BUG: &str = "migrate-twice";

include!("parts/euros.rs");
