//! Breaks no law of migrations. Run by tests/laws.rs.

const BUG: &str = "";

include!("parts/euros.rs");
