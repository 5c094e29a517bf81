//! Why a job's `std:…` names no module, or cannot be called like that.

use thiserror::Error;

use super::catalog::Function;
use crate::{
    error::{Code, Coded},
    nearest::nearest,
};

#[derive(Debug, Clone, Error)]
pub enum StdError {
    #[error("there is no module std:{name}")]
    Unknown { name: String, near: Option<String> },
    /// It is not written as a reference is.
    #[error("{0}")]
    Syntax(String),
    #[error("std:{} has no argument `{argument}`", function.name)]
    NoArgument { function: &'static Function, argument: String, near: Option<&'static str> },
    #[error("std:{} takes {}: {}", function.name, function.takes(), function.signature())]
    TooMany { function: &'static Function },
    #[error("argument `{argument}` of std:{} is given twice", function.name)]
    Twice { function: &'static Function, argument: String },
    #[error("argument `{argument}` of std:{} is {expected}, not {found}", function.name)]
    WrongType { function: &'static Function, argument: &'static str, expected: &'static str, found: String },
}

impl StdError {
    pub(super) fn no_argument(function: &'static Function, argument: &str) -> Self {
        let near = nearest(argument, function.arguments.iter().map(|argument| argument.name));
        Self::NoArgument { function, argument: argument.to_owned(), near }
    }
}

impl Coded for StdError {
    fn code(&self) -> Code {
        Code::WrongValue
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::Unknown { near: Some(name), .. } => format!("did you mean std:{name}?"),
            Self::Unknown { near: None, .. } => "`pelton module list --std` lists them".to_owned(),
            Self::Syntax(_) => "write it as std:count, or with arguments as std:quantile(ms, 0.99)".to_owned(),
            Self::NoArgument { near: Some(argument), .. } => format!("did you mean `{argument}`?"),
            Self::NoArgument { function, .. } | Self::TooMany { function } | Self::WrongType { function, .. } => {
                format!("for example {}", function.example.lines().collect::<Vec<_>>().join(" and "))
            }
            Self::Twice { argument, .. } => format!("leave out one `{argument}`"),
        })
    }
}
