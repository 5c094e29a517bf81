//! Expressions as they are computed: every node has its type, and operands of the kind that its operation wants.

use std::rc::Rc;

use super::{
    functions::Call,
    syntax::{Arithmetic, Comparison},
};
use crate::{
    evaluate::{Like, Set},
    types::{Digits, Type},
    vector::Scalar,
};

#[derive(Debug, Clone)]
pub struct Node {
    pub operation: Operation,
    pub ty: Type,
    /// Whether it can be null.
    pub nullable: bool,
    /// Whether it can reject a row: what must not be computed for rows that do not ask for it.
    pub fails: bool,
    /// As it is written, for reasons.
    pub text: Rc<str>,
}

#[derive(Debug, Clone)]
pub enum Operation {
    /// A column that is read, by its place among them.
    Column(usize),
    Literal(Literal),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    IsNull(Box<Node>),
    /// Both of the kind of the result.
    Arithmetic(Arithmetic, Box<[Node; 2]>),
    /// Both of one kind.
    Compare(Comparison, Box<[Node; 2]>),
    In(Box<Node>, Set),
    Like(Box<Node>, Like),
    /// To the node's type.
    Cast {
        value: Box<Node>,
        is_try: bool,
    },
    /// The value of the first arm whose condition is true.
    Choose {
        arms: Vec<(Node, Node)>,
        otherwise: Option<Box<Node>>,
    },
    /// The first value that is not null.
    Coalesce(Vec<Node>),
    Call(Call, Vec<Node>),
}

/// A value that is the same for all rows.
#[derive(Debug, Clone)]
pub struct Literal {
    pub value: Scalar,
    /// Of a number: its unscaled digits, so that it can become a decimal without passing through a float.
    pub exact: Option<(i128, Digits)>,
}

impl Node {
    pub fn literal(&self) -> Option<&Literal> {
        match &self.operation {
            Operation::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    /// The type of a function's first argument.
    pub fn argument_type(&self) -> Option<&Type> {
        match &self.operation {
            Operation::Call(_, arguments) => arguments.first().map(|argument| &argument.ty),
            _ => None,
        }
    }
}
