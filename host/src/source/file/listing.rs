//! Which files a source reads, in canonical order.
//!
//! Called once when a source is opened: globs and directories become a sorted list. Invariant: the order depends on names
//! alone, since it is the order of all rows.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use globset::{GlobBuilder, GlobMatcher};
use pelton_core::checkpoint::record::{FileRecord, Growth, Position};

use crate::source::SourceError;

/// A file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    pub path: PathBuf,
    /// Its path as the job file would name it: for errors and `_file`.
    pub name: Arc<str>,
    /// Its size when it was listed, or where the part ends that this is. What is added later is not read.
    pub bytes: u64,
    /// Of a part of a file that grows.
    pub growth: Option<Growth>,
}

/// Whether a file of this name is known.
pub type Known<'a> = &'a dyn Fn(&str) -> bool;

impl ListedFile {
    pub fn record(&self) -> FileRecord {
        FileRecord { name: self.name.to_string(), bytes: self.bytes, growth: self.growth }
    }
}

impl AsMut<Self> for ListedFile {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

/// The files that `paths` name, relative to `base`, sorted by name. Directories stand for all files below them, but those whose
/// name, or whose directory's, begins with `.` or `_`; globs know `*`, `?`, `[…]`, `{a,b}` and `**`.
pub fn list(paths: &[String], base: &Path) -> Result<Vec<ListedFile>, SourceError> {
    walk(paths, base, None)
}

/// The same, but for the files that are known, which are not looked at. There may be none.
pub fn list_new(paths: &[String], base: &Path, known: Known<'_>) -> Result<Vec<ListedFile>, SourceError> {
    walk(paths, base, Some(known))
}

fn walk(paths: &[String], base: &Path, known: Option<Known<'_>>) -> Result<Vec<ListedFile>, SourceError> {
    let mut found = BTreeMap::new();
    for path in paths {
        let before = found.len();
        let mut walk = Walk { found: &mut found, matches: 0, known };
        let full = base.join(path);
        match fs::metadata(&full) {
            Ok(metadata) if metadata.is_dir() => walk.directory(&full, path.trim_end_matches('/'), None)?,
            Ok(metadata) if metadata.is_file() && walk.is_known(path) => {}
            Ok(metadata) if metadata.is_file() => walk.add(full, path.clone(), metadata.len()),
            Ok(_) => return Err(failed("read", path)(io::Error::other("it is neither a file nor a directory"))),
            Err(_) if is_glob(path) => walk.glob(path, base)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("read", path)(error)),
        }
        if walk.matches == 0 && before == found.len() && known.is_none() {
            return Err(SourceError::NoFile { path: path.clone() });
        }
    }
    Ok(found.into_values().collect())
}

/// The files of an earlier run that had come to `from`, in their order and as long as they were, and then those that are new.
/// A file that has been read to its end may be gone.
pub fn resumed<T>(listed: Vec<T>, known: &[FileRecord], from: &Position) -> Result<Vec<T>, SourceError>
where
    T: AsMut<ListedFile> + From<ListedFile>,
{
    if let Some(record) = known.iter().find(|record| record.growth.is_some()) {
        return Err(SourceError::OtherTail { file: record.name.clone() });
    }
    let mut listed: Vec<Option<T>> = listed.into_iter().map(Some).collect();
    let mut at: HashMap<Arc<str>, usize> = HashMap::new();
    for (index, file) in listed.iter_mut().enumerate() {
        at.extend(file.as_mut().map(|file| (Arc::clone(&file.as_mut().name), index)));
    }
    let wanted = match from {
        Position::Start => 0,
        Position::Range { partition, .. } => *partition as usize,
        Position::End => known.len(),
    };
    let mut files = Vec::with_capacity(listed.len().max(known.len()));
    for (number, record) in known.iter().enumerate() {
        let found = at.get(record.name.as_str()).and_then(|index| listed.get_mut(*index)?.take());
        let moved = |now: String| SourceError::Moved { file: record.name.clone(), now };
        files.push(match found {
            Some(mut file) => {
                let now = std::mem::replace(&mut file.as_mut().bytes, record.bytes);
                if now < record.bytes && number >= wanted {
                    return Err(moved(format!("shorter now: {now} of {} bytes", record.bytes)));
                }
                file
            }
            None if number >= wanted => return Err(moved("not there any more".to_owned())),
            // Nothing of it will be read.
            None => {
                let name = Arc::from(record.name.as_str());
                T::from(ListedFile { path: PathBuf::new(), name, bytes: record.bytes, growth: None })
            }
        });
    }
    files.extend(listed.into_iter().flatten());
    Ok(files)
}

fn failed(action: &'static str, file: &str) -> impl FnOnce(io::Error) -> SourceError {
    move |source| SourceError::Io { action, file: file.to_owned(), source }
}

fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

/// Collects files by their paths.
struct Walk<'a> {
    found: &'a mut BTreeMap<String, ListedFile>,
    matches: usize,
    /// Names of files that are passed over.
    known: Option<Known<'a>>,
}

/// Names that a glob takes.
struct Pattern {
    matcher: GlobMatcher,
    /// Its last part asks for hidden names itself.
    hidden: bool,
}

impl Walk<'_> {
    fn is_known(&self, name: &str) -> bool {
        self.known.is_some_and(|known| known(name))
    }

    fn add(&mut self, path: PathBuf, name: String, bytes: u64) {
        self.matches += 1;
        let file = ListedFile { path, name: Arc::from(name.as_str()), bytes, growth: None };
        self.found.insert(name, file);
    }

    fn glob(&mut self, pattern: &str, base: &Path) -> Result<(), SourceError> {
        let matcher = GlobBuilder::new(pattern)
            .literal_separator(true)
            .build()
            .map_err(|error| SourceError::Glob { path: pattern.to_owned(), reason: error.kind().to_string() })?;
        // Everything it takes is below the parts before its first wildcard.
        let wild = pattern.find(['*', '?', '[', '{']).unwrap_or(pattern.len());
        let fixed = pattern.get(..wild).unwrap_or_default();
        let root = fixed.rfind('/').and_then(|slash| pattern.get(..=slash)).unwrap_or_default();
        let last = pattern.rsplit('/').next().unwrap_or_default();
        let pattern = Pattern { matcher: matcher.compile_matcher(), hidden: last.starts_with(['.', '_']) };
        let directory = base.join(root);
        // A job file in the current directory has an empty path, which is no directory.
        let directory = if directory.as_os_str().is_empty() { PathBuf::from(".") } else { directory };
        if !directory.is_dir() {
            return Ok(());
        }
        let name = if root == "/" { root } else { root.trim_end_matches('/') };
        self.directory(&directory, name, Some(&pattern))
    }

    /// All files below `directory`, which people call `name`, that the pattern takes.
    fn directory(&mut self, directory: &Path, name: &str, pattern: Option<&Pattern>) -> Result<(), SourceError> {
        for entry in fs::read_dir(directory).map_err(failed("list", name))? {
            let entry = entry.map_err(failed("list", name))?;
            let Ok(file_name) = entry.file_name().into_string() else {
                return Err(failed("list", name)(io::Error::other("a file's name is not UTF-8")));
            };
            let separator = if name.is_empty() || name.ends_with('/') { "" } else { "/" };
            let child = format!("{name}{separator}{file_name}");
            let hidden = file_name.starts_with(['.', '_']);
            // Links to directories are not followed: they may lead in circles.
            if entry.file_type().map_err(failed("read", &child))?.is_dir() {
                if !hidden {
                    self.directory(&entry.path(), &child, pattern)?;
                }
                continue;
            }
            let taken = match pattern {
                Some(pattern) => (pattern.hidden || !hidden) && pattern.matcher.is_match(&child),
                None => !hidden,
            };
            // A directory of many files that have been read costs no look at each of them.
            if taken && !self.is_known(&child) {
                let metadata = match fs::metadata(entry.path()) {
                    // Who looks again and again finds names that are gone a moment later.
                    Err(error) if error.kind() == io::ErrorKind::NotFound && self.known.is_some() => continue,
                    metadata => metadata.map_err(failed("read", &child))?,
                };
                if metadata.is_file() {
                    self.add(entry.path(), child, metadata.len());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_beside_a_job_file_in_the_current_directory_finds_its_files() {
        let found = list(&["Cargo.*".to_owned()], Path::new("")).expect("the crate's own manifest");
        assert_eq!(found.iter().map(|file| file.name.as_ref()).collect::<Vec<_>>(), ["Cargo.toml"]);
    }

    fn names(paths: &[&str]) -> Result<Vec<String>, SourceError> {
        let base = tempfile::tempdir().expect("a directory");
        for file in
            ["b.csv", "a.csv", "a.txt", ".hidden.csv", "sub/c.csv", "sub/_tmp/d.csv", "sub/deep/e.csv", "sub/_f.csv"]
        {
            let path = base.path().join(file);
            fs::create_dir_all(path.parent().expect("in base")).expect("a directory");
            fs::write(path, file).expect("a file");
        }
        fs::create_dir(base.path().join("empty")).expect("a directory");
        let paths: Vec<String> = paths.iter().map(|p| (*p).to_owned()).collect();
        let files = list(&paths, base.path())?;
        assert!(
            files.iter().all(|f| f.bytes == f.name.len() as u64 - u64::from(f.name.starts_with("./")) * 2),
            "{files:?}"
        );
        Ok(files.iter().map(|f| f.name.to_string()).collect())
    }

    #[test]
    fn files_are_listed_in_order_of_their_names() {
        assert_eq!(names(&["b.csv", "a.csv"]).expect("listed"), ["a.csv", "b.csv"]);
        assert_eq!(names(&["*.csv"]).expect("listed"), ["a.csv", "b.csv"]);
        assert_eq!(names(&["**/*.csv"]).expect("listed"), ["a.csv", "b.csv", "sub/c.csv", "sub/deep/e.csv"]);
        assert_eq!(names(&["sub/**/*.csv"]).expect("listed"), ["sub/c.csv", "sub/deep/e.csv"]);
        assert_eq!(names(&["{a,b}.[ct]*"]).expect("listed"), ["a.csv", "a.txt", "b.csv"]);
        assert_eq!(names(&["sub/*/?.csv"]).expect("listed"), ["sub/deep/e.csv"]);
    }

    #[test]
    fn directories_stand_for_what_is_not_hidden_in_them() {
        assert_eq!(names(&["sub"]).expect("listed"), ["sub/c.csv", "sub/deep/e.csv"]);
        assert_eq!(names(&["sub/", "sub/c.csv"]).expect("listed"), ["sub/c.csv", "sub/deep/e.csv"]);
        assert_eq!(names(&["sub/_*.csv"]).expect("listed"), ["sub/_f.csv"]);
        assert_eq!(names(&[".hidden.csv"]).expect("listed"), [".hidden.csv"]);
    }

    #[test]
    fn each_path_must_match_something() {
        for path in ["c.csv", "*.parquet", "empty", "nowhere/*.csv", "nowhere/**"] {
            match names(&["a.csv", path]) {
                Err(SourceError::NoFile { path: missing }) => assert_eq!(missing, path),
                other => panic!("{path}: {other:?}"),
            }
        }
        assert!(matches!(names(&["a{b.csv"]), Err(SourceError::Glob { .. })));
    }
}
