//! The laws of transforms: `process` is a function of its arguments, and of rows alone.

use arrow::array::{ArrayRef, RecordBatch};
use pelton_core::contract::Signature;
use pelton_wasm::{CallError, TransformInstance};

use super::{
    Answered, Broken, Effort, Held, Subject, answer, context,
    sample::{self, Values, Words},
    shrunk,
};

/// A law: two ways to the same answer.
struct Law {
    name: &'static str,
    says: &'static str,
    /// How the two ways are called.
    ways: [&'static str; 2],
    other: fn(&Tried<'_>, &RecordBatch) -> Answered,
}

const LAWS: [Law; 5] = [
    Law {
        name: "twice",
        says: "the same call, made again, gives another answer",
        ways: ["the first call", "the second call of the instance"],
        other: |tried, rows| tried.twice(rows),
    },
    Law {
        name: "after-others",
        says: "a call gives another answer after other calls",
        ways: ["in a fresh instance", "after other calls"],
        other: |tried, rows| tried.after_others(rows),
    },
    Law {
        name: "batch-split",
        says: "rows cut into batches otherwise give another answer",
        ways: ["all at once", "in two batches"],
        other: |tried, rows| tried.split(rows),
    },
    Law {
        name: "one-by-one",
        says: "rows, each a batch of its own, give another answer",
        ways: ["all at once", "one by one"],
        other: |tried, rows| tried.one_by_one(rows),
    },
    Law {
        name: "empty",
        says: "a batch without rows changes what follows",
        ways: ["without it", "after an empty batch"],
        other: |tried, rows| tried.after_empty(rows),
    },
];

pub(super) fn check(subject: &Subject, effort: &Effort, held: &mut dyn FnMut(Held)) -> Result<(), Broken> {
    let opened = |error: CallError| Broken::Open(Box::new(error));
    let mut instance = TransformInstance::new(&subject.module, &subject.limits).map_err(opened)?;
    let contract = instance.open(&subject.input, &[], &subject.options).map_err(opened)?;
    let signature = contract.check(&subject.input, &[]).map_err(|error| opened(error.into()))?;
    let tried = Tried { subject, signature: &signature };
    answers(&tried, effort)?;
    held(Held { law: "answers", says: "edges and nulls are answered or rejected, without a trap" });
    for law in &LAWS {
        let mut words = Words(effort.seed);
        for _ in 0..effort.tables {
            let rows = sample::table(&subject.input.schema, effort.rows, Values::Edges, &mut words)?;
            compare(&tried, law, rows)?;
        }
        held(Held { law: law.name, says: law.says });
    }
    Ok(())
}

/// No row makes it trap.
fn answers(tried: &Tried<'_>, effort: &Effort) -> Result<(), Broken> {
    let mut words = Words(effort.seed ^ 0x7472_6170);
    for _ in 0..effort.tables {
        let rows = sample::table(&tried.subject.input.schema, effort.rows, Values::Edges, &mut words)?;
        let mut fails = |rows: &RecordBatch| tried.call(&mut tried.instance(), rows, 0, 0).is_err();
        if fails(&rows) {
            let rows = shrunk(rows, &mut fails);
            let got = tried.whole(&rows);
            let ways = [("expected".to_owned(), vec!["an answer".to_owned()]), ("got".to_owned(), got)];
            return Err(Broken::Law { law: "answers", says: "a call gives no answer", rows, ways: ways.into() });
        }
    }
    Ok(())
}

fn compare(tried: &Tried<'_>, law: &Law, rows: RecordBatch) -> Result<(), Broken> {
    let mut differs = |rows: &RecordBatch| tried.whole(rows) != (law.other)(tried, rows);
    if !differs(&rows) {
        return Ok(());
    }
    let rows = shrunk(rows, &mut differs);
    let [one, other] = law.ways;
    let ways = [(one.to_owned(), tried.whole(&rows)), (other.to_owned(), (law.other)(tried, &rows))];
    Err(Broken::Law { law: law.name, says: law.says, rows, ways: ways.into() })
}

struct Tried<'a> {
    subject: &'a Subject,
    signature: &'a Signature,
}

impl Tried<'_> {
    /// A fresh one, opened as the first was.
    fn instance(&self) -> Result<TransformInstance, CallError> {
        let mut instance = TransformInstance::new(&self.subject.module, &self.subject.limits)?;
        instance.open_as(&self.subject.input, &[], &self.subject.options, self.signature)?;
        Ok(instance)
    }

    /// `rows` as rows `from` on of a batch whose first has the number `first`.
    fn call(
        &self,
        instance: &mut Result<TransformInstance, CallError>,
        rows: &RecordBatch,
        from: usize,
        first: u64,
    ) -> Result<Answered, String> {
        let instance = instance.as_mut().map_err(|error| error.to_string())?;
        let columns: Vec<ArrayRef> =
            self.signature.reads.iter().filter_map(|at| rows.columns().get(*at)).cloned().collect();
        let context = context(first + from as u64);
        let answer = instance.process(&context, rows.num_rows(), &columns, self.signature);
        answer.map(|answer| answer::rows(&answer, &self.signature.ports, from)).map_err(|error| error.to_string())
    }

    /// Batches of one instance after each other; an error is an answer as well, so that it can be compared.
    fn calls(&self, batches: &[(RecordBatch, usize)], shown: usize) -> Answered {
        let mut instance = self.instance();
        let mut lines = Vec::new();
        for (at, (rows, from)) in batches.iter().enumerate() {
            let answer = self.call(&mut instance, rows, *from, 0);
            if at < shown {
                continue;
            }
            match answer {
                Ok(answer) => lines.extend(answer),
                Err(error) => lines.push(format!("no answer: {error}")),
            }
        }
        lines
    }

    fn whole(&self, rows: &RecordBatch) -> Answered {
        self.calls(&[(rows.clone(), 0)], 0)
    }

    fn twice(&self, rows: &RecordBatch) -> Answered {
        self.calls(&[(rows.clone(), 0), (rows.clone(), 0)], 1)
    }

    fn after_others(&self, rows: &RecordBatch) -> Answered {
        let others = sample::table(&self.subject.input.schema, 40, Values::Edges, &mut Words(99));
        let Ok(others) = others else { return self.whole(rows) };
        let other = (others, 1_000_000);
        self.calls(&[other.clone(), other, (rows.clone(), 0)], 2)
    }

    fn split(&self, rows: &RecordBatch) -> Answered {
        let cut = rows.num_rows() / 2;
        if cut == 0 {
            return self.whole(rows);
        }
        let parts = [(rows.slice(0, cut), 0), (rows.slice(cut, rows.num_rows() - cut), cut)];
        self.calls(&parts, 0)
    }

    fn one_by_one(&self, rows: &RecordBatch) -> Answered {
        let parts: Vec<_> = (0..rows.num_rows()).map(|row| (rows.slice(row, 1), row)).collect();
        self.calls(&parts, 0)
    }

    fn after_empty(&self, rows: &RecordBatch) -> Answered {
        self.calls(&[(rows.slice(0, 0), 0), (rows.clone(), 0)], 0)
    }
}
