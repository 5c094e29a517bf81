//! Operators and functions of the oracle, on single values.

use crate::value::{Rejected, Value};

type Made = Result<Value, Rejected>;

pub fn and(left: Value, right: impl FnOnce() -> Made) -> Made {
    if left == Value::Bool(false) {
        return Ok(left);
    }
    Ok(match (left, right()?) {
        (_, Value::Bool(false)) => Value::Bool(false),
        (Value::Bool(true), Value::Bool(true)) => Value::Bool(true),
        _ => Value::Null,
    })
}

pub fn or(left: Value, right: impl FnOnce() -> Made) -> Made {
    if left == Value::Bool(true) {
        return Ok(left);
    }
    Ok(match (left, right()?) {
        (_, Value::Bool(true)) => Value::Bool(true),
        (Value::Bool(false), Value::Bool(false)) => Value::Bool(false),
        _ => Value::Null,
    })
}

pub fn negate(value: Value) -> Made {
    Ok(match value {
        Value::Null => Value::Null,
        Value::Int(value) => Value::Int(value.checked_neg().ok_or(Rejected)?),
        Value::Float(value) => Value::Float(-value),
        Value::Decimal(value, scale) => Value::Decimal(-value, scale),
        other => panic!("there is no -{other:?}"),
    })
}

pub fn binary(operator: &str, left: &Value, right: &Value) -> Made {
    if left.is_null() || right.is_null() {
        return Ok(Value::Null);
    }
    if let Some(is) = comparison(operator) {
        return Ok(Value::Bool(is(left.order(right).expect("neither is null"))));
    }
    match (operator, left, right) {
        ("||", Value::Text(a), Value::Text(b)) => Ok(Value::Text(format!("{a}{b}"))),
        ("/", a, b) if b.float() == 0.0 => {
            assert!(!a.is_null());
            Err(Rejected)
        }
        ("+", Value::Int(a), Value::Int(b)) => a.checked_add(*b).map(Value::Int).ok_or(Rejected),
        ("-", Value::Int(a), Value::Int(b)) => a.checked_sub(*b).map(Value::Int).ok_or(Rejected),
        ("*", Value::Int(a), Value::Int(b)) => a.checked_mul(*b).map(Value::Int).ok_or(Rejected),
        ("%", Value::Int(_), Value::Int(0)) => Err(Rejected),
        ("%", Value::Int(a), Value::Int(b)) => Ok(Value::Int((i128::from(*a) % i128::from(*b)) as i64)),
        ("+", Value::Decimal(a, s), Value::Decimal(b, _)) => Ok(Value::Decimal(a + b, *s)),
        ("-", Value::Decimal(a, s), Value::Decimal(b, _)) => Ok(Value::Decimal(a - b, *s)),
        ("+", a, b) => Ok(Value::Float(a.float() + b.float())),
        ("-", a, b) => Ok(Value::Float(a.float() - b.float())),
        ("*", a, b) => Ok(Value::Float(a.float() * b.float())),
        ("/", a, b) => Ok(Value::Float(a.float() / b.float())),
        (operator, a, b) => panic!("there is no {a:?} {operator} {b:?}"),
    }
}

fn comparison(operator: &str) -> Option<fn(std::cmp::Ordering) -> bool> {
    Some(match operator {
        "=" => std::cmp::Ordering::is_eq,
        "!=" => std::cmp::Ordering::is_ne,
        "<" => std::cmp::Ordering::is_lt,
        "<=" => std::cmp::Ordering::is_le,
        ">" => std::cmp::Ordering::is_gt,
        ">=" => std::cmp::Ordering::is_ge,
        _ => return None,
    })
}

/// By trying every length for every `%`.
pub fn like(text: &[char], pattern: &[char]) -> bool {
    match (pattern, text) {
        ([], text) => text.is_empty(),
        (['%', rest @ ..], text) => (0..=text.len()).any(|at| like(&text[at..], rest)),
        (['_', rest @ ..], [_, text @ ..]) => like(text, rest),
        (['\\', letter, rest @ ..], [found, text @ ..]) => letter == found && like(text, rest),
        ([letter, rest @ ..], [found, text @ ..]) => letter == found && like(text, rest),
        _ => false,
    }
}

pub fn call(name: &str, arguments: &[Value]) -> Made {
    let first = &arguments[0];
    Ok(match (name, first) {
        ("abs", Value::Int(value)) => Value::Int(value.checked_abs().ok_or(Rejected)?),
        ("abs", value) => Value::Float(value.float().abs()),
        ("floor", value) => Value::Float(value.float().floor()),
        ("ceil", value) => Value::Float(value.float().ceil()),
        ("round", value) => Value::Float(value.float().round()),
        ("div", Value::Int(a)) => match arguments[1].int() {
            0 => return Err(Rejected),
            b => Value::Int(i64::try_from(i128::from(*a) / i128::from(b)).map_err(|_| Rejected)?),
        },
        ("length", text) => Value::Int(text.text().chars().count() as i64),
        ("lower", text) => Value::Text(text.text().to_lowercase()),
        ("upper", text) => Value::Text(text.text().to_uppercase()),
        ("trim", text) => Value::Text(text.text().trim().to_owned()),
        ("contains", text) => Value::Bool(text.text().contains(arguments[1].text())),
        ("starts_with", text) => Value::Bool(text.text().starts_with(arguments[1].text())),
        ("ends_with", text) => Value::Bool(text.text().ends_with(arguments[1].text())),
        ("replace", text) if arguments[1].text().is_empty() => text.clone(),
        ("replace", text) => Value::Text(text.text().replace(arguments[1].text(), arguments[2].text())),
        ("substring", text) => {
            let start = i128::from(arguments[1].int());
            let end = arguments.get(2).map_or(i128::MAX, |length| start + i128::from(length.int().max(0)));
            let letters = (1_i128..).zip(text.text().chars());
            Value::Text(letters.filter(|(at, _)| *at >= start && *at < end).map(|(_, letter)| letter).collect())
        }
        ("split_part", text) => {
            let (separator, n) = (arguments[1].text(), arguments[2].int());
            let mut parts: Vec<&str> =
                if separator.is_empty() { vec![text.text()] } else { text.text().split(separator).collect() };
            if n < 0 && separator.is_empty() && n != -1 {
                return Ok(Value::Null);
            }
            if n < 0 {
                parts.reverse();
            }
            let at = usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX);
            let part = at.checked_sub(1).and_then(|at| parts.get(at));
            part.map_or(Value::Null, |part| Value::Text((*part).to_owned()))
        }
        (name, value) => panic!("there is no {name}({value:?})"),
    })
}
