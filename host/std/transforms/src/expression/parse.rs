//! From tokens to a tree: precedence climbing.
//!
//! | binds | |
//! |---|---|
//! | loosest | `or` |
//! | | `and` |
//! | | `not` |
//! | | `=` `!=` `<` `<=` `>` `>=`, `is null`, `in`, `between`, `like`: one of them, not two in a row |
//! | | `\|\|` |
//! | | `+` `-` |
//! | | `*` `/` `%` |
//! | tightest | `-` before a value |
//!
//! Invariant: the parser never descends more than [`DEPTH_MAX`] levels, and no tree is higher than [`HEIGHT_MAX`] or larger
//! than [`NODES_MAX`].

use super::{
    mistake::{Mistake, Span},
    syntax::{Arithmetic, Comparison, Expression, Form, Literal},
    token::{Kind, Token, tokens},
};

/// Longer expressions are written by machines, for which `open` is the wrong place.
pub const LENGTH_MAX: usize = 64 << 10;
const DEPTH_MAX: usize = 64;
const HEIGHT_MAX: usize = 128;
const NODES_MAX: usize = 10_000;

type Parsed = Result<Expression, Mistake>;

/// How tightly operators bind.
mod power {
    pub const OR: u8 = 1;
    pub const AND: u8 = 2;
    pub const NOT: u8 = 3;
    pub const COMPARE: u8 = 4;
    pub const CONCAT: u8 = 5;
    pub const ADD: u8 = 6;
    pub const MULTIPLY: u8 = 7;
    pub const NEGATE: u8 = 8;
}

/// Words that are no columns; one with such a name is written in quotes.
const KEYWORDS: [&str; 17] = [
    "and", "or", "not", "is", "null", "in", "like", "between", "case", "when", "then", "else", "end", "true", "false",
    "cast", "try_cast",
];

/// Reads an expression.
pub fn parse(text: &str) -> Parsed {
    if text.len() > LENGTH_MAX {
        return Err(Mistake::new(
            &(0..0),
            format!("an expression has at most {LENGTH_MAX} bytes, and this has {}", text.len()),
        ));
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0 };
    let expression = parser.expression(0)?;
    match parser.peek() {
        (Kind::End, _) => Ok(expression),
        (Kind::Symbol(")"), at) => Err(Mistake::new(&at, "there is no `(` for this `)`")),
        (Kind::Symbol("=="), at) => Err(Mistake::new(&at, "write `=`")),
        (_, at) => Err(Mistake::new(&at, "an operator is missing before this, such as `and`, `=` or `+`")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

/// An operator between two operands, or behind one.
enum Infix {
    Or,
    And,
    Compare(Comparison),
    Concat,
    Arithmetic(Arithmetic),
    Is,
    In,
    Like,
    Between,
}

impl Infix {
    fn power(&self) -> u8 {
        match self {
            Self::Or => power::OR,
            Self::And => power::AND,
            Self::Compare(_) | Self::Is | Self::In | Self::Like | Self::Between => power::COMPARE,
            Self::Concat => power::CONCAT,
            Self::Arithmetic(Arithmetic::Add | Arithmetic::Subtract) => power::ADD,
            Self::Arithmetic(_) => power::MULTIPLY,
        }
    }
}

impl Parser {
    fn peek(&self) -> (Kind, Span) {
        self.peek_at(0)
    }

    /// The token `ahead` of the next; the end, beyond it.
    fn peek_at(&self, ahead: usize) -> (Kind, Span) {
        let token = self.tokens.get(self.next + ahead).or(self.tokens.last());
        token.map_or((Kind::End, 0..0), |token| (token.kind.clone(), token.at.clone()))
    }

    fn at(&self) -> Span {
        self.peek().1
    }

    fn is_word(&self, ahead: usize, word: &str) -> bool {
        matches!(self.peek_at(ahead).0, Kind::Word(found) if found.eq_ignore_ascii_case(word))
    }

    /// Takes the next token if it is this word.
    fn take_word(&mut self, word: &str) -> bool {
        let is = self.is_word(0, word);
        self.next += usize::from(is);
        is
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let is = matches!(self.peek().0, Kind::Symbol(found) if found == symbol);
        self.next += usize::from(is);
        is
    }

    fn expect_word(&mut self, word: &str, why: &str) -> Result<(), Mistake> {
        if self.take_word(word) {
            Ok(())
        } else {
            Err(Mistake::new(&self.at(), format!("`{word}` is missing here: {why}")))
        }
    }

    fn expect_symbol(&mut self, symbol: &str, why: &str) -> Result<(), Mistake> {
        if self.take_symbol(symbol) {
            Ok(())
        } else {
            Err(Mistake::new(&self.at(), format!("`{symbol}` is missing here: {why}")))
        }
    }

    /// An expression whose operators bind more tightly than `least`.
    fn expression(&mut self, least: u8) -> Parsed {
        if self.depth == DEPTH_MAX {
            return Err(Mistake::new(&self.at(), format!("this is nested more than {DEPTH_MAX} levels deep")));
        }
        self.depth += 1;
        let expression = self.operators(least);
        self.depth -= 1;
        expression
    }

    fn operators(&mut self, least: u8) -> Parsed {
        // Of a left side in brackets, that of the bracket.
        let start = self.at().start;
        let mut left = self.prefix()?;
        let mut compared = false;
        while let Some((infix, is_negated, length)) = self.infix() {
            let power = infix.power();
            if power <= least {
                break;
            }
            if power == power::COMPARE {
                if compared {
                    return Err(Mistake::new(
                        &self.at(),
                        "comparisons do not follow each other: join them with `and`, or put one in brackets",
                    ));
                }
                compared = true;
            } else if power < power::COMPARE {
                compared = false;
            }
            self.next += length;
            left = self.behind(infix, left, start)?;
            if is_negated {
                left = self.node(start, Form::Not(Box::new(left)))?;
            }
        }
        Ok(left)
    }

    /// The operator that comes next, whether `not` stands before it, and how many tokens that is.
    fn infix(&self) -> Option<(Infix, bool, usize)> {
        let is_negated = self.is_word(0, "not");
        let ahead = usize::from(is_negated);
        let infix = match self.peek_at(ahead).0 {
            Kind::Word(word) => match word.to_ascii_lowercase().as_str() {
                "in" => Infix::In,
                "like" => Infix::Like,
                "between" => Infix::Between,
                "or" if !is_negated => Infix::Or,
                "and" if !is_negated => Infix::And,
                "is" if !is_negated => Infix::Is,
                _ => return None,
            },
            Kind::Symbol(symbol) if !is_negated => match symbol {
                "=" => Infix::Compare(Comparison::Equal),
                "!=" | "<>" => Infix::Compare(Comparison::NotEqual),
                "<" => Infix::Compare(Comparison::Less),
                "<=" => Infix::Compare(Comparison::LessOrEqual),
                ">" => Infix::Compare(Comparison::Greater),
                ">=" => Infix::Compare(Comparison::GreaterOrEqual),
                "||" => Infix::Concat,
                "+" => Infix::Arithmetic(Arithmetic::Add),
                "-" => Infix::Arithmetic(Arithmetic::Subtract),
                "*" => Infix::Arithmetic(Arithmetic::Multiply),
                "/" => Infix::Arithmetic(Arithmetic::Divide),
                "%" => Infix::Arithmetic(Arithmetic::Remainder),
                _ => return None,
            },
            _ => return None,
        };
        Some((infix, is_negated, ahead + 1))
    }

    /// What stands behind an operator, and the whole of it, which begins at `start`.
    fn behind(&mut self, infix: Infix, left: Expression, start: usize) -> Parsed {
        let power = infix.power();
        let form = match infix {
            Infix::Or => {
                let mut list = match left {
                    Expression { form: Form::Or(list), .. } => list,
                    other => vec![other],
                };
                list.push(self.expression(power)?);
                Form::Or(list)
            }
            Infix::And => {
                let mut list = match left {
                    Expression { form: Form::And(list), .. } => list,
                    other => vec![other],
                };
                list.push(self.expression(power)?);
                Form::And(list)
            }
            Infix::Concat => {
                let mut list = match left {
                    Expression { form: Form::Concat(list), .. } => list,
                    other => vec![other],
                };
                list.push(self.expression(power)?);
                Form::Concat(list)
            }
            Infix::Compare(comparison) => Form::Compare(comparison, left.into(), self.expression(power)?.into()),
            Infix::Arithmetic(arithmetic) => Form::Arithmetic(arithmetic, left.into(), self.expression(power)?.into()),
            Infix::Like => Form::Like(left.into(), self.expression(power)?.into()),
            Infix::Is => {
                let is_not = self.take_word("not");
                self.expect_word("null", "write `is null` or `is not null`; other values are compared with `=`")?;
                let is_null = Form::IsNull(left.into());
                if is_not { Form::Not(self.node(start, is_null)?.into()) } else { is_null }
            }
            Infix::In => {
                self.expect_symbol("(", "write `in (1, 2)`")?;
                Form::In(left.into(), self.list("`in` has values in its brackets")?)
            }
            Infix::Between => {
                let low = self.expression(power)?;
                self.expect_word("and", "write `between 1 and 2`")?;
                let high = self.expression(power)?;
                let from =
                    self.node(start, Form::Compare(Comparison::GreaterOrEqual, left.clone().into(), low.into()))?;
                let to = self.node(start, Form::Compare(Comparison::LessOrEqual, left.into(), high.into()))?;
                Form::And(vec![from, to])
            }
        };
        self.node(start, form)
    }

    /// Expressions up to a `)`, of which there is at least one.
    fn list(&mut self, empty: &str) -> Result<Vec<Expression>, Mistake> {
        if matches!(self.peek().0, Kind::Symbol(")")) {
            return Err(Mistake::new(&self.at(), empty));
        }
        let mut list = vec![self.expression(0)?];
        while self.take_symbol(",") {
            list.push(self.expression(0)?);
        }
        self.expect_symbol(")", "a `(` is not closed")?;
        Ok(list)
    }

    fn prefix(&mut self) -> Parsed {
        let (kind, at) = self.peek();
        self.next += 1;
        let form = match kind {
            Kind::Number(number) => Form::Literal(Literal::Number(number)),
            Kind::Text(text) => Form::Literal(Literal::Text(text)),
            Kind::Quoted(name) => Form::Column(name),
            Kind::Symbol("-") => match self.peek().0 {
                // Otherwise the least s64 could not be written.
                Kind::Number(number) => {
                    self.next += 1;
                    Form::Literal(Literal::Number(format!("-{number}")))
                }
                _ => Form::Negate(self.expression(power::NEGATE)?.into()),
            },
            Kind::Symbol("+") => return self.expression(power::NEGATE),
            Kind::Symbol("(") => {
                let inside = self.expression(0)?;
                self.expect_symbol(")", "a `(` is not closed")?;
                return Ok(inside);
            }
            Kind::Word(word) => return self.word(&word, &at),
            Kind::End => {
                return Err(Mistake::new(&at, "a value is missing: a column, a number, text in `'`, or a function"));
            }
            Kind::Symbol(_) => {
                return Err(Mistake::new(
                    &at,
                    "a value is missing before this: a column, a number, text in `'`, or a function",
                ));
            }
        };
        self.node(at.start, form)
    }

    /// A word that begins a value.
    fn word(&mut self, word: &str, at: &Span) -> Parsed {
        let form = match word.to_ascii_lowercase().as_str() {
            "not" => Form::Not(self.expression(power::NOT - 1)?.into()),
            "null" => Form::Literal(Literal::Null),
            "true" => Form::Literal(Literal::Bool(true)),
            "false" => Form::Literal(Literal::Bool(false)),
            "case" => self.case()?,
            "cast" => self.cast(false)?,
            "try_cast" => self.cast(true)?,
            keyword if KEYWORDS.contains(&keyword) => {
                let what = format!(
                    "a value is missing before `{keyword}`; a column with this name is written in double quotes"
                );
                return Err(Mistake::new(at, what));
            }
            _ if self.take_symbol("(") => {
                let arguments = if self.take_symbol(")") { Vec::new() } else { self.list("")? };
                self.call(word.to_ascii_lowercase(), arguments, at.start)?
            }
            _ if matches!(self.peek().0, Kind::Symbol(".")) => {
                let what =
                    "fields of a struct are read with std:flatten before this operator, which makes columns of them";
                return Err(Mistake::new(at, what));
            }
            _ => Form::Column(word.to_owned()),
        };
        self.node(at.start, form)
    }

    /// `nullif(a, b)` is `case when a = b then null else a end`, all others are functions.
    fn call(&self, name: String, arguments: Vec<Expression>, start: usize) -> Result<Form, Mistake> {
        match arguments.as_slice() {
            [left, right] if name == "nullif" => {
                let equal = Form::Compare(Comparison::Equal, left.clone().into(), right.clone().into());
                let arm = (self.node(start, equal)?, self.node(start, Form::Literal(Literal::Null))?);
                Ok(Form::Case { arms: vec![arm], otherwise: Some(left.clone().into()) })
            }
            _ => Ok(Form::Call(name, arguments)),
        }
    }

    /// Behind `case`.
    fn case(&mut self) -> Result<Form, Mistake> {
        let operand = if self.is_word(0, "when") { None } else { Some(self.expression(0)?) };
        let mut arms = Vec::new();
        while self.take_word("when") {
            let mut condition = self.expression(0)?;
            if let Some(operand) = &operand {
                let start = condition.at.start;
                let equal = Form::Compare(Comparison::Equal, operand.clone().into(), condition.into());
                condition = self.node(start, equal)?;
            }
            self.expect_word("then", "write `case when a then b else c end`")?;
            arms.push((condition, self.expression(0)?));
        }
        if arms.is_empty() {
            return Err(Mistake::new(&self.at(), "`when` is missing here: write `case when a then b else c end`"));
        }
        let otherwise = if self.take_word("else") { Some(self.expression(0)?.into()) } else { None };
        self.expect_word("end", "write `case when a then b else c end`")?;
        Ok(Form::Case { arms, otherwise })
    }

    /// Behind `cast`.
    fn cast(&mut self, is_try: bool) -> Result<Form, Mistake> {
        const SHAPE: &str = "write `cast(a as s64)`";
        self.expect_symbol("(", SHAPE)?;
        let value = self.expression(0)?.into();
        self.expect_word("as", SHAPE)?;
        let (start, mut open) = (self.next, 0);
        // A type may have brackets of its own.
        loop {
            match self.peek().0 {
                Kind::End => return Err(Mistake::new(&self.at(), "a `(` is not closed")),
                Kind::Symbol(")") if open == 0 => break,
                Kind::Symbol("(") => open += 1,
                Kind::Symbol(")") => open -= 1,
                _ => {}
            }
            self.next += 1;
        }
        let types = self.tokens.get(start..self.next).unwrap_or_default();
        let to_at = types.first().map_or(self.at().start, |token| token.at.start)
            ..types.last().map_or(self.at().start, |token| token.at.end);
        let to = types.iter().map(|token| type_part(&token.kind)).collect();
        self.next += 1;
        Ok(Form::Cast { value, to, to_at, is_try })
    }

    /// A tree from `start` to the last token taken.
    fn node(&self, start: usize, form: Form) -> Parsed {
        let end = self.tokens.get(self.next.saturating_sub(1)).map_or(start, |token| token.at.end);
        let (bulk, at) = (form.bulk(), start..end.max(start));
        if bulk.height > HEIGHT_MAX || bulk.nodes > NODES_MAX {
            let what = format!(
                "this has more than {HEIGHT_MAX} operations within each other, or more than {NODES_MAX} in all: put parts into columns of their own"
            );
            return Err(Mistake::new(&at, what));
        }
        Ok(Expression { form, at, bulk })
    }
}

/// A token of a type's name.
fn type_part(kind: &Kind) -> String {
    match kind {
        Kind::Word(text) | Kind::Number(text) | Kind::Text(text) | Kind::Quoted(text) => text.clone(),
        Kind::Symbol(symbol) => (*symbol).to_owned(),
        Kind::End => String::new(),
    }
}
