//! The laws of cogroups: the rows of a key on both sides decide what comes of it, and nothing else does.

use std::collections::BTreeMap;

use arrow::{
    array::{Array, ArrayRef},
    compute,
};
use pelton_core::contract::{CogroupSignature, Input};
use pelton_wasm::{BatchContext, CallError, CogroupBatch, CogroupInstance, CogroupSide};

use super::{
    Answered, Asked, Broken, Law, Subject, Trial, an_answer,
    answer::cell,
    context,
    epochs::{by_key, key_columns, shown},
    given::{Given, Part},
    later, no_answer,
    sample::{self, Values, Words},
    seeded,
};

fn laws<'a>() -> [Law<Tried<'a>>; 8] {
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
            other: |tried, given| tried.after(given, given),
            asked: Asked::Always,
        },
        Law {
            name: "after-others",
            says: "a call gives another answer after other calls",
            ways: ["in a fresh instance", "after other calls"],
            one: |tried, given| tried.whole(given),
            other: |tried, given| match tried.others() {
                Some(others) => tried.after(&others.with_tables_of(given), given),
                None => tried.whole(given),
            },
            asked: Asked::Always,
        },
        Law {
            name: "key-order",
            says: "keys in another order give another answer",
            ways: ["in the order of their rows", "the last key first"],
            one: |tried, given| tried.whole(given),
            other: |tried, given| tried.on(context(0), given, Order::Backwards),
            asked: Asked::Always,
        },
        Law {
            name: "other-keys",
            says: "a key gives another answer when there are other keys in the call",
            ways: ["all keys in one call", "a call for each"],
            one: |tried, given| tried.whole(given),
            other: |tried, given| tried.on(context(0), given, Order::Alone),
            asked: Asked::Always,
        },
        Law {
            name: "reload",
            says: "a side table that was another before gives another answer",
            ways: ["with the tables", "with others first"],
            one: |tried, given| tried.whole(given),
            other: |tried, given| match tried.others() {
                Some(others) => tried.after(&given.with_tables_of(&others), given),
                None => tried.whole(given),
            },
            asked: Asked::WithTables,
        },
        Law {
            name: "clock",
            says: "the same rows give another answer at another time",
            ways: ["on a day", "on the next day"],
            one: |tried, given| tried.whole(given),
            other: |tried, given| tried.on(later(context(0)), given, Order::AsTheyCame),
            asked: Asked::Told,
        },
        Law {
            name: "seed",
            says: "the same rows give another answer with other random numbers",
            ways: ["with a seed", "with another"],
            one: |tried, given| tried.whole(given),
            other: |tried, given| tried.on(seeded(context(0)), given, Order::AsTheyCame),
            asked: Asked::Told,
        },
    ]
}

pub(super) fn check(trial: &mut Trial<'_>) -> Result<(), Broken> {
    let laws = laws();
    trial.knows(&laws.each_ref().map(|law| law.name))?;
    let subject = trial.subject;
    let opened = |error: CallError| Broken::Open(Box::new(error));
    let inputs: &[Input; 2] = subject.inputs.as_slice().try_into().expect("a cogroup has two inputs");
    let mut instance = CogroupInstance::new(&subject.module, &subject.limits).map_err(opened)?;
    let contract = instance.open(inputs, &subject.offered, &subject.options).map_err(opened)?;
    let signature = contract.check_cogroup(inputs, &subject.offered).map_err(|error| opened(error.into()))?;
    let has_tables = !signature.tables.is_empty();
    trial.all(&laws, &Tried { subject, inputs, signature }, has_tables)
}

struct Tried<'a> {
    subject: &'a Subject,
    inputs: &'a [Input; 2],
    signature: CogroupSignature,
}

/// Which keys are in a call, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    AsTheyCame,
    Backwards,
    /// A call for each.
    Alone,
}

/// A key, with its rows on both sides.
struct Key {
    name: String,
    /// The side and the row where it is found first.
    found: (usize, usize),
    rows: [Vec<usize>; 2],
}

/// Lines by key, and by where they came out.
type Lines = BTreeMap<(String, String), Vec<String>>;

impl Tried<'_> {
    fn instance(&self) -> Result<CogroupInstance, CallError> {
        let mut instance = CogroupInstance::new(&self.subject.module, &self.subject.limits)?;
        instance.open_as(self.inputs, &self.subject.offered, &self.subject.options, &self.signature)?;
        Ok(instance)
    }

    fn load(&self, instance: &mut CogroupInstance, tables: &[Part], version: u64) -> Result<(), CallError> {
        let asked = self.signature.tables.iter().filter_map(|at| tables.get(*at));
        asked.into_iter().try_for_each(|table| instance.load_table(&table.name, version, &table.rows))
    }

    fn others(&self) -> Option<Given> {
        sample::given(self.subject, 40, Values::Edges, &mut Words(99)).ok()
    }

    fn answers(&self, given: &Given) -> Answered {
        let call = || {
            let mut instance = self.instance()?;
            match self.load(&mut instance, given.tables(), 1) {
                // It may say that a table is not as it should be.
                Err(CallError::Failed(_)) => return Ok(()),
                loaded => loaded?,
            }
            self.call(&mut instance, &context(0), given, Order::AsTheyCame).map(drop)
        };
        call().map_or_else(no_answer, |()| an_answer())
    }

    fn whole(&self, given: &Given) -> Answered {
        self.on(context(0), given, Order::AsTheyCame)
    }

    fn on(&self, at: BatchContext, given: &Given, order: Order) -> Answered {
        let call = || {
            let mut instance = self.instance()?;
            self.load(&mut instance, given.tables(), 1)?;
            self.call(&mut instance, &at, given, order)
        };
        call().unwrap_or_else(no_answer)
    }

    /// The answer of an instance that was called before, maybe with other tables.
    fn after(&self, before: &Given, given: &Given) -> Answered {
        let call = || {
            let mut instance = self.instance()?;
            let loaded = self.load(&mut instance, before.tables(), 1);
            let called =
                loaded.and_then(|()| self.call(&mut instance, &context(1 << 20), before, Order::AsTheyCame).map(drop));
            // Another law finds what fails by itself.
            if called.is_err() {
                return Ok(self.whole(given));
            }
            self.load(&mut instance, given.tables(), 2)?;
            self.call(&mut instance, &context(0), given, Order::AsTheyCame)
        };
        call().unwrap_or_else(no_answer)
    }

    fn call(
        &self,
        instance: &mut CogroupInstance,
        at: &BatchContext,
        given: &Given,
        order: Order,
    ) -> Result<Answered, CallError> {
        let mut keys = self.keys(given);
        if order == Order::Backwards {
            keys.reverse();
        }
        let in_a_call = if order == Order::Alone { 1 } else { keys.len().max(1) };
        let mut lines = Lines::new();
        for keys in keys.chunks(in_a_call) {
            self.call_with(instance, at, given, keys, &mut lines)?;
        }
        let lines = lines
            .into_iter()
            .flat_map(|((key, place), lines)| lines.into_iter().map(move |line| format!("{key}: {place} {line}")));
        Ok(lines.collect())
    }

    /// The keys of both sides, in the order of their first row, those of the left first.
    fn keys(&self, given: &Given) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        for (side, input) in self.inputs.iter().enumerate() {
            let rows = given.input(side);
            for (name, rows) in by_key(&key_columns(input, rows), rows.num_rows()) {
                let at = keys.iter().position(|key| key.name == name).unwrap_or_else(|| {
                    let found = (side, rows.first().copied().unwrap_or(0));
                    keys.push(Key { name, found, rows: [Vec::new(), Vec::new()] });
                    keys.len() - 1
                });
                if let Some(own) = keys.get_mut(at).and_then(|key| key.rows.get_mut(side)) {
                    *own = rows;
                }
            }
        }
        keys
    }

    fn call_with(
        &self,
        instance: &mut CogroupInstance,
        at: &BatchContext,
        given: &Given,
        keys: &[Key],
        lines: &mut Lines,
    ) -> Result<(), CallError> {
        let sides: Vec<Side> = (0..2).map(|side| self.side(given, keys, side)).collect();
        let [left, right] = sides.as_slice() else { return Ok(()) };
        let [of_left, of_right] = [0, 1].map(|side: usize| {
            let input = self.inputs.get(side);
            input.map(|input| key_columns(input, given.input(side))).unwrap_or_default()
        });
        let found: Vec<(usize, usize)> = keys.iter().map(|key| key.found).collect();
        let key_columns: Vec<ArrayRef> = of_left
            .iter()
            .zip(&of_right)
            .map(|(left, right)| {
                let columns: [&dyn Array; 2] = [left.as_ref(), right.as_ref()];
                compute::interleave(&columns, &found).expect("both sides have keys of one type")
            })
            .collect();
        let batch = CogroupBatch { left: left.given(), right: right.given(), keys: &key_columns };
        let answer = instance.process(at, &batch, &self.signature)?;
        for emitted in &answer.emitted {
            let port = self.signature.ports.get(emitted.port);
            let name = port.map_or("?", |port| port.name.as_str());
            for row in 0..emitted.rows {
                let key = emitted.origin.as_ref().and_then(|origin| origin.get(row)).map_or(row, |key| *key as usize);
                let cells = emitted.computed.iter().enumerate().map(|(at, column)| {
                    let field = port.and_then(|port| port.computed.fields().get(at));
                    format!("{}: {}", field.map_or("?", |field| field.name()), cell(column, row))
                });
                let line = format!("{{ {} }}", cells.collect::<Vec<_>>().join(", "));
                let place = (shown(&key_columns, key), format!("→ {name}"));
                lines.entry(place).or_default().push(line);
            }
        }
        for rejection in &answer.rejected {
            let row = rejection.row as usize;
            let (side, name, row) =
                if row < left.numbers.len() { (left, "left", row) } else { (right, "right", row - left.numbers.len()) };
            let key = side.ends.iter().filter(|end| **end as usize <= row).count();
            let number = side.numbers.get(row).copied().unwrap_or(0);
            let place = (shown(&key_columns, key), format!("rejected of the {name}"));
            lines.entry(place).or_default().push(format!("row {number}: {}", rejection.reason));
        }
        Ok(())
    }

    fn side(&self, given: &Given, keys: &[Key], side: usize) -> Side {
        let of_keys = || keys.iter().filter_map(|key| key.rows.get(side));
        let numbers: Vec<usize> = of_keys().flatten().copied().collect();
        let ends = of_keys().scan(0_u32, |end, rows| {
            *end += u32::try_from(rows.len()).unwrap_or(0);
            Some(*end)
        });
        let ends = ends.collect();
        let rows = sample::rows_of(given.input(side), numbers.iter().copied());
        let reads = self.signature.reads.get(side).map(Vec::as_slice).unwrap_or_default();
        let columns = reads.iter().filter_map(|at| rows.columns().get(*at)).cloned().collect();
        Side { numbers, ends, columns }
    }
}

/// One side of a call.
struct Side {
    /// Which row of the input each is.
    numbers: Vec<usize>,
    ends: Vec<u32>,
    columns: Vec<ArrayRef>,
}

impl Side {
    fn given(&self) -> CogroupSide<'_> {
        CogroupSide { rows: self.numbers.len(), columns: &self.columns, ends: &self.ends }
    }
}
