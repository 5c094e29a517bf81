//! The laws of aggregates: rows may be folded in any parts, `merge` puts the parts together, and `retract`, where there is one,
//! takes rows back.
//!
//! All rows are of one group. Accumulators are compared by what `finish` makes of them, for two may mean the same. Floating-point
//! numbers may differ in their last digits where sums of parts are rounded otherwise; not where rows are taken back: windows
//! slide for months, and errors would add up.

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, new_null_array},
    compute::filter_record_batch,
    datatypes::{DataType, Float32Type, Float64Type},
};
use pelton_core::contract::AggregateSignature;
use pelton_wasm::{AggregateInstance, CallError};

use super::{
    Broken, Subject, Trial,
    answer::cell,
    context,
    given::Given,
    sample::{Values, Words},
};

struct Law {
    name: &'static str,
    says: &'static str,
    ways: [&'static str; 2],
    one: Way,
    other: Way,
    asks: Asks,
}

/// Of which aggregates a law asks something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    All,
    /// It is more than those promise that say that they are ordered.
    Unordered,
    /// To the last bit.
    Retractable,
}

const LAWS: [Law; 8] = [
    Law {
        name: "twice",
        says: "the same fold, made again, gives another result",
        ways: ["first", "again"],
        one: WHOLE,
        other: |tried, instance, rows| tried.again(instance, rows),
        asks: Asks::All,
    },
    Law {
        name: "identity-left",
        says: "merging an empty accumulator with another changes it",
        ways: ["alone", "empty, then it"],
        one: WHOLE,
        other: |tried, instance, rows| tried.identity_left(instance, rows),
        asks: Asks::All,
    },
    Law {
        name: "identity-right",
        says: "merging an accumulator with an empty one changes it",
        ways: ["alone", "it, then empty"],
        one: WHOLE,
        other: |tried, instance, rows| tried.identity_right(instance, rows),
        asks: Asks::All,
    },
    Law {
        name: "parts",
        says: "folding rows in parts and merging gives another result",
        ways: ["all at once", "two parts, merged"],
        one: WHOLE,
        other: |tried, instance, rows| tried.parts(instance, rows),
        asks: Asks::All,
    },
    Law {
        name: "associative",
        says: "the brackets of three merges change the result",
        ways: ["all at once", "a, with b and c merged first"],
        one: WHOLE,
        other: |tried, instance, rows| tried.brackets(instance, rows),
        asks: Asks::All,
    },
    Law {
        name: "batch-split",
        says: "folding one batch after the other gives another result",
        ways: ["all at once", "one by one into the same accumulator"],
        one: WHOLE,
        other: |tried, instance, rows| tried.one_by_one(instance, rows),
        asks: Asks::All,
    },
    Law {
        name: "commutative",
        says: "the sides of a merge change the result, and the contract does not say `ordered`",
        ways: ["all at once", "the later part first"],
        one: WHOLE,
        other: |tried, instance, rows| tried.swapped(instance, rows),
        asks: Asks::Unordered,
    },
    Law {
        name: "taken-back",
        says: "rows that are taken back leave something behind, or take something with them",
        ways: ["never folded", "folded, and taken back"],
        one: |tried, instance, rows| tried.never_folded(instance, rows),
        other: |tried, instance, rows| tried.taken_back(instance, rows),
        asks: Asks::Retractable,
    },
];

pub(super) fn check(trial: &mut Trial<'_>) -> Result<(), Broken> {
    trial.knows(&LAWS.map(|law| law.name))?;
    let subject = trial.subject;
    let opened = |error: CallError| Broken::Open(Box::new(error));
    let input = subject.inputs.first().expect("every operator has an input");
    let mut instance = AggregateInstance::new(&subject.module, &subject.limits).map_err(opened)?;
    let contract = instance.open(input, &subject.offered, &subject.options).map_err(opened)?;
    let signature = contract.check_aggregate(input, &subject.offered).map_err(|error| opened(error.into()))?;
    let tried = Tried { subject, signature: &signature };
    let is_asked = |law: &&Law| match law.asks {
        Asks::All => true,
        Asks::Unordered => !signature.ordered,
        Asks::Retractable => signature.retracts,
    };
    for law in LAWS.iter().filter(is_asked) {
        if !trial.asks(law.name) {
            continue;
        }
        let mut words = Words(trial.effort.seed);
        // What is taken back must leave no trace, to the last bit.
        let values = if law.asks == Asks::Retractable { Values::Fractions } else { Values::Tame };
        for _ in 0..trial.effort.tables {
            compare(&tried, law, trial.given(values, &mut words)?)?;
        }
        trial.holds(law.name, law.says);
    }
    Ok(())
}

fn compare(tried: &Tried<'_>, law: &Law, given: Given) -> Result<(), Broken> {
    let mut differs = |given: &Given| {
        let (one, other) = (tried.result(law.one, given), tried.result(law.other, given));
        let is_same = if law.asks == Asks::Retractable { Finished::is_same } else { Finished::is_near };
        !is_same(&one, &other)
    };
    if !differs(&given) {
        return Ok(());
    }
    let given = given.shrunk(&mut differs);
    let [one, other] = law.ways;
    let ways = [
        (one.to_owned(), tried.result(law.one, &given).lines()),
        (other.to_owned(), tried.result(law.other, &given).lines()),
    ];
    Err(Broken::Law { law: law.name, says: law.says, given: Box::new(given), ways: ways.into() })
}

/// An accumulator of one group.
type Folded = Vec<ArrayRef>;
/// How rows become one.
type Way = fn(&Tried<'_>, &mut AggregateInstance, &RecordBatch) -> Result<Folded, CallError>;

const WHOLE: Way = |tried, instance, rows| tried.whole(instance, rows);

/// What `finish` made.
enum Finished {
    /// Columns of each port, and rejections.
    Made(Vec<Vec<ArrayRef>>, Vec<String>),
    Failed(String),
}

struct Tried<'a> {
    subject: &'a Subject,
    signature: &'a AggregateSignature,
}

impl Tried<'_> {
    fn result(&self, way: Way, given: &Given) -> Finished {
        match self.finished(way, given) {
            Ok(finished) => finished,
            Err(error) => Finished::Failed(error.to_string()),
        }
    }

    fn finished(&self, way: Way, given: &Given) -> Result<Finished, CallError> {
        let input = self.subject.inputs.first().expect("every operator has an input");
        let mut instance = AggregateInstance::new(&self.subject.module, &self.subject.limits)?;
        instance.open_as(input, &self.subject.offered, &self.subject.options, self.signature)?;
        for table in self.signature.tables.iter().filter_map(|at| given.tables().get(*at)) {
            instance.load_table(&table.name, 1, &table.rows)?;
        }
        let folded = way(self, &mut instance, given.input(0))?;
        let key = input.key.iter().filter_map(|name| input.schema.column_with_name(name));
        let keys: Vec<ArrayRef> = key.map(|(_, field)| new_null_array(field.data_type(), 1)).collect();
        let answer = instance.finish(&context(0), 1, &keys, &[0], &[1_000_000], &[1], &folded, self.signature)?;
        let rejected = answer.rejected.iter().map(|rejection| rejection.reason.clone()).collect();
        Ok(Finished::Made(answer.emitted.into_iter().map(|emitted| emitted.computed).collect(), rejected))
    }

    fn empty(&self) -> Folded {
        let fields = self.signature.accumulator.fields().iter();
        fields.map(|field| new_null_array(field.data_type(), 1)).collect()
    }

    fn fold(&self, instance: &mut AggregateInstance, rows: &RecordBatch, into: Folded) -> Result<Folded, CallError> {
        if rows.num_rows() == 0 {
            return Ok(into);
        }
        let columns = self.read(rows);
        let slots = vec![0; rows.num_rows()];
        instance.accumulate(&context(0), rows.num_rows(), &columns, &slots, 1, &into, self.signature)
    }

    /// What it reads of rows.
    fn read(&self, rows: &RecordBatch) -> Vec<ArrayRef> {
        self.signature.reads.iter().filter_map(|at| rows.columns().get(*at)).cloned().collect()
    }

    fn merge(&self, instance: &mut AggregateInstance, left: &Folded, right: &Folded) -> Result<Folded, CallError> {
        instance.merge(1, left, right, self.signature)
    }

    /// `rows` in so many parts, each folded by itself.
    fn folds(
        &self,
        instance: &mut AggregateInstance,
        rows: &RecordBatch,
        parts: usize,
    ) -> Result<Vec<Folded>, CallError> {
        let cut = |part: usize| rows.num_rows() * part / parts;
        (0..parts)
            .map(|part| self.fold(instance, &rows.slice(cut(part), cut(part + 1) - cut(part)), self.empty()))
            .collect()
    }

    fn whole(&self, instance: &mut AggregateInstance, rows: &RecordBatch) -> Result<Folded, CallError> {
        self.fold(instance, rows, self.empty())
    }

    fn again(&self, instance: &mut AggregateInstance, rows: &RecordBatch) -> Result<Folded, CallError> {
        self.whole(instance, rows)?;
        self.whole(instance, rows)
    }

    fn identity_left(&self, instance: &mut AggregateInstance, rows: &RecordBatch) -> Result<Folded, CallError> {
        let folded = self.whole(instance, rows)?;
        self.merge(instance, &self.empty(), &folded)
    }

    fn identity_right(&self, instance: &mut AggregateInstance, rows: &RecordBatch) -> Result<Folded, CallError> {
        let folded = self.whole(instance, rows)?;
        self.merge(instance, &folded, &self.empty())
    }

    fn parts(&self, instance: &mut AggregateInstance, rows: &RecordBatch) -> Result<Folded, CallError> {
        let [a, b] = exactly(self.folds(instance, rows, 2)?);
        self.merge(instance, &a, &b)
    }

    fn brackets(&self, instance: &mut AggregateInstance, rows: &RecordBatch) -> Result<Folded, CallError> {
        let [a, b, c] = exactly(self.folds(instance, rows, 3)?);
        let later = self.merge(instance, &b, &c)?;
        self.merge(instance, &a, &later)
    }

    fn swapped(&self, instance: &mut AggregateInstance, rows: &RecordBatch) -> Result<Folded, CallError> {
        let [a, b] = exactly(self.folds(instance, rows, 2)?);
        self.merge(instance, &b, &a)
    }

    fn never_folded(&self, instance: &mut AggregateInstance, rows: &RecordBatch) -> Result<Folded, CallError> {
        self.fold(instance, &every_other(rows, 0), self.empty())
    }

    /// The host drops the accumulator of a group that has no rows left: a first row always stays.
    fn taken_back(&self, instance: &mut AggregateInstance, rows: &RecordBatch) -> Result<Folded, CallError> {
        let all = self.whole(instance, rows)?;
        let back = every_other(rows, 1);
        let half = back.num_rows() / 2;
        [back.slice(0, half), back.slice(half, back.num_rows() - half)].iter().try_fold(all, |folded, rows| {
            if rows.num_rows() == 0 {
                return Ok(folded);
            }
            let columns = self.read(rows);
            let slots = vec![0; rows.num_rows()];
            instance.retract(&context(0), rows.num_rows(), &columns, &slots, 1, &folded, self.signature)
        })
    }

    fn one_by_one(&self, instance: &mut AggregateInstance, rows: &RecordBatch) -> Result<Folded, CallError> {
        (0..rows.num_rows()).try_fold(self.empty(), |folded, row| self.fold(instance, &rows.slice(row, 1), folded))
    }
}

/// Every other row, beginning with the first, or with the second.
fn every_other(rows: &RecordBatch, from: usize) -> RecordBatch {
    let chosen: BooleanArray = (0..rows.num_rows()).map(|row| Some(row % 2 == from)).collect();
    filter_record_batch(rows, &chosen).expect("one answer for each row")
}

fn exactly<const N: usize>(folds: Vec<Folded>) -> [Folded; N] {
    folds.try_into().unwrap_or_else(|_| std::array::from_fn(|_| Folded::new()))
}

impl Finished {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Made(ports, rejected), Self::Made(others, other_rejected)) => {
                rejected == other_rejected && ports == others
            }
            (Self::Failed(error), Self::Failed(other)) => error == other,
            _ => false,
        }
    }

    fn is_near(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Made(ports, rejected), Self::Made(others, other_rejected)) => {
                rejected == other_rejected
                    && ports.len() == others.len()
                    && ports.iter().zip(others).all(|(columns, others)| {
                        columns.len() == others.len() && columns.iter().zip(others).all(|(a, b)| is_near(a, b))
                    })
            }
            (Self::Failed(error), Self::Failed(other)) => error == other,
            _ => false,
        }
    }

    fn lines(&self) -> Vec<String> {
        match self {
            Self::Failed(error) => vec![format!("no answer: {error}")],
            Self::Made(ports, rejected) => {
                let rows = |columns: &Vec<ArrayRef>| -> Vec<String> {
                    let count = columns.first().map_or(0, |column| column.len());
                    let row = |row| columns.iter().map(|column| cell(column, row)).collect::<Vec<_>>().join(", ");
                    (0..count).map(row).collect()
                };
                let rejected = rejected.iter().map(|reason| format!("rejected: {reason}"));
                ports.iter().flat_map(rows).chain(rejected).collect()
            }
        }
    }
}

/// The same values, and of floating-point numbers such as differ by rounding alone.
fn is_near(one: &ArrayRef, other: &ArrayRef) -> bool {
    let values = |column: &ArrayRef| -> Option<Vec<Option<f64>>> {
        Some(match column.data_type() {
            DataType::Float64 => column.as_primitive::<Float64Type>().iter().collect(),
            DataType::Float32 => {
                column.as_primitive::<Float32Type>().iter().map(|value| value.map(f64::from)).collect()
            }
            _ => return None,
        })
    };
    let Some((one_values, other_values)) = values(one).zip(values(other)) else {
        return one == other;
    };
    let near =
        |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-9);
    one_values.len() == other_values.len()
        && one_values.into_iter().zip(other_values).all(|pair| match pair {
            (Some(a), Some(b)) => near(a, b),
            (None, None) => true,
            _ => false,
        })
}
