//! Types that meet: which one they have together, and how a value gets it.
//!
//! Whole numbers are s64 together, or decimals if one of them is a decimal or u64; with a float all are f64. A literal with a point is a
//! decimal beside decimals, and a float elsewhere. Text literals beside dates and timestamps are read as such.

use std::rc::Rc;

use pelton_guest::dynamic::{Number, TimeUnit};

use super::{
    bind::is_utc,
    node::{Literal, Node, Operation},
    syntax::Arithmetic,
};
use crate::{
    types::{Digits, F64, PRECISION_MAX, S64, Type, Zone, per_second},
    value::{number, time},
    vector::Scalar,
};

/// What an arithmetic operation takes and makes.
pub struct ArithmeticTypes {
    pub left: Type,
    pub right: Type,
    pub makes: Type,
}

/// What a number is before it meets another.
#[derive(Clone, Copy, PartialEq)]
enum Class {
    Whole(Digits),
    Decimal(Digits),
    /// A literal with a point, whose digits are known.
    Pointed(Digits),
    Float,
}

impl Class {
    /// None for what is no number.
    fn of(node: &Node) -> Option<Self> {
        let exact = node.literal().and_then(|literal| literal.exact).map(|(_, digits)| digits);
        Some(match (&node.ty, exact) {
            (Type::Number(Number::F32 | Number::F64), Some(digits)) => Self::Pointed(digits),
            (Type::Number(Number::F32 | Number::F64), None) => Self::Float,
            (Type::Number(Number::U64), _) => Self::Decimal(Digits { precision: 20, scale: 0 }),
            (Type::Number(number), exact) => Self::Whole(exact.or_else(|| Digits::of(*number))?),
            (Type::Decimal(digits), exact) => Self::Decimal(exact.unwrap_or(*digits)),
            _ => return None,
        })
    }

    fn digits(self) -> Option<Digits> {
        match self {
            Self::Whole(digits) | Self::Decimal(digits) | Self::Pointed(digits) => Some(digits),
            Self::Float => None,
        }
    }
}

/// The digits of a number; none for floats and what is no number.
pub fn decimal_of(node: &Node) -> Option<Digits> {
    Class::of(node)?.digits()
}

/// The type that numbers of these classes have together.
fn together(classes: &[Class]) -> Type {
    let is_decimal = classes.iter().any(|class| matches!(class, Class::Decimal(_)));
    let is_float =
        classes.iter().any(|class| matches!(class, Class::Float) || !is_decimal && matches!(class, Class::Pointed(_)));
    if is_float {
        return F64;
    }
    match classes.iter().filter_map(|class| class.digits()).reduce(Digits::union) {
        Some(digits) if is_decimal => Type::Decimal(digits),
        _ => S64,
    }
}

/// The types of `left operator right`.
pub fn arithmetic_type(operator: Arithmetic, left: &Node, right: &Node) -> Result<ArithmeticTypes, String> {
    let class = |node: &Node, other: &Node| match (&node.ty, &other.ty) {
        (Type::Null, Type::Null) => Ok(Class::Whole(Digits { precision: 1, scale: 0 })),
        (Type::Null, _) => Class::of(other).ok_or_else(|| no_number(operator, other)),
        _ => Class::of(node).ok_or_else(|| no_number(operator, node)),
    };
    let classes = [class(left, right)?, class(right, left)?];
    let same = |ty: Type| ArithmeticTypes { left: ty.clone(), right: ty.clone(), makes: ty };
    let common = if operator == Arithmetic::Divide { F64 } else { together(&classes) };
    let ([Some(first), Some(second)], Type::Decimal(union)) = (classes.map(Class::digits), &common) else {
        return whole_only(operator, same(common));
    };
    let union = *union;
    let within = |precision: u8, scale: u8| Type::Decimal(Digits { precision: precision.min(PRECISION_MAX), scale });
    match operator {
        Arithmetic::Multiply => {
            let scale = first.scale + second.scale;
            if scale > PRECISION_MAX {
                return Err(format!(
                    "the product would have {scale} digits after the point, and a decimal has {PRECISION_MAX} at most: cast a side to fewer"
                ));
            }
            Ok(ArithmeticTypes {
                left: Type::Decimal(first),
                right: Type::Decimal(second),
                makes: within(first.precision.saturating_add(second.precision), scale),
            })
        }
        Arithmetic::Add | Arithmetic::Subtract => {
            Ok(ArithmeticTypes { makes: within(union.precision + 1, union.scale), ..same(common) })
        }
        Arithmetic::Divide | Arithmetic::Quotient | Arithmetic::Remainder => {
            if operator == Arithmetic::Quotient && union.scale > 0 {
                return Err("`div` is for whole numbers: cast both sides, or divide with `/`".to_owned());
            }
            Ok(same(common))
        }
    }
}

fn whole_only(operator: Arithmetic, types: ArithmeticTypes) -> Result<ArithmeticTypes, String> {
    if operator == Arithmetic::Quotient && types.makes.is_float() {
        return Err("`div` is for whole numbers: cast both sides, or divide with `/`".to_owned());
    }
    Ok(types)
}

fn no_number(operator: Arithmetic, node: &Node) -> String {
    let (symbol, name) = (operator.symbol(), node.ty.name());
    let hint = match &node.ty {
        Type::Text if operator == Arithmetic::Add => "join text with `||`, or cast it",
        Type::Date | Type::Timestamp(..) => "`cast(… as s64)` counts its units since 1970",
        _ => "cast it",
    };
    format!("`{symbol}` is for numbers, but `{}` is {name}: {hint}", node.text)
}

/// The type that values have together when they are compared, or one of them is taken.
pub fn comparable_type(nodes: &[&Node], what: &str) -> Result<Type, String> {
    let typed: Vec<&Node> = nodes.iter().copied().filter(|node| node.ty != Type::Null).collect();
    let Some(first) = typed.first() else { return Ok(Type::Text) };
    if let Some(other) = typed.iter().find(|node| matches!(node.ty, Type::Other(_))) {
        return Err(format!("`{}` is {}, of which only `is null` is known", other.text, other.ty.name()));
    }
    if typed.iter().all(|node| node.ty == first.ty) {
        return Ok(first.ty.clone());
    }
    if let Some(classes) = typed.iter().map(|node| Class::of(node)).collect::<Option<Vec<_>>>() {
        return Ok(together(&classes));
    }
    let is_literal_text = |node: &&Node| node.ty == Type::Text && node.literal().is_some();
    let others: Vec<&Node> = typed.iter().copied().filter(|node| !is_literal_text(node)).collect();
    if others.iter().all(|node| node.ty == Type::Date) {
        return Ok(Type::Date);
    }
    if let Some(stamps) = others.iter().map(|node| stamp(&node.ty)).collect::<Option<Vec<_>>>() {
        let finest = stamps.iter().max_by_key(|(unit, _)| per_second(*unit));
        let zone = stamps.iter().map(|(_, zone)| *zone).find(|zone| !zone.is_empty());
        if let Some((unit, _)) = finest {
            return Ok(Type::Timestamp(*unit, zone.cloned().unwrap_or_default()));
        }
    }
    let second = typed.iter().find(|node| node.ty != first.ty).unwrap_or(first);
    let [one, other] = [first, second].map(|node| format!("`{}` is {}", node.text, node.ty.name()));
    Err(format!("{one}, and {other}: {what} is for values of one type, so cast one of them"))
}

fn stamp(ty: &Type) -> Option<(TimeUnit, &Zone)> {
    match ty {
        Type::Timestamp(unit, zone) => Some((*unit, zone)),
        _ => None,
    }
}

/// The value in type `ty`, which [`arithmetic_type`] or [`comparable_type`] gave.
pub fn coerce(node: Node, ty: &Type) -> Result<Node, String> {
    if node.ty == *ty {
        return Ok(node);
    }
    if let Some(literal) = node.literal() {
        let value = retyped(literal, &node, ty)?;
        if let Some(value) = value {
            let literal = Literal { value, exact: literal.exact };
            return Ok(Node { operation: Operation::Literal(literal), ty: ty.clone(), ..node });
        }
    }
    let text = Rc::clone(&node.text);
    cast_to(node, ty.clone(), false, &text)
}

/// A literal in another type, where that is more than a cast.
fn retyped(literal: &Literal, node: &Node, ty: &Type) -> Result<Option<Scalar>, String> {
    Ok(match (&literal.value, ty, literal.exact) {
        (Scalar::Null, ..) => Some(Scalar::Null),
        (Scalar::Whole(value), ty, _) if ty.is_float() => Some(Scalar::Real(*value as f64)),
        (Scalar::Text(text), Type::Date, _) => {
            let days = time::parse_date(text)
                .ok_or_else(|| format!("`{}` is no date: write it as '2026-02-28'", node.text))?;
            Some(Scalar::Whole(days))
        }
        (Scalar::Text(text), Type::Timestamp(unit, zone), _) => {
            let moment = time::parse_timestamp(text, *unit, is_utc(zone));
            let moment = moment.ok_or_else(|| {
                let offset = if is_utc(zone) { "" } else { "+01:00" };
                format!("`{}` is no {}: write it as '2026-02-28T10:00:00{offset}'", node.text, ty.name())
            })?;
            Some(Scalar::Whole(moment))
        }
        (_, Type::Decimal(digits), Some((unscaled, own))) if digits.scale >= own.scale => {
            number::Exact { mantissa: unscaled, exponent: -i32::from(own.scale) }
                .at_scale(digits.scale)
                .map(Scalar::Wide)
        }
        _ => None,
    })
}

/// `cast(node as to)`, written as `text`.
pub fn cast_to(node: Node, to: Type, is_try: bool, text: &Rc<str>) -> Result<Node, String> {
    if node.ty == Type::Null {
        return coerce(node, &to);
    }
    if !can_cast(&node.ty, &to) {
        let hint = if to == Type::Bool { ": compare it, as in `x != 0`" } else { "" };
        return Err(format!("{} cannot be cast to {}{hint}", node.ty.name(), to.name()));
    }
    if is_same(&node.ty, &to) {
        return Ok(Node { ty: to, text: Rc::clone(text), ..node });
    }
    let can_fail = !always_fits(&node.ty, &to);
    let nullable = node.nullable || is_try && can_fail;
    let fails = node.fails || !is_try && can_fail;
    Ok(Node {
        operation: Operation::Cast { value: node.into(), is_try },
        ty: to,
        nullable,
        fails,
        text: Rc::clone(text),
    })
}

fn can_cast(from: &Type, to: &Type) -> bool {
    let is_stamp = |ty: &Type| matches!(ty, Type::Timestamp(..));
    match (from, to) {
        (Type::Other(_), _) | (_, Type::Other(_) | Type::Null) => false,
        (from, to) if from == to => true,
        (Type::Text, _) | (_, Type::Text) => true,
        (Type::Bool, to) => to.is_number(),
        (_, Type::Bool) => false,
        (Type::Date, Type::Timestamp(_, zone)) | (Type::Timestamp(_, zone), Type::Date) => is_utc(zone),
        (Type::Date, to) => to.is_number() && !to.is_float(),
        (from, to) if is_stamp(from) => is_stamp(to) || to.is_number() && !to.is_float(),
        (from, Type::Date | Type::Timestamp(..)) => from.is_number() && !from.is_float(),
        (from, to) => from.is_number() && to.is_number(),
    }
}

/// Whether a value of `from` is one of `to` as it is computed.
fn is_same(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (from, to) if from == to => true,
        (Type::Timestamp(unit, _), Type::Timestamp(other, _)) => unit == other,
        (Type::Decimal(from), Type::Decimal(to)) => from.scale == to.scale && from.precision <= to.precision,
        (Type::Number(Number::U64), Type::Decimal(to)) => to.scale == 0 && to.precision >= 20,
        (Type::Number(Number::F32), Type::Number(Number::F64)) => true,
        (from, to) => from.kind() == to.kind() && always_fits(from, to),
    }
}

/// Whether every value of `from` has one of `to`.
fn always_fits(from: &Type, to: &Type) -> bool {
    let digits = |ty: &Type| match ty {
        Type::Number(number) => Digits::of(*number),
        Type::Decimal(digits) => Some(*digits),
        _ => None,
    };
    match (from, to) {
        (_, Type::Text) => true,
        (Type::Text, _) => false,
        (Type::Bool, to) => !matches!(to, Type::Decimal(digits) if digits.precision == digits.scale),
        // Numbers out of range are infinite in f32 alone.
        (_, Type::Number(Number::F64)) => true,
        (Type::Timestamp(unit, _), Type::Timestamp(other, _)) => per_second(*unit) >= per_second(*other),
        (from, to) => match (from.bounds(), to.bounds()) {
            (Some((least, most)), Some((low, high))) if !matches!((from, to), (Type::Date, Type::Timestamp(..))) => {
                low <= least && most <= high
            }
            _ => match (digits(from), to) {
                // A number that is rounded up may need a digit more.
                (Some(from), Type::Decimal(to)) => {
                    from.scale <= to.scale && from.precision - from.scale <= to.precision - to.scale
                }
                _ => false,
            },
        },
    }
}
