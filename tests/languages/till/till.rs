//! What a till took and gave back: rows that leave a window are taken back, one by one, and nothing of them is left.
use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    #[default(1)]
    scale: i64,
}

#[derive(Row)]
struct Paid {
    cents: i64,
    tip: Option<i64>,
}

#[derive(Accumulator, Default)]
struct Till {
    rows: i64,
    took: i64,
    gave: i64,
    tips: i64,
}

#[derive(Row)]
struct Made {
    took: i64,
    gave: i64,
    tip: Option<f64>,
}

impl Till {
    fn count(&mut self, paid: Paid, times: i64) {
        self.rows += times;
        *(if paid.cents < 0 { &mut self.gave } else { &mut self.took }) += paid.cents * times;
        if let Some(tip) = paid.tip {
            self.took += tip * times;
            self.tips += times;
        }
    }
}

#[aggregate]
impl Till {
    fn add(&mut self, paid: Paid, options: &Options) {
        self.count(paid, options.scale);
    }

    fn retract(&mut self, paid: Paid, options: &Options) {
        self.count(paid, -options.scale);
    }

    fn merge(&mut self, later: Self) {
        self.rows += later.rows;
        self.took += later.took;
        self.gave += later.gave;
        self.tips += later.tips;
    }

    fn finish(self) -> Option<Made> {
        let tip = (self.tips != 0).then(|| self.took as f64 / self.tips as f64);
        (self.rows != 0).then_some(Made { took: self.took, gave: self.gave, tip })
    }
}
