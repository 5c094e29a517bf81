//! Splits lines of text into words, one row for each.
//!
//! A flat-map: the function returns an iterator, and every item becomes a row. The words borrow from the line, so that
//! none is allocated. `place` tells the words of one line apart.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Line<'a> {
    line: &'a str,
}

#[derive(Row)]
struct Word<'a> {
    place: u32,
    word: &'a str,
}

#[derive(Options)]
struct Options {
    /// Words of fewer characters are left out, and their places with them.
    #[default(1)]
    shortest: u32,
}

/// The words of each line: letters, digits, and what joins them within (`don't`, `well-known`).
#[transform(drop = ["line"])]
fn split<'a>(line: Line<'a>, options: &Options) -> impl Iterator<Item = Word<'a>> {
    let shortest = options.shortest as usize;
    line.line
        .split(|letter: char| !letter.is_alphanumeric() && !joins(letter))
        .map(|word| word.trim_matches(joins))
        .filter(|word| !word.is_empty())
        .zip(1..)
        .filter(move |(word, _)| word.chars().count() >= shortest)
        .map(|(word, place)| Word { place, word })
}

/// Characters that belong to a word when they stand between its letters.
fn joins(letter: char) -> bool {
    matches!(letter, '\'' | '’' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_numbered_within_their_line() {
        let out = split
            .options(options! {})
            .test(rows! { _offset: [0_u64, 14, 15], line: ["To be, or not!", "", "—to be—"] });
        assert_eq!(
            out.main(),
            &rows! {
                _offset: [0_u64, 0, 0, 0, 15, 15],
                place: [1_u32, 2, 3, 4, 1, 2],
                word: ["To", "be", "or", "not", "to", "be"],
            }
        );
    }

    #[test]
    fn joined_words_stay_whole_and_quotes_fall_off() {
        let out = split.options(options! {}).test(rows! { line: ["'Don't' say well-known -- größer"] });
        assert_eq!(out.main().column::<String>("word"), ["Don't", "say", "well-known", "größer"]);
    }

    #[test]
    fn short_words_leave_a_gap_in_the_places() {
        let out = split.options(options! { shortest: 3 }).test(rows! { line: ["it was the best"] });
        assert_eq!(out.main(), &rows! { place: [2_u32, 3, 4], word: ["was", "the", "best"] });
    }
}
