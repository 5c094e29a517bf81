//! Breaks `migrates`: it does not take what the version before has kept. Run by tests/laws.rs.

const BUG: &str = "migrates";

include!("parts/euros.rs");
