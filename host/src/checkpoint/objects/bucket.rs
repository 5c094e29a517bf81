//! What the protocol asks of a bucket, so that a faulty one can take its place: objects that are written whole, and conditions.
//!
//! [`Remote`](super::remote::Remote) is any `object_store`; tests put faults before it. Invariant: an answer says what has happened, or says that it
//! does not know ([`Failure::Unclear`]); [`super::put`] makes the one of the other by reading back.

use std::{error::Error, io};

use object_store::UpdateVersion;

/// What an object must be for a request to change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// It is not there.
    Nothing,
    /// It is this version of it.
    Version(UpdateVersion),
}

/// An object that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub bytes: Vec<u8>,
    pub version: UpdateVersion,
}

/// Why something was not done, as far as anybody can tell.
#[derive(Debug)]
pub enum Failure {
    /// The object is not what it must be: nothing was changed by the request that says so.
    Conflict,
    /// The store refuses, and will refuse again: no rights, no bucket.
    Refused(io::Error),
    /// No answer, or one that does not tell whether it was done.
    Unclear(Box<dyn Error + Send + Sync>),
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Conflict => io::ErrorKind::AlreadyExists.into(),
            Failure::Refused(error) => error,
            Failure::Unclear(error) => Self::other(error),
        }
    }
}

/// A bucket. Keys are whole; what is read after a write has it, but for what `list` says.
pub trait Bucket: Send + Sync {
    /// Writes an object, if it is what it must be before.
    fn put(&self, key: &str, bytes: &[u8], before: &Before) -> Result<UpdateVersion, Failure>;

    /// The object, of at most so many bytes; none: it is not there.
    fn get(&self, key: &str, bytes_max: u64) -> Result<Option<Found>, Failure>;

    /// Several at once, in their order.
    fn get_all(&self, keys: &[String], bytes_max: u64) -> Result<Vec<Option<Found>>, Failure>;

    fn exists(&self, key: &str) -> Result<bool, Failure>;

    /// The names in a folder, as far as the store knows them by now.
    fn list(&self, prefix: &str) -> Result<Vec<String>, Failure>;

    /// Removes objects, in any order; some may be gone.
    fn remove(&self, keys: &[String]) -> Result<(), Failure>;
}
