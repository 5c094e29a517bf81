//! "Did you mean …?"

use strsim::damerau_levenshtein;

/// Longer names are not compared: they come from no one's typing.
const BYTES_MAX: usize = 64;
/// Candidates that are looked at, so that a hostile file costs little.
const CANDIDATES_MAX: usize = 1_000;

/// The candidate that is most like `name`, if one is like it at all: a third of its letters may differ, or one is the
/// beginning of the other.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > BYTES_MAX {
        return None;
    }
    let wanted = normal(name);
    let distance = |candidate: &str| {
        let candidate = normal(candidate);
        let begins = wanted.len() >= 3 && candidate.len() >= 3;
        if begins && (candidate.starts_with(&wanted) || wanted.starts_with(&candidate)) {
            return 1;
        }
        damerau_levenshtein(&wanted, &candidate)
    };
    candidates
        .into_iter()
        .take(CANDIDATES_MAX)
        .filter(|candidate| candidate.len() <= BYTES_MAX)
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(name.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Case and the kind of dash are how people differ, not what they mean.
fn normal(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_are_recognised_and_other_names_are_not() {
        let keys = ["path", "format", "max-row-bytes", "on-bad-row"];
        for (name, expected) in [
            ("foramt", Some("format")),
            ("paths", Some("path")),
            ("Path", Some("path")),
            ("max_row_bytes", Some("max-row-bytes")),
            ("max-row", Some("max-row-bytes")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, keys), expected, "{name}");
        }
    }
}
