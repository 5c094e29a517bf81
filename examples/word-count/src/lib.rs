//! Lines to words in lower case, one row each. Counting them is `std:count`'s.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Line<'a> {
    line: &'a str,
}

#[derive(Row)]
struct Word {
    word: String,
}

/// Runs of letters and digits, in lower case.
#[transform(drop = ["line"])]
fn words<'a>(line: Line<'a>) -> impl Iterator<Item = Word> + use<'a> {
    let words = line.line.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(|word| Word { word: word.to_lowercase() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_lower_case_and_keep_the_time_of_their_line() {
        let out = words.test(rows! { at: [7, 8], line: ["The ferry, the bell!", "--"] });
        assert_eq!(out.main(), &rows! { at: [7, 7, 7, 7], word: ["the", "ferry", "the", "bell"] });
    }
}
