//! The name that someone probably meant, for messages about columns, options and ports.

/// A sentence that names the nearest of `names`, or lists them all when none is near.
pub fn suggest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let near = names
        .iter()
        .map(|name| (distance(wanted, name), *name))
        .filter(|(distance, name)| *distance <= wanted.chars().count().max(name.chars().count()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance);
    match near {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None if names.is_empty() => "there are none".to_owned(),
        None => format!("there is {}", list(&names)),
    }
}

/// Names as people list them: `a`, `b` and `c`; at most twenty.
fn list(names: &[&str]) -> String {
    const SHOWN_MAX: usize = 20;
    let quoted: Vec<String> = names.iter().take(SHOWN_MAX).map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) if names.len() <= SHOWN_MAX => format!("{} and {last}", rest.join(", ")),
        _ => format!("{} and {} more", quoted.join(", "), names.len().saturating_sub(SHOWN_MAX)),
    }
}

/// Levenshtein's distance, blind to case: the letters to insert, delete or replace.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().flat_map(char::to_lowercase).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.chars().flat_map(char::to_lowercase).enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        let mut next = vec![before];
        for (other, above) in right.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(*other != letter);
            diagonal = *above;
            before = replaced.min(above + 1).min(before + 1);
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits() {
        for (left, right, want) in
            [("", "abc", 3), ("price", "Price", 0), ("pirce", "price", 2), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(left, right), want, "{left} {right}");
        }
    }

    #[test]
    fn the_nearest_name_is_suggested_and_far_ones_are_listed() {
        assert_eq!(suggest("prise", ["auction", "price"]), "did you mean `price`?");
        assert_eq!(suggest("zebra", ["auction", "price"]), "there is `auction` and `price`");
        assert_eq!(suggest("zebra", ["auction"]), "there is `auction`");
        assert_eq!(suggest("zebra", []), "there are none");
        let many: Vec<String> = (0..30).map(|i| format!("column-{i}")).collect();
        assert!(suggest("zebra", many.iter().map(String::as_str)).ends_with("`column-19` and 10 more"));
    }
}
