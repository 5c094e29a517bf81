//! Breaks `goes-on`: what it has migrated it cannot read. Run by tests/laws.rs.

const BUG: &str = "goes-on";

include!("parts/euros.rs");
