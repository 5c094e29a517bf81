//! Row formats: files cut into ranges of whole rows.
pub struct FileRange; pub struct BytesRange;
