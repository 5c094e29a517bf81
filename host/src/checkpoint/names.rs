//! The names within a checkpoint directory: the only place that makes and reads them.
//!
//! Nothing is ever removed whose name is not one of these.

pub(super) const LOCK: &str = "lock";
pub(super) const JOURNAL: &str = "journal";
pub(super) const FILES: &str = "files";
pub(super) const REQUESTS: &str = "requests";
pub(super) const INPUTS: &str = "inputs";
pub(super) const SAVEPOINTS: &str = "savepoints";
/// Where segments are objects: which is the first that has not been collected.
pub(super) const FLOOR: &str = "journal/first";

/// Digits of numbers in names, at least: names in order of the alphabet are in order of numbers.
const DIGITS: usize = 10;
/// Characters of a hint that reach a name.
const HINT_MAX: usize = 64;

/// `journal/0000000007.log`
pub fn segment(number: u64) -> String {
    format!("{JOURNAL}/{number:0DIGITS$}.log")
}

/// The number of a segment, from its name within the folder.
pub(super) fn segment_number(name: &str) -> Option<u64> {
    number(name.strip_suffix(".log")?).filter(|number| segment(*number).ends_with(name))
}

/// `inputs/clicks`: the folder of a source's log.
pub(super) fn input(source: &str) -> String {
    format!("{INPUTS}/{source}")
}

/// `inputs/clicks/0000000042.log`: the segment that begins with frame number 42.
pub(super) fn input_segment(source: &str, first: u64) -> String {
    format!("{INPUTS}/{source}/{first:0DIGITS$}.log")
}

/// The number of a segment's first frame, from its name within the folder.
pub(super) fn input_segment_first(name: &str) -> Option<u64> {
    segment_number(name)
}

/// `files/0000000003-0000000012-hint`
pub(super) fn file(generation: u64, count: u64, hint: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' };
    let hint: String = hint.chars().take(HINT_MAX).map(plain).collect();
    format!("{FILES}/{generation:0DIGITS$}-{count:0DIGITS$}-{hint}")
}

/// The generation that made a file, from its name within the folder.
pub(super) fn file_generation(name: &str) -> Option<u64> {
    let (generation, rest) = name.split_once('-')?;
    let (count, _) = rest.split_once('-')?;
    number(count)?;
    number(generation)
}

/// A path that a record may name.
pub(super) fn is_file(path: &str) -> bool {
    path.strip_prefix(FILES)
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|name| !name.contains('/') && file_generation(name).is_some())
}

const SAVEPOINT_SUFFIX: &str = ".savepoint";
/// Characters of a savepoint's name.
const SAVEPOINT_MAX: usize = 64;

/// `savepoints/before-2.0.savepoint`
pub(super) fn savepoint(name: &str) -> String {
    format!("{SAVEPOINTS}/{name}{SAVEPOINT_SUFFIX}")
}

/// `savepoints/.before-2.0.savepoint.417`: one that this process is writing.
pub(super) fn savepoint_draft(name: &str, pid: u32) -> String {
    format!("{SAVEPOINTS}/.{name}{SAVEPOINT_SUFFIX}.{pid}")
}

/// The name of a savepoint, from its file's name within the folder.
pub(super) fn savepoint_name(file: &str) -> Option<&str> {
    file.strip_suffix(SAVEPOINT_SUFFIX).filter(|name| is_savepoint_name(name))
}

/// Letters, digits, `-`, `_` and `.`, and a letter or a digit at first.
pub fn is_savepoint_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    begins && name.len() <= SAVEPOINT_MAX && name.bytes().all(is_plain)
}

/// `requests/0001777629600000000-00000000deadbeef`: of this time (µs), and a number that nobody else has.
pub(super) fn request(at: u64, number: u64) -> String {
    format!("{REQUESTS}/{at:019}-{number:016x}")
}

/// Whether a name within the folder is one of these.
pub(super) fn is_request(name: &str) -> bool {
    name.split_once('-').is_some_and(|(at, rest)| {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        at.len() == 19 && number(at).is_some() && rest.len() == 16 && rest.bytes().all(is_hex)
    })
}

fn number(digits: &str) -> Option<u64> {
    let is_number = digits.len() >= DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for number in [0, 7, 9_999_999_999, 10_000_000_000, u64::MAX] {
            let path = segment(number);
            assert_eq!(segment_number(path.strip_prefix("journal/").unwrap()), Some(number));
        }
        let path = file(3, 12, "Counts/of 0.arrow");
        assert_eq!(path, "files/0000000003-0000000012-counts-of-0.arrow");
        assert_eq!(file_generation(path.strip_prefix("files/").unwrap()), Some(3));
        assert!(is_file(&path));
    }

    #[test]
    fn requests_are_known_by_their_names() {
        let name = request(1_777_629_600_000_000, 0xdead_beef);
        assert_eq!(name, "requests/0001777629600000000-00000000deadbeef");
        assert!(is_request(name.strip_prefix("requests/").unwrap()));
        for foreign in ["notes.txt", "0001777629600000000-xyz", "1-00000000deadbeef", "0001777629600000000"] {
            assert!(!is_request(foreign), "{foreign}");
        }
    }

    #[test]
    fn savepoints_have_plain_names() {
        assert_eq!(savepoint_name("before-2.0.savepoint"), Some("before-2.0"));
        assert_eq!(savepoint("a"), "savepoints/a.savepoint");
        let long = "a".repeat(65);
        for foreign in ["", ".", "..", "-a", "a/b", "a b", "ä", ".a", long.as_str()] {
            assert!(!is_savepoint_name(foreign), "{foreign}");
        }
        let draft = savepoint_draft("a", 417);
        assert_eq!(savepoint_name(draft.strip_prefix("savepoints/").unwrap()), None, "a draft is no savepoint");
    }

    #[test]
    fn foreign_names_are_not_ours() {
        for name in ["7.log", "0000000007", "0000000007.log.gz", "x000000007.log", "00000000007.log", "+000000007.log"]
        {
            assert_eq!(segment_number(name), None, "{name}");
        }
        for name in ["notes.txt", "3-12-x", "0000000003-x-y", "0000000003-0000000012"] {
            assert_eq!(file_generation(name), None, "{name}");
        }
        for path in ["lock", "files/../lock", "files/a/0000000003-0000000012-x", "/files/0000000003-0000000012-x"] {
            assert!(!is_file(path), "{path}");
        }
    }
}
