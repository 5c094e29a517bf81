//! Expressions against an oracle: random expressions over random rows are computed by `std:select` a column at a time, and by a naive evaluator
//! one value at a time, which shares no code with it. Values, nulls and rejected rows must be the same.
//!
//! `PELTON_EXPRESSIONS` says how many expressions, `PELTON_SEED` with which to begin; a failure prints both and the expression.

#![expect(clippy::indexing_slicing, reason = "an index out of range fails the test, as it should")]

mod expression;
mod naive;
mod value;

use std::{collections::BTreeMap, env};

use expression::{COLUMNS, Expression, Ty};
use pelton_guest::{options, prelude::*};
use pelton_std_transforms::Std;
use value::{Random, Rejected, Value};

const EXPRESSIONS_DEFAULT: u64 = 8_000;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}")))
}

/// The values of all columns, by row.
type Table = Vec<BTreeMap<&'static str, Value>>;

fn table(random: &mut Random) -> Table {
    let rows = random.of(&[0, 1, 7, 8, 9, 40, 64, 65]);
    let row = |random: &mut Random| {
        let cell = |(name, ty, is_nullable): &(&'static str, Ty, bool)| {
            let is_null = *is_nullable && random.one_in(4);
            (*name, if is_null { Value::Null } else { expression::value(*ty, random) })
        };
        COLUMNS.iter().map(cell).collect()
    };
    (0..rows).map(|_| row(random)).collect()
}

/// The table as a test's rows.
fn rows_of(table: &Table) -> Rows {
    let mut rows = Rows::default();
    for (name, ty, is_nullable) in COLUMNS {
        let cells = || table.iter().map(|row| row[name].clone());
        macro_rules! with {
            ($kind:ident, $of:expr) => {
                if is_nullable {
                    rows.with(
                        name,
                        cells().map(|cell| if let Value::$kind(..) = &cell { Some($of(cell)) } else { None }),
                    )
                } else {
                    rows.with(name, cells().map($of))
                }
            };
        }
        rows = match ty {
            Ty::Int => with!(Int, |cell: Value| cell.int()),
            Ty::Float => with!(Float, |cell: Value| cell.float()),
            Ty::Text => with!(Text, |cell: Value| cell.text().to_owned()),
            Ty::Bool => with!(Bool, |cell: Value| cell == Value::Bool(true)),
            Ty::Decimal(_) => with!(Decimal, |cell: Value| match cell {
                Value::Decimal(value, _) => Decimal::<9, 2>(value),
                other => panic!("{other:?}"),
            }),
        };
    }
    rows
}

/// What the module makes: for each row its value, or that it was rejected. None: it refuses a constant part that would reject all rows.
fn engine(expression: &Expression, ty: Ty, table: &Table) -> Option<Vec<Result<Value, Rejected>>> {
    let text = match ty {
        // Compared as text, which has the scale.
        Ty::Decimal(_) => format!("cast({expression} as utf8)"),
        _ => expression.to_string(),
    };
    let options = options! { function: "select", columns: { "x": text } };
    let tested = match ProcessTest::<Std>::new().options(options).try_test(rows_of(table)) {
        Ok(tested) => tested,
        Err(why) if why.contains("would reject every row") => return None,
        Err(why) => panic!("{why}"),
    };
    let main = tested.main();
    let values: Vec<Value> = match ty {
        Ty::Int => {
            main.column::<Option<i64>>("x").into_iter().map(|value| value.map_or(Value::Null, Value::Int)).collect()
        }
        Ty::Float => {
            main.column::<Option<f64>>("x").into_iter().map(|value| value.map_or(Value::Null, Value::Float)).collect()
        }
        Ty::Bool => {
            main.column::<Option<bool>>("x").into_iter().map(|value| value.map_or(Value::Null, Value::Bool)).collect()
        }
        Ty::Text | Ty::Decimal(_) => {
            main.column::<Option<String>>("x").into_iter().map(|value| value.map_or(Value::Null, Value::Text)).collect()
        }
    };
    let mut made = vec![Err(Rejected); table.len()];
    for (value, origin) in values.into_iter().zip(tested.origins()) {
        made[*origin as usize] = Ok(value);
    }
    let rejected: Vec<usize> = tested.rejected().into_iter().map(|(row, _)| row).collect();
    let missing: Vec<usize> = (0..table.len()).filter(|row| made[*row].is_err()).collect();
    assert_eq!(rejected, missing, "rows are made or rejected");
    Some(made)
}

fn oracle(expression: &Expression, row: &BTreeMap<&'static str, Value>) -> Result<Value, Rejected> {
    Ok(match expression.evaluate(&|name| row[name].clone())? {
        Value::Decimal(value, 2) => {
            let sign = if value < 0 { "-" } else { "" };
            Value::Text(format!("{sign}{}.{:02}", value.abs() / 100, value.abs() % 100))
        }
        other => other,
    })
}

#[test]
fn expressions_are_computed_as_a_naive_evaluator_does() {
    let first = number("PELTON_SEED").unwrap_or(1);
    let count = number("PELTON_EXPRESSIONS").unwrap_or(EXPRESSIONS_DEFAULT);
    let (mut values, mut nulls, mut rejected, mut refused) = (0, 0, 0, 0);
    for seed in first..first + count {
        let mut random = Random::new(seed);
        let ty = random.of(&[Ty::Bool, Ty::Bool, Ty::Int, Ty::Float, Ty::Text, Ty::Decimal(2)]);
        let size = 1 + random.below(5);
        let expression = expression::random(ty, size, &mut random);
        let table = table(&mut random);
        let again = format!(
            "{expression}\nagain: PELTON_SEED={seed} PELTON_EXPRESSIONS=1 cargo test --release -p pelton-std-transforms --test oracle"
        );
        let made = std::panic::catch_unwind(|| engine(&expression, ty, &table)).unwrap_or_else(|_| panic!("{again}"));
        let Some(made) = made else {
            refused += 1;
            continue;
        };
        for (at, (row, made)) in table.iter().zip(made).enumerate() {
            let expected = oracle(&expression, row);
            let same = match (&expected, &made) {
                (Ok(expected), Ok(made)) => expected.is_same(made),
                (expected, made) => expected == made,
            };
            assert!(same, "row {at} {row:?}\nexpected {expected:?}, but it is {made:?}\n{again}");
            match made {
                Ok(Value::Null) => nulls += 1,
                Ok(_) => values += 1,
                Err(Rejected) => rejected += 1,
            }
        }
    }
    println!("{count} expressions: {values} values, {nulls} nulls, {rejected} rejected; {refused} expressions refused");
    let is_enough = values > 10 * count && nulls > 2 * count && rejected > count / 2 && refused * 20 < count;
    assert!(count < 1_000 || is_enough, "these expressions test little");
}
