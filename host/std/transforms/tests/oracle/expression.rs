//! Random expressions of the oracle: how they are written, and what they are in one row.

use std::fmt;

use crate::value::{Random, Rejected, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ty {
    Bool,
    Int,
    Float,
    Text,
    /// With so many digits after the point.
    Decimal(u32),
}

#[derive(Debug, Clone)]
pub enum Expression {
    Column(&'static str),
    Literal(Value),
    /// An operator between two operands.
    Binary(&'static str, Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Negate(Box<Expression>),
    IsNull(Box<Expression>),
    In(Box<Expression>, Vec<Value>),
    Between(Box<Expression>, Box<Expression>, Box<Expression>),
    Like(Box<Expression>, String),
    /// Conditions and values.
    Case(Vec<(Expression, Expression)>, Option<Box<Expression>>),
    Call(&'static str, Vec<Expression>),
    Cast(Box<Expression>, Ty),
}

use Expression::{Between, Binary, Call, Case, Cast, Column, In, IsNull, Like, Literal, Negate, Not};

const TEXTS: [&str; 8] = ["", "a", "ab", "Ba b", "été", "%_", "aXbXc", " x "];
const INTS: [i64; 9] = [0, 1, -1, 2, 3, 7, 1 << 40, i64::MAX, i64::MIN];
const FLOATS: [f64; 7] = [0.0, 0.5, -1.5, 2.0, 1e300, 100.25, -3.0];

/// A value of a column.
pub fn value(ty: Ty, random: &mut Random) -> Value {
    match ty {
        Ty::Bool => Value::Bool(random.one_in(2)),
        Ty::Int if random.one_in(4) => Value::Int(random.of(&INTS)),
        Ty::Int => Value::Int(random.below(7) as i64 - 2),
        Ty::Float => {
            Value::Float(random.of(&[0.0, -0.0, 1.5, -2.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e18, 7.0]))
        }
        Ty::Text => Value::Text(random.of(&TEXTS).to_owned()),
        Ty::Decimal(scale) => Value::Decimal(random.below(2_000) as i128 - 1_000, scale),
    }
}

fn literal(ty: Ty, random: &mut Random) -> Expression {
    Literal(match ty {
        Ty::Int => Value::Int(random.of(&INTS)),
        Ty::Float => Value::Float(random.of(&FLOATS)),
        other => value(other, random),
    })
}

/// The columns: nullable, and not.
pub const COLUMNS: [(&str, Ty, bool); 9] = [
    ("i", Ty::Int, true),
    ("j", Ty::Int, false),
    ("f", Ty::Float, true),
    ("g", Ty::Float, false),
    ("t", Ty::Text, true),
    ("u", Ty::Text, false),
    ("b", Ty::Bool, true),
    ("c", Ty::Bool, false),
    ("d", Ty::Decimal(2), true),
];

/// An expression of type `ty`, with about `size` levels.
pub fn random(ty: Ty, size: usize, random: &mut Random) -> Expression {
    if size == 0 || random.one_in(6) {
        let columns: Vec<&str> = COLUMNS.iter().filter(|(_, of, _)| *of == ty).map(|(name, ..)| *name).collect();
        if columns.is_empty() || (random.one_in(4) && !matches!(ty, Ty::Decimal(_))) {
            return literal(ty, random);
        }
        return Column(random.of(&columns));
    }
    // What every type has.
    if random.one_in(5) {
        return choice(ty, size - 1, random);
    }
    let mut one = |ty: Ty| Box::new(self::random(ty, size - 1, random));
    match ty {
        Ty::Int => {
            let (a, b) = (one(Ty::Int), one(Ty::Int));
            match random.below(8) {
                0 => Negate(a),
                1 => Call("abs", vec![*a]),
                2 => Call("length", vec![self::random(Ty::Text, size - 1, random)]),
                3 => Call("div", vec![*a, *b]),
                4 => Binary("%", a, b),
                5 => Cast(Box::new(self::random(Ty::Bool, size - 1, random)), Ty::Int),
                _ => Binary(random.of(&["+", "-", "*"]), a, b),
            }
        }
        Ty::Float => {
            let (a, b) = (one(Ty::Float), one(random_number(size)));
            match size % 5 + random.below(3) {
                0 => Negate(a),
                1 => Call(random.of(&["floor", "ceil", "round", "abs"]), vec![*a]),
                2 => Binary("/", b, a),
                3 => Cast(Box::new(self::random(Ty::Int, size - 1, random)), Ty::Float),
                _ => Binary(random.of(&["+", "-", "*", "/"]), a, b),
            }
        }
        Ty::Text => {
            let (a, b) = (one(Ty::Text), one(Ty::Text));
            match random.below(7) {
                0 => Call(random.of(&["lower", "upper", "trim"]), vec![*a]),
                1 => Call("replace", vec![*a, literal(Ty::Text, random), *b]),
                2 => Call("substring", vec![*a, self::random(Ty::Int, 0, random)]),
                3 => Call("substring", vec![*a, self::random(Ty::Int, 0, random), self::random(Ty::Int, 0, random)]),
                4 => Call("split_part", vec![*a, literal(Ty::Text, random), self::random(Ty::Int, 0, random)]),
                5 => Cast(Box::new(self::random(Ty::Int, size - 1, random)), Ty::Text),
                _ => Binary("||", a, b),
            }
        }
        Ty::Bool => condition(size - 1, random),
        Ty::Decimal(scale) => {
            let (a, b) = (one(Ty::Decimal(scale)), one(Ty::Decimal(scale)));
            if random.one_in(3) { Negate(a) } else { Binary(random.of(&["+", "-"]), a, b) }
        }
    }
}

fn random_number(size: usize) -> Ty {
    if size.is_multiple_of(2) { Ty::Float } else { Ty::Int }
}

fn choice(ty: Ty, size: usize, random: &mut Random) -> Expression {
    let value = |random: &mut Random| self::random(ty, size, random);
    match random.below(4) {
        0 => Call("coalesce", vec![value(random), value(random)]),
        1 => Call("nullif", vec![value(random), value(random)]),
        2 => Call("if", vec![self::random(Ty::Bool, size, random), value(random), value(random)]),
        _ => {
            let arms = (0..=random.below(3))
                .map(|_| (self::random(Ty::Bool, size, random), self::random(ty, size, random)))
                .collect();
            let otherwise = if random.one_in(2) { Some(Box::new(self::random(ty, size, random))) } else { None };
            Case(arms, otherwise)
        }
    }
}

fn condition(size: usize, random: &mut Random) -> Expression {
    let one = |ty: Ty, random: &mut Random| Box::new(self::random(ty, size, random));
    let ty = random.of(&[Ty::Int, Ty::Float, Ty::Text, Ty::Bool, Ty::Decimal(2)]);
    match random.below(11) {
        0 => Not(one(Ty::Bool, random)),
        1 | 2 => Binary(random.of(&["and", "or"]), one(Ty::Bool, random), one(Ty::Bool, random)),
        3 => IsNull(one(ty, random)),
        4 => {
            let ty = if ty == Ty::Decimal(2) { Ty::Int } else { ty };
            let values = (0..=random.below(12))
                .map(|_| if random.one_in(8) { Value::Null } else { literal_value(ty, random) })
                .collect();
            In(one(ty, random), values)
        }
        5 => Between(one(ty, random), one(ty, random), one(ty, random)),
        6 => Like(
            one(Ty::Text, random),
            random.of(&["a%", "%b", "%a%", "_", "a_%b", "%", "", "%X%c", "é_é", "50\\%", "\\__"]).to_owned(),
        ),
        7 => Call(
            random.of(&["contains", "starts_with", "ends_with"]),
            vec![*one(Ty::Text, random), *one(Ty::Text, random)],
        ),
        8 => Binary(random.of(&["<", "=", ">="]), one(Ty::Int, random), one(Ty::Float, random)),
        9 => Binary(
            random.of(&["<", "=", ">="]),
            one(Ty::Decimal(2), random),
            Box::new(Literal(Value::Int(random.below(9) as i64 - 4))),
        ),
        _ => Binary(random.of(&["=", "!=", "<", "<=", ">", ">="]), one(ty, random), one(ty, random)),
    }
}

fn literal_value(ty: Ty, random: &mut Random) -> Value {
    match literal(ty, random) {
        Literal(value) => value,
        other => panic!("{other} is no literal"),
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |list: &[Expression]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Column(name) => f.write_str(name),
            Literal(value) => write_literal(value, f),
            Binary(operator, a, b) => write!(f, "({a} {operator} {b})"),
            Not(a) => write!(f, "(not {a})"),
            Negate(a) => write!(f, "(-({a}))"),
            IsNull(a) => write!(f, "({a} is null)"),
            In(a, values) => {
                let values: Vec<String> = values.iter().map(|value| Literal(value.clone()).to_string()).collect();
                write!(f, "({a} in ({}))", values.join(", "))
            }
            Between(a, low, high) => write!(f, "({a} between {low} and {high})"),
            Like(a, pattern) => write!(f, "({a} like '{pattern}')"),
            Case(arms, otherwise) => {
                f.write_str("case")?;
                for (condition, value) in arms {
                    write!(f, " when {condition} then {value}")?;
                }
                match otherwise {
                    Some(otherwise) => write!(f, " else {otherwise} end"),
                    None => f.write_str(" end"),
                }
            }
            Call(name, arguments) => write!(f, "{name}({})", list(arguments)),
            Cast(a, ty) => {
                let ty = match ty {
                    Ty::Int => "s64",
                    Ty::Float => "f64",
                    Ty::Text => "utf8",
                    Ty::Bool => "bool",
                    Ty::Decimal(_) => "decimal(18, 2)",
                };
                write!(f, "cast({a} as {ty})")
            }
        }
    }
}

fn write_literal(value: &Value, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        Value::Null => f.write_str("null"),
        Value::Bool(value) => write!(f, "{value}"),
        Value::Int(value) => write!(f, "{value}"),
        Value::Float(value) => write!(f, "{value:?}"),
        Value::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
        Value::Decimal(value, scale) => {
            let one = 10_i128.pow(*scale);
            let sign = if *value < 0 { "-" } else { "" };
            write!(
                f,
                "cast('{sign}{}.{:0width$}' as decimal(9, {scale}))",
                value.abs() / one,
                value.abs() % one,
                width = *scale as usize
            )
        }
    }
}

impl Expression {
    /// What it is in one row, by the book: nothing is computed that need not be.
    pub fn evaluate(&self, row: &dyn Fn(&str) -> Value) -> Result<Value, Rejected> {
        match self {
            Column(name) => Ok(row(name)),
            Literal(value) => Ok(value.clone()),
            Binary("and", a, b) => crate::naive::and(a.evaluate(row)?, || b.evaluate(row)),
            Binary("or", a, b) => crate::naive::or(a.evaluate(row)?, || b.evaluate(row)),
            Binary(operator, a, b) => crate::naive::binary(operator, &a.evaluate(row)?, &b.evaluate(row)?),
            Not(a) => Ok(match a.evaluate(row)? {
                Value::Bool(value) => Value::Bool(!value),
                _ => Value::Null,
            }),
            Negate(a) => crate::naive::negate(a.evaluate(row)?),
            IsNull(a) => Ok(Value::Bool(a.evaluate(row)?.is_null())),
            In(a, values) => {
                let value = a.evaluate(row)?;
                let found = values.iter().any(|one| one.order(&value).is_some_and(|order| order.is_eq()));
                let unknown = value.is_null() || !found && values.contains(&Value::Null);
                Ok(if unknown { Value::Null } else { Value::Bool(found) })
            }
            Between(a, low, high) => {
                let from = crate::naive::binary(">=", &a.evaluate(row)?, &low.evaluate(row)?)?;
                crate::naive::and(from, || crate::naive::binary("<=", &a.evaluate(row)?, &high.evaluate(row)?))
            }
            Like(a, pattern) => Ok(match a.evaluate(row)? {
                Value::Null => Value::Null,
                value => {
                    let (text, pattern): (Vec<char>, Vec<char>) =
                        (value.text().chars().collect(), pattern.chars().collect());
                    Value::Bool(crate::naive::like(&text, &pattern))
                }
            }),
            Case(arms, otherwise) => {
                for (condition, value) in arms {
                    if condition.evaluate(row)? == Value::Bool(true) {
                        return value.evaluate(row);
                    }
                }
                otherwise.as_ref().map_or(Ok(Value::Null), |otherwise| otherwise.evaluate(row))
            }
            Call("if", arguments) => match arguments[0].evaluate(row)? {
                Value::Bool(true) => arguments[1].evaluate(row),
                _ => arguments[2].evaluate(row),
            },
            Call("coalesce", arguments) => match arguments[0].evaluate(row)? {
                Value::Null => arguments[1].evaluate(row),
                value => Ok(value),
            },
            Call("nullif", arguments) => {
                let (a, b) = (arguments[0].evaluate(row)?, arguments[1].evaluate(row)?);
                Ok(if a.order(&b).is_some_and(|order| order.is_eq()) { Value::Null } else { a })
            }
            Call(name, arguments) => {
                let arguments =
                    arguments.iter().map(|argument| argument.evaluate(row)).collect::<Result<Vec<_>, _>>()?;
                if arguments.contains(&Value::Null) { Ok(Value::Null) } else { crate::naive::call(name, &arguments) }
            }
            Cast(a, to) => Ok(match (a.evaluate(row)?, to) {
                (Value::Null, _) => Value::Null,
                (Value::Bool(value), Ty::Int) => Value::Int(value.into()),
                (Value::Int(value), Ty::Float) => Value::Float(value as f64),
                (Value::Int(value), Ty::Text) => Value::Text(value.to_string()),
                (value, to) => panic!("the oracle casts no {value:?} to {to:?}"),
            }),
        }
    }
}
