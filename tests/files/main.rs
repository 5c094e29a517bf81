//! Files that come and grow, and files that are closed by their age, through the real binary: killed at random instants and at fail points, started
//! again, and compared with what was put in.
//!
//! What a job writes is compared as the rows of all its parts together, since the parts depend on the time at which it was killed.

mod columns;
mod place;
mod rolled;
mod tailed;
