//! From a tree to nodes with types: columns are looked up, operands brought to one type, constants computed.
//!
//! Null logic, and what can reject a row, is settled here: a node knows whether it can be null and whether it can fail.

use std::rc::Rc;

use pelton_guest::dynamic::suggest;

use super::{
    coerce::{arithmetic_type, cast_to, coerce, comparable_type, decimal_of},
    functions::{FUNCTIONS, Function, Makes, Wants},
    mistake::{Mistake, Span, snippet},
    node::{Literal, Node, Operation},
    syntax::{self, Arithmetic, Comparison, Expression, Form},
};
use crate::{
    evaluate::{Evaluation, Like, Set},
    input::Column,
    types::{Digits, F64, Kind, S64, Type},
    value::number,
    vector::{Scalar, Source},
};

pub(super) type Bound = Result<Node, Mistake>;

/// Binds expressions to the columns of an input. All of them share the columns that are read.
#[derive(Debug)]
pub struct Binder<'a> {
    columns: &'a [Column<'a>],
    pub sources: Vec<Source>,
}

/// The binder, and the text of the expression at hand.
pub(super) struct Binding<'b, 'a> {
    binder: &'b mut Binder<'a>,
    text: &'b str,
    /// Not every row asks for what is bound: the operands before it decide.
    is_guarded: bool,
}

impl<'a> Binder<'a> {
    pub fn new(columns: &'a [Column<'a>]) -> Self {
        Self { columns, sources: Vec::new() }
    }

    /// The nodes of `expression`, which was read from `text`.
    pub fn bind(&mut self, expression: &Expression, text: &str) -> Bound {
        Binding { binder: self, text, is_guarded: false }.bind(expression)
    }

    /// A column by its name.
    pub fn column(&mut self, column: &Column<'_>) -> Node {
        let name = &column.field.name;
        let place = self.sources.iter().position(|source| source.name == *name).unwrap_or_else(|| {
            self.sources.push(Source::new(column));
            self.sources.len() - 1
        });
        Node {
            operation: Operation::Column(place),
            ty: Type::of(&column.field.format),
            nullable: column.field.nullable,
            fails: false,
            text: name.as_str().into(),
        }
    }
}

impl Binding<'_, '_> {
    fn bind(&mut self, expression: &Expression) -> Bound {
        let at = &expression.at;
        let node = match &expression.form {
            Form::Column(name) => self.column(name, at)?,
            Form::Literal(literal) => self.literal(literal, at)?,
            Form::Negate(value) => self.negate(value, at)?,
            Form::Not(value) => {
                let value = self.bool(value, "`not`")?;
                let (nullable, fails) = (value.nullable, value.fails);
                self.node(at, Operation::Not(value.into()), Type::Bool, nullable, fails)
            }
            Form::And(list) => self.logic(list, "`and`", Operation::And, at)?,
            Form::Or(list) => self.logic(list, "`or`", Operation::Or, at)?,
            Form::Arithmetic(operator, left, right) => {
                let (left_node, right_node) = (self.bind(left)?, self.bind(right)?);
                self.arithmetic(*operator, left_node, right_node, at)?
            }
            Form::Compare(comparison, left, right) => {
                let (left, right) = (self.bind(left)?, self.bind(right)?);
                self.compare(*comparison, left, right, at)?
            }
            Form::Concat(list) => {
                let concat =
                    Function::find("concat").ok_or_else(|| Mistake::new(at, "there is no function `concat`"))?;
                self.call(concat, list, at)?
            }
            Form::IsNull(value) => {
                let value = self.bind(value)?;
                let fails = value.fails;
                self.node(at, Operation::IsNull(value.into()), Type::Bool, false, fails)
            }
            Form::In(value, list) => self.is_in(value, list, at)?,
            Form::Like(value, pattern) => self.like(value, pattern, at)?,
            Form::Call(name, arguments) => self.named(name, arguments, at)?,
            Form::Case { arms, otherwise } => self.case(arms, otherwise.as_deref(), at)?,
            Form::Cast { value, to, to_at, is_try } => {
                let to = Type::parse(to).map_err(|what| Mistake::new(to_at, what))?;
                let value = self.bind(value)?;
                cast_to(value, to, *is_try, &self.snippet(at)).map_err(|what| Mistake::new(at, what))?
            }
        };
        self.fold(node, at, self.is_guarded)
    }

    /// What only some rows ask for.
    fn guarded<T>(&mut self, bind: impl FnOnce(&mut Self) -> T) -> T {
        let was = std::mem::replace(&mut self.is_guarded, true);
        let bound = bind(self);
        self.is_guarded = was;
        bound
    }

    /// Operands of which each is asked for where those before it have not decided.
    fn in_turn<I, T>(&mut self, of: I, mut bind: impl FnMut(&mut Self, usize, I::Item) -> T) -> Vec<T>
    where
        I: IntoIterator,
    {
        let each = |(index, item)| match index {
            0 => bind(self, index, item),
            _ => self.guarded(|binding| bind(binding, index, item)),
        };
        of.into_iter().enumerate().map(each).collect()
    }

    fn snippet(&self, at: &Span) -> Rc<str> {
        snippet(self.text, at).into()
    }

    pub(super) fn node(&self, at: &Span, operation: Operation, ty: Type, nullable: bool, fails: bool) -> Node {
        Node { operation, ty, nullable, fails, text: self.snippet(at) }
    }

    /// A node without columns is computed once, here; one that fails stays, if not every row asks for it.
    fn fold(&self, node: Node, at: &Span, is_guarded: bool) -> Bound {
        let constant = |node: &Node| node.literal().is_some();
        let is_constant = match &node.operation {
            Operation::Column(_) | Operation::Literal(_) => false,
            Operation::Not(value) | Operation::IsNull(value) | Operation::In(value, _) | Operation::Like(value, _) => {
                constant(value)
            }
            Operation::Cast { value, .. } => constant(value),
            Operation::And(list) | Operation::Or(list) | Operation::Coalesce(list) | Operation::Call(_, list) => {
                list.iter().all(constant)
            }
            Operation::Arithmetic(_, both) | Operation::Compare(_, both) => both.iter().all(constant),
            Operation::Choose { arms, otherwise } => {
                arms.iter().all(|(condition, value)| constant(condition) && constant(value))
                    && otherwise.as_deref().is_none_or(constant)
            }
        };
        if !is_constant || node.ty.kind() == Kind::Presence {
            return Ok(node);
        }
        let evaluation = Evaluation::new(Vec::new(), 1);
        let vector = evaluation.evaluate(&node).map_err(|what| Mistake::new(at, what))?;
        if let Some((_, why)) = evaluation.into_faults().into_iter().next() {
            if is_guarded {
                return Ok(node);
            }
            return Err(Mistake::new(at, format!("this would reject every row: {why}")));
        }
        let value = vector.scalar(0);
        let nullable = value == Scalar::Null;
        Ok(Node { operation: Operation::Literal(Literal { value, exact: None }), nullable, fails: false, ..node })
    }

    fn column(&mut self, name: &str, at: &Span) -> Bound {
        let columns = self.binder.columns;
        match columns.iter().find(|column| column.field.name == name) {
            Some(column) => Ok(self.binder.column(column)),
            None => {
                let names = columns.iter().map(|column| column.field.name.as_str());
                let mut what = format!("the input has no column `{name}`: {}", suggest(name, names));
                if let Some(function) = Function::find(&name.to_ascii_lowercase()) {
                    what += &format!("; the function is written {}", function.signature());
                }
                Err(Mistake::new(at, what))
            }
        }
    }

    fn literal(&self, literal: &syntax::Literal, at: &Span) -> Bound {
        let plain = |value: Scalar, ty: Type| (Literal { value, exact: None }, ty);
        let (literal, ty) = match literal {
            syntax::Literal::Null => plain(Scalar::Null, Type::Null),
            syntax::Literal::Bool(value) => plain(Scalar::Bool(*value), Type::Bool),
            syntax::Literal::Text(text) => plain(Scalar::Text(text.as_str().into()), Type::Text),
            syntax::Literal::Number(text) => return self.number(text, at),
        };
        let nullable = literal.value == Scalar::Null;
        Ok(self.node(at, Operation::Literal(literal), ty, nullable, false))
    }

    fn number(&self, text: &str, at: &Span) -> Bound {
        let (literal, ty) = number_literal(text).ok_or_else(|| Mistake::new(at, "this number is too large"))?;
        Ok(self.node(at, Operation::Literal(literal), ty, false, false))
    }

    fn negate(&mut self, value: &Expression, at: &Span) -> Bound {
        let node = self.bind(value)?;
        let is_float = node.ty.is_float();
        let (operator, first) = if is_float { (Arithmetic::Multiply, "-1.0") } else { (Arithmetic::Subtract, "0") };
        let first = self.number(first, at)?;
        self.arithmetic(operator, first, node, at)
    }

    /// A bool operand of `operator`.
    fn bool(&mut self, value: &Expression, operator: &str) -> Bound {
        let node = self.bind(value)?;
        if matches!(node.ty, Type::Bool | Type::Null) {
            return coerce(node, &Type::Bool).map_err(|what| Mistake::new(&value.at, what));
        }
        let what = format!(
            "{operator} wants true or false, but this is {}: compare it, as in `{} = …`",
            node.ty.name(),
            node.text
        );
        Err(Mistake::new(&value.at, what))
    }

    fn logic(&mut self, list: &[Expression], name: &str, of: fn(Vec<Node>) -> Operation, at: &Span) -> Bound {
        let list = self.in_turn(list, |binding, _, value| binding.bool(value, name));
        let list = list.into_iter().collect::<Result<Vec<_>, _>>()?;
        let (nullable, fails) = (any_nullable(&list), any_fails(&list));
        Ok(self.node(at, of(list), Type::Bool, nullable, fails))
    }

    fn arithmetic(&mut self, operator: Arithmetic, left: Node, right: Node, at: &Span) -> Bound {
        let types = arithmetic_type(operator, &left, &right).map_err(|what| Mistake::new(at, what))?;
        let operand = |node: Node, ty: &Type| coerce(node, ty).map_err(|what| Mistake::new(at, what));
        let both = [operand(left, &types.left)?, operand(right, &types.right)?];
        let nullable = any_nullable(&both);
        let divides = matches!(operator, Arithmetic::Divide | Arithmetic::Quotient | Arithmetic::Remainder);
        let fails = divides || !types.makes.is_float() || any_fails(&both);
        Ok(self.node(at, Operation::Arithmetic(operator, both.into()), types.makes, nullable, fails))
    }

    fn compare(&mut self, comparison: Comparison, left: Node, right: Node, at: &Span) -> Bound {
        let ty = comparable_type(&[&left, &right], comparison.symbol()).map_err(|what| Mistake::new(at, what))?;
        let operand = |node: Node| coerce(node, &ty).map_err(|what| Mistake::new(at, what));
        let both = [operand(left)?, operand(right)?];
        let (nullable, fails) = (any_nullable(&both), any_fails(&both));
        Ok(self.node(at, Operation::Compare(comparison, both.into()), Type::Bool, nullable, fails))
    }

    fn is_in(&mut self, value: &Expression, list: &[Expression], at: &Span) -> Bound {
        let value = self.bind(value)?;
        let mut nodes = Vec::with_capacity(list.len());
        for expression in list {
            let node = self.bind(expression)?;
            if node.literal().is_none() {
                return Err(Mistake::new(&expression.at, "`in` takes literals: compare columns with `=` and `or`"));
            }
            nodes.push(node);
        }
        let all: Vec<&Node> = std::iter::once(&value).chain(&nodes).collect();
        let ty = comparable_type(&all, "in").map_err(|what| Mistake::new(at, what))?;
        let coerced = |node: Node, at: &Span| {
            let node = coerce(node, &ty).map_err(|what| Mistake::new(at, what))?;
            // A value of the list is a literal, or nothing.
            self.fold(node, at, false)
        };
        let literals = nodes.into_iter().zip(list).map(|(node, expression)| coerced(node, &expression.at));
        let literals = literals.collect::<Result<Vec<_>, _>>()?;
        let set = Set::new(ty.kind(), literals.iter().filter_map(Node::literal).map(|literal| &literal.value));
        let value = coerced(value, at)?;
        let (nullable, fails) = (value.nullable || set.has_null(), value.fails);
        Ok(self.node(at, Operation::In(value.into(), set), Type::Bool, nullable, fails))
    }

    fn like(&mut self, value: &Expression, pattern: &Expression, at: &Span) -> Bound {
        let node = self.wanted(value, Wants::Text, "`like`")?;
        let like = match self.bind(pattern)?.literal().map(|literal| literal.value.clone()) {
            Some(Scalar::Text(text)) => Like::new(&text).map_err(|what| Mistake::new(&pattern.at, what))?,
            _ => return Err(Mistake::new(&pattern.at, "the pattern of `like` is text in `'`, such as 'a%'")),
        };
        let (nullable, fails) = (node.nullable, node.fails);
        Ok(self.node(at, Operation::Like(node.into(), like), Type::Bool, nullable, fails))
    }

    fn case(&mut self, arms: &[(Expression, Expression)], otherwise: Option<&Expression>, at: &Span) -> Bound {
        const ARMS_MAX: usize = 1_000;
        if arms.len() > ARMS_MAX {
            return Err(Mistake::new(at, format!("a `case` has at most {ARMS_MAX} arms")));
        }
        let conditions = self.in_turn(arms, |binding, _, (condition, _)| binding.bool(condition, "`when`"));
        let conditions = conditions.into_iter().collect::<Result<Vec<_>, _>>()?;
        let values = arms.iter().map(|(_, value)| value).chain(otherwise);
        let values = self.guarded(|binding| values.map(|value| binding.bind(value)).collect::<Result<Vec<_>, _>>())?;
        let (mut values, ty) = self.same_type(values, "the values of one `case`", at)?;
        let fails = any_fails(&conditions) || any_fails(&values);
        let nullable = otherwise.is_none() || any_nullable(&values);
        let otherwise = otherwise.and_then(|_| values.pop()).map(Box::new);
        let arms = conditions.into_iter().zip(values).collect();
        Ok(self.node(at, Operation::Choose { arms, otherwise }, ty, nullable, fails))
    }

    /// Values of which one is taken, in one type.
    fn same_type(&self, values: Vec<Node>, what: &str, at: &Span) -> Result<(Vec<Node>, Type), Mistake> {
        let ty = comparable_type(&values.iter().collect::<Vec<_>>(), what).map_err(|what| Mistake::new(at, what))?;
        let coerced = |node| coerce(node, &ty).map_err(|what| Mistake::new(at, what));
        Ok((values.into_iter().map(coerced).collect::<Result<_, _>>()?, ty))
    }

    fn named(&mut self, name: &str, arguments: &[Expression], at: &Span) -> Bound {
        match Function::find(name) {
            Some(function) => self.call(function, arguments, at),
            None => {
                let names = FUNCTIONS.iter().map(|function| function.name);
                Err(Mistake::new(at, format!("there is no function `{name}`: {}", suggest(name, names))))
            }
        }
    }

    fn call(&mut self, function: &'static Function, arguments: &[Expression], at: &Span) -> Bound {
        if !function.takes(arguments.len()) {
            let what = format!("{} arguments are given, but the function is {}", arguments.len(), function.signature());
            return Err(Mistake::new(at, what));
        }
        let name = format!("`{}`", function.name);
        let bound = match function.makes {
            Makes::If | Makes::Coalesce => {
                self.in_turn(arguments, |binding, at, argument| binding.wanted(argument, function.wants(at), &name))
            }
            Makes::Call(_) | Makes::NullIf | Makes::Quotient => {
                let arguments = arguments.iter().enumerate();
                arguments.map(|(at, argument)| self.wanted(argument, function.wants(at), &name)).collect()
            }
        };
        let nodes = bound.into_iter().collect::<Result<Vec<_>, _>>()?;
        match (function.makes, nodes.as_slice()) {
            (Makes::Call(call), _) => {
                let nullable = call.makes_null() || any_nullable(&nodes);
                let fails = call.fails() || any_fails(&nodes);
                let ty = call.makes(&nodes);
                Ok(self.node(at, Operation::Call(call, nodes), ty, nullable, fails))
            }
            (Makes::Coalesce, _) => {
                let (nodes, ty) = self.same_type(nodes, "the arguments of `coalesce`", at)?;
                let nullable = nodes.iter().all(|node| node.nullable);
                let fails = any_fails(&nodes);
                Ok(self.node(at, Operation::Coalesce(nodes), ty, nullable, fails))
            }
            (Makes::If, [condition, then, otherwise]) => {
                let condition = condition.clone();
                let (values, ty) = self.same_type(vec![then.clone(), otherwise.clone()], "the values of `if`", at)?;
                let (nullable, fails) = (any_nullable(&values), condition.fails || any_fails(&values));
                let mut values = values.into_iter();
                let arms = values.next().map(|then| (condition, then)).into_iter().collect();
                Ok(self.node(
                    at,
                    Operation::Choose { arms, otherwise: values.next().map(Box::new) },
                    ty,
                    nullable,
                    fails,
                ))
            }
            (Makes::Quotient, [left, right]) => self.arithmetic(Arithmetic::Quotient, left.clone(), right.clone(), at),
            _ => Err(Mistake::new(at, format!("the function is {}", function.signature()))),
        }
    }

    /// An operand of `operator` that must be `wants`.
    fn wanted(&mut self, expression: &Expression, wants: Wants, operator: &str) -> Bound {
        if wants == Wants::Bool {
            return self.bool(expression, operator);
        }
        let node = self.bind(expression)?;
        let (fits, target, wanted) = match wants {
            Wants::Same | Wants::Bool => return Ok(node),
            Wants::Text => (node.ty == Type::Text, Type::Text, "text"),
            Wants::Whole => (
                node.ty.is_number() && decimal_of(&node).is_some_and(|digits| digits.scale == 0),
                S64,
                "a whole number",
            ),
            Wants::Real => (node.ty.is_number(), F64, "a number"),
            Wants::Number => (node.ty.is_number(), node.ty.clone(), "a number"),
            Wants::Time => {
                (matches!(node.ty, Type::Date | Type::Timestamp(..)), node.ty.clone(), "a date or a timestamp")
            }
        };
        let refuse = |what: String| Err(Mistake::new(&expression.at, what));
        if node.ty == Type::Null {
            let target = if wants == Wants::Time {
                Type::Date
            } else if wants == Wants::Number {
                S64
            } else {
                target
            };
            return coerce(node, &target).map_err(|what| Mistake::new(&expression.at, what));
        }
        match &node.ty {
            Type::Timestamp(_, zone) if wants == Wants::Time && !is_utc(zone) => refuse(format!(
                "a module knows no clock of {zone}: read it in UTC, with `cast({} as timestamp[us])`",
                node.text
            )),
            _ if fits => coerce(node, &target).map_err(|what| Mistake::new(&expression.at, what)),
            ty if wants == Wants::Text => {
                refuse(format!("{operator} wants text, but this is {}: write `cast({} as utf8)`", ty.name(), node.text))
            }
            ty => refuse(format!("{operator} wants {wanted}, but this is {}", ty.name())),
        }
    }
}

/// Whether times of this zone are UTC's.
pub fn is_utc(zone: &str) -> bool {
    matches!(zone, "" | "UTC" | "utc" | "Etc/UTC" | "GMT" | "Z" | "+00:00")
}

fn any_nullable(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| node.nullable)
}

fn any_fails(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| node.fails)
}

/// The value and type of a number as written, and its digits. s64 if it is whole and fits; f64 if it has a point or an exponent.
fn number_literal(text: &str) -> Option<(Literal, Type)> {
    let exact = exact(text);
    if text.contains(['.', 'e', 'E']) {
        let value: f64 = text.parse().ok().filter(|value: &f64| value.is_finite())?;
        let exact = exact.filter(|_| !text.contains(['e', 'E']));
        return Some((Literal { value: Scalar::Real(value), exact }, F64));
    }
    let (unscaled, digits) = exact?;
    Some(match i64::try_from(unscaled) {
        Ok(value) => (Literal { value: Scalar::Whole(value), exact }, S64),
        Err(_) => (Literal { value: Scalar::Wide(unscaled), exact }, Type::Decimal(digits)),
    })
}

/// The digits of a number without an exponent; none if it has more than a decimal.
fn exact(text: &str) -> Option<(i128, Digits)> {
    let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let scale = u8::try_from(scale).ok().filter(|scale| *scale <= 37)?;
    let unscaled = number::parse(text)?.at_scale(scale)?;
    let digits = unscaled.unsigned_abs().checked_ilog10().map_or(1, |digits| digits + 1);
    let precision = u8::try_from(digits).ok()?.max(scale).max(1);
    (precision <= 38).then_some((unscaled, Digits { precision, scale }))
}
