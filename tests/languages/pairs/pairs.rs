//! Each row of a key on the left with each on the right: sides without rows, nulls, and rows of both sides that are refused.
use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    #[default(100)]
    most: i64,
}

#[derive(Row)]
struct User<'a> {
    user: &'a str,
}

#[derive(Row)]
struct Number {
    n: Option<i64>,
}

#[derive(Row)]
struct Word<'a> {
    word: &'a str,
    x: Option<f64>,
}

#[derive(Row)]
struct Told {
    n: i64,
    word: String,
    x: Option<f64>,
}

#[cogroup]
fn pairs(user: User<'_>, numbers: Group<Number>, words: Group<Word<'_>>, out: &mut Joined<Told>, options: &Options) {
    let (numbers, words): (Vec<_>, Vec<_>) = (numbers.collect(), words.collect());
    for word in words.iter().filter(|word| word.word == "bad") {
        out.reject(word, format!("{} is bad", user.user));
    }
    let (mut sum, mut made) = (0, 0);
    for number in &numbers {
        let Some(n) = number.n else {
            out.reject(number, format!("{} has no number", user.user));
            continue;
        };
        sum += n;
        for word in words.iter().filter(|word| word.word != "bad") {
            if made < options.most {
                out.emit(Told { n, word: word.word.to_owned(), x: word.x });
                made += 1;
            }
        }
    }
    if words.is_empty() || numbers.is_empty() {
        let alone = if words.is_empty() { "left alone" } else { "right alone" };
        out.emit(Told { n: sum, word: alone.to_owned(), x: None });
    }
}
