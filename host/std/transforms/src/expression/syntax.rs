//! Expressions as they are written: the tree that the parser makes, before anything is known of columns and types.

use super::mistake::Span;

#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    pub form: Form,
    pub at: Span,
    pub bulk: Bulk,
}

/// How large a tree is. Bounded by the parser, so that nothing that descends can run out of stack or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bulk {
    /// 1 for a leaf.
    pub height: usize,
    pub nodes: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    Column(String),
    Literal(Literal),
    Negate(Box<Expression>),
    Not(Box<Expression>),
    /// `a and b and c`: of any number, so that long lists stay flat.
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Arithmetic(Arithmetic, Box<Expression>, Box<Expression>),
    Compare(Comparison, Box<Expression>, Box<Expression>),
    /// `a || b || c`
    Concat(Vec<Expression>),
    IsNull(Box<Expression>),
    In(Box<Expression>, Vec<Expression>),
    Like(Box<Expression>, Box<Expression>),
    Call(String, Vec<Expression>),
    Case {
        arms: Vec<(Expression, Expression)>,
        otherwise: Option<Box<Expression>>,
    },
    Cast {
        value: Box<Expression>,
        to: String,
        to_at: Span,
        is_try: bool,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Null,
    Bool(bool),
    /// As written, with its sign.
    Number(String),
    Text(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    /// `div(a, b)`: the whole part of the quotient.
    Quotient,
    Remainder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Form {
    /// Of the tree that it makes.
    pub fn bulk(&self) -> Bulk {
        let mut bulk = Bulk { height: 0, nodes: 1 };
        let mut add = |below: &Expression| {
            bulk.height = bulk.height.max(below.bulk.height);
            bulk.nodes += below.bulk.nodes;
        };
        match self {
            Self::Column(_) | Self::Literal(_) => {}
            Self::Negate(one) | Self::Not(one) | Self::IsNull(one) | Self::Cast { value: one, .. } => add(one),
            Self::And(list) | Self::Or(list) | Self::Concat(list) | Self::Call(_, list) => list.iter().for_each(add),
            Self::Arithmetic(_, left, right) | Self::Compare(_, left, right) | Self::Like(left, right) => {
                add(left);
                add(right);
            }
            Self::In(value, list) => std::iter::once(&**value).chain(list).for_each(add),
            Self::Case { arms, otherwise } => {
                arms.iter().flat_map(|(condition, value)| [condition, value]).chain(otherwise.as_deref()).for_each(add);
            }
        }
        Bulk { height: bulk.height + 1, ..bulk }
    }
}

impl Arithmetic {
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Quotient => "div",
            Self::Remainder => "%",
        }
    }
}

impl Comparison {
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}
