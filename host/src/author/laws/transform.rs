//! The laws of transforms: `process` is a function of its arguments, and of rows alone. Those of enrich operators are the same, of `ask`
//! and `answer` together, with replies that are made up ([`super::enrich`]).

use arrow::array::{ArrayRef, RecordBatch};
use pelton_core::contract::Signature;
use pelton_wasm::{BatchContext, CallError, EnrichInstance, Kind, TransformInstance};

use super::{
    Answered, Asked, Broken, Law, Subject, Trial, an_answer, answer, context,
    enrich::{self, Replies},
    given::{Given, Part},
    later, no_answer,
    sample::{self, Values, Words},
    seeded,
};

fn laws<'a>() -> [Law<Tried<'a>>; 9] {
    [
        Law {
            name: "answers",
            says: "a call gives no answer",
            ways: ["expected", "got"],
            one: |_, _| an_answer(),
            other: |tried, given| tried.answers(given),
            asked: Asked::Always,
        },
        Law {
            name: "twice",
            says: "the same call, made again, gives another answer",
            ways: ["the first call", "the second call of the instance"],
            one: |tried, given| tried.whole(given),
            other: |tried, given| tried.twice(given),
            asked: Asked::Always,
        },
        Law {
            name: "after-others",
            says: "a call gives another answer after other calls",
            ways: ["in a fresh instance", "after other calls"],
            one: |tried, given| tried.whole(given),
            other: |tried, given| tried.after_others(given),
            asked: Asked::Always,
        },
        Law {
            name: "batch-split",
            says: "rows cut into batches otherwise give another answer",
            ways: ["all at once", "in two batches"],
            one: |tried, given| tried.comparable(given).1,
            other: |tried, given| tried.split(given),
            asked: Asked::Always,
        },
        Law {
            name: "one-by-one",
            says: "rows, each a batch of its own, give another answer",
            ways: ["all at once", "one by one"],
            one: |tried, given| tried.comparable(given).1,
            other: |tried, given| tried.one_by_one(given),
            asked: Asked::Always,
        },
        Law {
            name: "empty",
            says: "a batch without rows changes what follows",
            ways: ["without it", "after an empty batch"],
            one: |tried, given| tried.whole(given),
            other: |tried, given| tried.after_empty(given),
            asked: Asked::Always,
        },
        Law {
            name: "reload",
            says: "a side table that was another before gives another answer",
            ways: ["with the tables", "with others first"],
            one: |tried, given| tried.whole(given),
            other: |tried, given| tried.reloaded(given),
            asked: Asked::WithTables,
        },
        Law {
            name: "clock",
            says: "the same rows give another answer at another time",
            ways: ["on a day", "on the next day"],
            one: |tried, given| tried.whole(given),
            other: |tried, given| tried.at(later(context(0)), given),
            asked: Asked::Told,
        },
        Law {
            name: "seed",
            says: "the same rows give another answer with other random numbers",
            ways: ["with a seed", "with another"],
            one: |tried, given| tried.whole(given),
            other: |tried, given| tried.at(seeded(context(0)), given),
            asked: Asked::Told,
        },
    ]
}

pub(super) fn check(trial: &mut Trial<'_>) -> Result<(), Broken> {
    let laws = laws();
    trial.knows(&laws.each_ref().map(|law| law.name))?;
    let subject = trial.subject;
    let opened = |error: CallError| Broken::Open(Box::new(error));
    let input = subject.inputs.first().expect("every operator has an input");
    let mut instance = Live::new(subject).map_err(opened)?;
    let contract = match &mut instance {
        Live::Transform(instance) => instance.open(input, &subject.offered, &subject.options),
        Live::Enrich(instance) => instance.open(input, &subject.offered, &subject.options),
    };
    let contract = contract.map_err(opened)?;
    let signature = contract.check(input, &subject.offered).map_err(|error| opened(error.into()))?;
    let tried = Tried { subject, signature: &signature, told: Replies::Anything };
    let found = trial.all(&laws, &tried, !signature.tables.is_empty());
    found.map_err(|mut broken| {
        if let Broken::Law { given, .. } = &mut broken {
            given.replies = tried.replies(given).unwrap_or_default();
        }
        broken
    })
}

/// An instance of either kind.
enum Live {
    Transform(TransformInstance),
    Enrich(EnrichInstance),
}

impl Live {
    fn new(subject: &Subject) -> Result<Self, CallError> {
        Ok(match subject.module.kind() {
            Kind::Enrich => Self::Enrich(EnrichInstance::new(&subject.module, &subject.limits)?),
            _ => Self::Transform(TransformInstance::new(&subject.module, &subject.limits)?),
        })
    }
}

struct Tried<'a> {
    subject: &'a Subject,
    signature: &'a Signature,
    /// What enrich operators are told.
    told: Replies,
}

/// One call: rows, of which the first has this number among all.
type Batch = (RecordBatch, usize);

impl Tried<'_> {
    /// A fresh one, opened as the first was.
    fn instance(&self) -> Result<Live, CallError> {
        let Subject { inputs, offered, options, .. } = self.subject;
        let input = inputs.first().expect("every operator has an input");
        let mut instance = Live::new(self.subject)?;
        match &mut instance {
            Live::Transform(instance) => instance.open_as(input, offered, options, self.signature)?,
            Live::Enrich(instance) => instance.open_as(input, offered, options, self.signature)?,
        }
        Ok(instance)
    }

    fn load(&self, instance: &mut Live, tables: &[Part], version: u64) -> Result<(), CallError> {
        let asked = self.signature.tables.iter().filter_map(|at| tables.get(*at));
        asked.into_iter().try_for_each(|table| match instance {
            Live::Transform(instance) => instance.load_table(&table.name, version, &table.rows),
            Live::Enrich(instance) => instance.load_table(&table.name, version, &table.rows),
        })
    }

    fn columns(&self, rows: &RecordBatch) -> Vec<ArrayRef> {
        self.signature.reads.iter().filter_map(|at| rows.columns().get(*at)).cloned().collect()
    }

    /// The replies that the rows ask for, as lines of a golden case.
    fn replies(&self, given: &Given) -> Result<Vec<String>, CallError> {
        let mut live = self.instance()?;
        self.load(&mut live, given.tables(), 1)?;
        let Live::Enrich(instance) = &mut live else { return Ok(Vec::new()) };
        let rows = given.input(0);
        enrich::replies(instance, &context(0), (rows.num_rows(), &self.columns(rows)), self.comparable(given).0.told)
    }

    fn call(&self, instance: &mut Live, at: &BatchContext, (rows, from): &Batch) -> Result<Answered, CallError> {
        let columns = self.columns(rows);
        let at = BatchContext { first_row: at.first_row + *from as u64, ..*at };
        Ok(match instance {
            Live::Transform(instance) => {
                let answer = instance.process(&at, rows.num_rows(), &columns, self.signature)?;
                answer::in_order(answer::rows(&answer, &self.signature.ports, *from))
            }
            Live::Enrich(instance) => {
                enrich::call(instance, &at, (rows.num_rows(), &columns), self.signature, (*from, self.told))?
            }
        })
    }

    /// Batches of one instance after each other, of which the first `hidden` are not shown. After a call without an answer the instance is
    /// another one.
    fn calls(&self, at: &BatchContext, tables: &[Part], batches: &[Batch], hidden: usize) -> Answered {
        let mut live: Option<Live> = None;
        let mut lines = Vec::new();
        for (number, batch) in batches.iter().enumerate() {
            let mut call = || -> Result<Answered, CallError> {
                let instance = match live.take() {
                    Some(instance) => live.insert(instance),
                    None => {
                        let mut instance = self.instance()?;
                        self.load(&mut instance, tables, 1)?;
                        live.insert(instance)
                    }
                };
                self.call(instance, at, batch)
            };
            let answer = call();
            if answer.is_err() {
                live = None;
            }
            if number >= hidden {
                lines.extend(answer.unwrap_or_else(no_answer));
            }
        }
        lines
    }

    fn at(&self, at: BatchContext, given: &Given) -> Answered {
        self.calls(&at, given.tables(), &[(given.input(0).clone(), 0)], 0)
    }

    fn whole(&self, given: &Given) -> Answered {
        self.at(context(0), given)
    }

    /// All at once, so that it can be compared with rows that are cut otherwise: if replies make it ask again, with others that are no errors.
    fn comparable(&self, given: &Given) -> (Self, Answered) {
        let whole = self.whole(given);
        if !enrich::asks_again(&whole) {
            return (Self { ..*self }, whole);
        }
        let calm = Self { told: Replies::NoErrors, ..*self };
        let whole = calm.whole(given);
        (calm, whole)
    }

    fn answers(&self, given: &Given) -> Answered {
        let call = || {
            let mut instance = self.instance()?;
            match self.load(&mut instance, given.tables(), 1) {
                // It may say that a table is not as it should be.
                Err(CallError::Failed(_)) => return Ok(()),
                loaded => loaded?,
            }
            self.call(&mut instance, &context(0), &(given.input(0).clone(), 0)).map(drop)
        };
        call().map_or_else(no_answer, |()| an_answer())
    }

    fn twice(&self, given: &Given) -> Answered {
        let batch = (given.input(0).clone(), 0);
        self.calls(&context(0), given.tables(), &[batch.clone(), batch], 1)
    }

    fn others(&self) -> Option<Given> {
        sample::given(self.subject, 40, Values::Edges, &mut Words(99)).ok()
    }

    fn after_others(&self, given: &Given) -> Answered {
        let Some(others) = self.others() else { return self.whole(given) };
        let other = (others.input(0).clone(), 1_000_000);
        self.calls(&context(0), given.tables(), &[other.clone(), other, (given.input(0).clone(), 0)], 2)
    }

    fn split(&self, given: &Given) -> Answered {
        let (rows, (tried, whole)) = (given.input(0), self.comparable(given));
        let cut = rows.num_rows() / 2;
        if cut == 0 || enrich::asks_again(&whole) {
            return whole;
        }
        let parts = [(rows.slice(0, cut), 0), (rows.slice(cut, rows.num_rows() - cut), cut)];
        tried.calls(&context(0), given.tables(), &parts, 0)
    }

    fn one_by_one(&self, given: &Given) -> Answered {
        let (rows, (tried, whole)) = (given.input(0), self.comparable(given));
        if enrich::asks_again(&whole) {
            return whole;
        }
        let parts: Vec<_> = (0..rows.num_rows()).map(|row| (rows.slice(row, 1), row)).collect();
        tried.calls(&context(0), given.tables(), &parts, 0)
    }

    fn after_empty(&self, given: &Given) -> Answered {
        let rows = given.input(0);
        self.calls(&context(0), given.tables(), &[(rows.slice(0, 0), 0), (rows.clone(), 0)], 0)
    }

    fn reloaded(&self, given: &Given) -> Answered {
        let Some(others) = self.others() else { return self.whole(given) };
        let call = || {
            let mut instance = self.instance()?;
            let before = self.load(&mut instance, others.tables(), 1);
            let before = before
                .and_then(|()| self.call(&mut instance, &context(0), &(others.input(0).clone(), 1_000_000)).map(drop));
            // Another law finds what fails by itself.
            if before.is_err() {
                return Ok(self.whole(given));
            }
            self.load(&mut instance, given.tables(), 2)?;
            self.call(&mut instance, &context(0), &(given.input(0).clone(), 0))
        };
        call().unwrap_or_else(no_answer)
    }
}
