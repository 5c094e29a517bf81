//! The `postgres` sink against a real server, through the real binary.
//!
//! ```text
//!  kills    pelton and the server, killed at fail points and at random instants; two processes on one job
//!  fits     tables that fit and that do not; rows that the server refuses
//!  types    every type of ours, there and back
//!  secure   TLS and passwords
//!  example  examples/orders-to-postgres
//! ```
//!
//! Each test has a server of its own, of PostgreSQL as `tests/debian.sh` finds or unpacks it. `make test-postgres` runs the long form.

mod example;
mod fits;
mod kills;
mod place;
mod secure;
mod server;
mod types;
