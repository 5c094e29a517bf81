//! Sums, means and the first word of each group: nulls, text and numbers that are kept; groups that are dropped and refused.
use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    #[default(1)]
    scale: i64,
}

#[derive(Row)]
struct Read<'a> {
    n: Option<i64>,
    x: f64,
    word: Option<&'a str>,
}

#[derive(Accumulator, Default)]
struct Total {
    rows: i64,
    sum: i64,
    numbers: i64,
    total: f64,
    word: Option<String>,
}

#[derive(Row)]
struct Made {
    sum: i64,
    mean: Option<f64>,
    total: f64,
    word: Option<String>,
}

impl Total {
    fn keep(&mut self, word: Option<&str>) {
        if let Some(word) = word.filter(|word| self.word.as_deref().is_none_or(|kept| *word < kept)) {
            self.word = Some(word.to_owned());
        }
    }
}

#[aggregate]
impl Total {
    fn add(&mut self, row: Read<'_>, options: &Options) {
        self.rows += 1;
        self.total += row.x;
        if let Some(n) = row.n {
            self.sum += n * options.scale;
            self.numbers += 1;
        }
        self.keep(row.word);
    }

    fn merge(&mut self, later: Self) {
        self.rows += later.rows;
        self.sum += later.sum;
        self.numbers += later.numbers;
        self.total += later.total;
        self.keep(later.word.as_deref());
    }

    fn finish(self) -> Result<Option<Made>, String> {
        if self.sum < 0 {
            return Err(format!("{} is less than nothing", self.sum));
        }
        let mean = (self.numbers > 0).then(|| self.sum as f64 / self.numbers as f64);
        Ok((self.rows > 0).then_some(Made { sum: self.sum, mean, total: self.total, word: self.word }))
    }
}
