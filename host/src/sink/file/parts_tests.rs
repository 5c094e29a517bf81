use std::fs;

use tempfile::TempDir;

use super::*;

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn claim(directory: &Path, if_exists: IfExists) -> Result<Parts, SinkError> {
    Parts::claim(directory, ".csv".into(), if_exists)
}

fn write(parts: &mut Parts, text: &str) {
    let mut part = parts.begin().unwrap();
    part.write_all(text.as_bytes()).unwrap();
    parts.close(part).unwrap();
}

#[test]
fn a_missing_directory_is_made() {
    let root = TempDir::new().unwrap();
    let path = root.path().join("a/b/c");
    let mut parts = claim(&path, IfExists::Error).unwrap();
    write(&mut parts, "x\n");
    let summary = parts.finish(1).unwrap();
    assert_eq!(names(&path), ["part-00000.csv"]);
    assert_eq!(summary.bytes, 2);
}

#[test]
fn nothing_is_visible_before_it_is_whole_and_nothing_stays_when_dropped() {
    let root = TempDir::new().unwrap();
    let mut parts = claim(root.path(), IfExists::Error).unwrap();
    let mut part = parts.begin().unwrap();
    part.write_all(b"half a ro").unwrap();
    assert!(names(root.path()).iter().all(|name| name.starts_with(".part-00000.csv.tmp-")));
    drop((part, parts));
    assert_eq!(names(root.path()), [""; 0]);
}

#[test]
fn temp_files_of_a_killed_run_are_removed_and_no_others() {
    let root = TempDir::new().unwrap();
    for name in [".part-00003.csv.gz.tmp-77", ".part-x.csv.tmp-77", "notes.txt", ".part-00003.csv.tmp-", ".hidden"] {
        fs::write(root.path().join(name), "x").unwrap();
    }
    drop(claim(root.path(), IfExists::Error).unwrap());
    assert_eq!(names(root.path()), [".hidden", ".part-00003.csv.tmp-", ".part-x.csv.tmp-77", "notes.txt"]);
}

#[test]
fn earlier_parts_of_any_kind_are_an_error() {
    for name in ["part-00000.csv", "part-00007.parquet", "part-00000-c000.snappy.parquet"] {
        let root = TempDir::new().unwrap();
        fs::write(root.path().join(name), "x").unwrap();
        let error = claim(root.path(), IfExists::Error).unwrap_err();
        assert!(matches!(&error, SinkError::Exists { file, .. } if file == name), "{error}");
    }
}

#[test]
fn replace_keeps_the_old_parts_until_the_new_are_whole() {
    let root = TempDir::new().unwrap();
    for name in ["part-00000.csv", "part-00001.csv", "part-00000.parquet"] {
        fs::write(root.path().join(name), "old").unwrap();
    }
    let mut parts = claim(root.path(), IfExists::Replace).unwrap();
    write(&mut parts, "new");
    assert_eq!(fs::read(root.path().join("part-00000.csv")).unwrap(), b"old");
    parts.finish(1).unwrap();
    assert_eq!(names(root.path()), ["part-00000.csv"]);
    assert_eq!(fs::read(root.path().join("part-00000.csv")).unwrap(), b"new");
}

#[test]
fn replace_dropped_before_its_end_leaves_the_old_parts_as_they_were() {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("part-00000.csv"), "old").unwrap();
    let mut parts = claim(root.path(), IfExists::Replace).unwrap();
    write(&mut parts, "new");
    drop(parts);
    assert_eq!(names(root.path()), ["part-00000.csv"]);
    assert_eq!(fs::read(root.path().join("part-00000.csv")).unwrap(), b"old");
}

#[test]
fn replace_does_not_touch_parts_that_are_not_ours() {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("part-00000-c000.csv"), "theirs").unwrap();
    assert!(matches!(claim(root.path(), IfExists::Replace), Err(SinkError::Exists { .. })));
    assert_eq!(names(root.path()), ["part-00000-c000.csv"]);
}

#[test]
fn a_second_writer_is_refused_while_the_first_lives() {
    let root = TempDir::new().unwrap();
    let mut first = claim(root.path(), IfExists::Error).unwrap();
    let part = first.begin().unwrap();
    assert!(matches!(claim(root.path(), IfExists::Error), Err(SinkError::Busy { .. })));
    assert_eq!(names(root.path()).len(), 1, "the living temp file stays");
    drop((part, first));
    claim(root.path(), IfExists::Error).unwrap();
}

#[test]
fn a_path_that_is_a_file_is_an_error_that_names_it() {
    let root = TempDir::new().unwrap();
    let path = root.path().join("out");
    fs::write(&path, "x").unwrap();
    let error = claim(&path, IfExists::Error).unwrap_err();
    assert!(error.to_string().ends_with("/out"), "{error}");
}

#[test]
fn a_part_that_appeared_meanwhile_is_not_overwritten() {
    let root = TempDir::new().unwrap();
    let mut parts = claim(root.path(), IfExists::Error).unwrap();
    let part = parts.begin().unwrap();
    fs::write(root.path().join("part-00000.csv"), "theirs").unwrap();
    assert!(matches!(parts.close(part), Err(SinkError::Exists { .. })));
    drop(parts);
    assert_eq!(names(root.path()), ["part-00000.csv"]);
    assert_eq!(fs::read(root.path().join("part-00000.csv")).unwrap(), b"theirs");
}

#[test]
fn an_unwritable_directory_is_an_error_that_names_it() {
    // No file can be made in /proc, not even by root.
    let error = claim(Path::new("/proc/self/out"), IfExists::Error).unwrap_err();
    assert!(error.to_string().contains("/proc/self/out"), "{error}");
}
