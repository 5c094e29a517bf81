//! What the files of a source are. (Placeholder until the listing lands.)

use std::{path::PathBuf, sync::Arc};

#[derive(Debug, Clone)]
pub struct ListedFile {
    pub path: PathBuf,
    pub name: Arc<str>,
    pub bytes: u64,
}
