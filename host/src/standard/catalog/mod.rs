//! What is shipped: each function with its arguments, for references, `pelton module list --std`, docs/std.md and docs/std/.
//!
//! The functions themselves are in `host/std`, a component for each kind, whose `open` has the last word about columns and options.

mod aggregates;
mod keyed;
mod transforms;

/// A function of a shipped module.
#[derive(Debug)]
pub struct Function {
    /// As jobs write it after `std:`.
    pub name: &'static str,
    pub kind: ModuleKind,
    /// One line.
    pub summary: &'static str,
    /// The columns that it makes.
    pub makes: &'static str,
    /// An aggregate may make any number of rows of a group, and so stands beside no other.
    pub makes_rows: bool,
    /// In the order of their places.
    pub arguments: &'static [Argument],
    /// A line of a job file.
    pub example: &'static str,
    /// What else there is to know.
    pub notes: &'static str,
}

/// The component that a function is in, and so the kind of operator that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleKind {
    Transform,
    Aggregate,
    Keyed,
}

#[derive(Debug, Clone, Copy)]
pub struct Argument {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether it can be given without its name.
    pub has_place: bool,
    pub need: Need,
    pub about: &'static str,
}

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Column,
    /// Any number of columns; the last place.
    Columns,
    Number,
    /// Any number of numbers; the last place.
    Numbers,
    Integer,
    Bool,
    /// Any text.
    Text,
    /// An expression (docs/expressions.md). All that stands in the brackets, if it has a place.
    Expression,
    /// A table of names and these; it is given in the job's `options` alone.
    Table(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Required,
    /// The value that it has when it is not given.
    Default(&'static str),
    /// What it means that it is not given, in words.
    Optional(&'static str),
}

impl Kind {
    /// Completes "the argument is …".
    pub fn expected(self) -> &'static str {
        match self {
            Self::Column | Self::Columns => "a column",
            Self::Number | Self::Numbers => "a number",
            Self::Integer => "a whole number",
            Self::Bool => "true or false",
            Self::Text => "text",
            Self::Expression => "an expression",
            Self::Table(_) => "a table, given in `options`",
        }
    }

    /// As a table shows it.
    pub fn name(self) -> String {
        let name = match self {
            Self::Column => "column",
            Self::Columns => "columns",
            Self::Number => "number",
            Self::Numbers => "numbers",
            Self::Integer => "whole number",
            Self::Bool => "bool",
            Self::Text => "text",
            Self::Expression => "expression",
            Self::Table(of) => return format!("table of names and {of}"),
        };
        name.to_owned()
    }
}

impl ModuleKind {
    /// As lists show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transform => "transform",
            Self::Aggregate => "aggregate",
            Self::Keyed => "keyed",
        }
    }
}

/// An argument that must be given, by its place or name.
const fn placed(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, has_place: true, need: Need::Required, about: "" }
}

/// An argument that must be given, by its name.
const fn named(name: &'static str, kind: Kind) -> Argument {
    Argument { has_place: false, ..placed(name, kind) }
}

impl Argument {
    pub fn is_list(&self) -> bool {
        matches!(self.kind, Kind::Columns | Kind::Numbers)
    }

    const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    const fn default(self, value: &'static str) -> Self {
        Self { need: Need::Default(value), ..self }
    }

    const fn optional(self, absent: &'static str) -> Self {
        Self { need: Need::Optional(absent), ..self }
    }
}

impl Function {
    const fn new(name: &'static str, kind: ModuleKind) -> Self {
        Self { name, kind, summary: "", makes: "", makes_rows: false, arguments: &[], example: "", notes: "" }
    }

    /// Every function, by name.
    pub fn all() -> Vec<&'static Self> {
        let mut all: Vec<_> =
            [aggregates::FUNCTIONS, keyed::FUNCTIONS, transforms::FUNCTIONS].into_iter().flatten().collect();
        all.sort_by_key(|function| function.name);
        all
    }

    /// The argument that is an expression and takes all that stands in the brackets.
    pub fn expression(&self) -> Option<&'static Argument> {
        self.arguments.iter().find(|argument| argument.has_place && argument.kind == Kind::Expression)
    }

    /// How it is written: `std:quantile(column, q…, compression = 100)`; `?` is an argument that need not be given. Where there is a
    /// table to give in `options`, what has no place is better given there too.
    pub fn signature(&self) -> String {
        let has_table = self.arguments.iter().any(|argument| matches!(argument.kind, Kind::Table(_)));
        let arguments: Vec<String> = self
            .arguments
            .iter()
            .filter(|argument| argument.has_place || !has_table)
            .map(|argument| match argument.need {
                _ if argument.is_list() => format!("{}…", argument.name),
                Need::Required => argument.name.to_owned(),
                Need::Default(default) => format!("{} = {default}", argument.name),
                Need::Optional(_) => format!("{}?", argument.name),
            })
            .collect();
        if arguments.is_empty() {
            format!("std:{}", self.name)
        } else {
            format!("std:{}({})", self.name, arguments.join(", "))
        }
    }

    /// How many arguments it takes by their places.
    pub fn takes(&self) -> String {
        // Others take their names along.
        let named =
            self.arguments.iter().any(|argument| !argument.has_place && !matches!(argument.kind, Kind::Table(_)));
        let unnamed = if named { " without a name" } else { "" };
        match self.arguments.iter().filter(|argument| argument.has_place).count() {
            0 => format!("no arguments{unnamed}"),
            1 => format!("1 argument{unnamed} at most"),
            many => format!("{many} arguments{unnamed} at most"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_names_of_their_own_and_only_the_last_place_takes_several() {
        let all = Function::all();
        assert!(all.is_sorted_by(|a, b| a.name < b.name));
        for function in all {
            assert!(
                ![function.summary, function.makes, function.example, function.notes].contains(&""),
                "{}",
                function.name
            );
            let places: Vec<&Argument> = function.arguments.iter().filter(|argument| argument.has_place).collect();
            let before = places.split_last().map(|(_, before)| before).unwrap_or_default();
            assert!(before.iter().all(|argument| !argument.is_list()), "{}", function.name);
            assert!(function.expression().is_none() || places.len() == 1, "{}", function.name);
        }
    }
}
