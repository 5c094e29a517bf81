//! What is shipped: each function with its arguments, for references, `pelton module list --std` and docs/std.md.
//!
//! The functions themselves are in `host/std`, whose `open` has the last word about columns and options.

/// A function of a shipped module.
#[derive(Debug)]
pub struct Function {
    /// As jobs write it after `std:`.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The columns that it makes.
    pub makes: &'static str,
    /// In the order of their places.
    pub arguments: &'static [Argument],
    /// A line of a job file.
    pub example: &'static str,
    /// What else there is to know.
    pub notes: &'static str,
}

#[derive(Debug)]
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
        }
    }

    /// As a table shows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Column => "column",
            Self::Columns => "columns",
            Self::Number => "number",
            Self::Numbers => "numbers",
            Self::Integer => "whole number",
            Self::Bool => "bool",
        }
    }
}

impl Argument {
    pub fn is_list(&self) -> bool {
        matches!(self.kind, Kind::Columns | Kind::Numbers)
    }
}

impl Function {
    /// How it is written: `std:quantile(column, q…, compression = 100)`; `?` is an argument that need not be given.
    pub fn signature(&self) -> String {
        let arguments: Vec<String> = self
            .arguments
            .iter()
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
        match self.arguments.iter().filter(|argument| argument.has_place).count() {
            0 => "no arguments".to_owned(),
            1 => "1 argument at most".to_owned(),
            many => format!("{many} arguments at most"),
        }
    }
}

const fn column(about: &'static str) -> Argument {
    Argument { name: "column", kind: Kind::Column, has_place: true, need: Need::Required, about }
}

const POPULATION: Argument = Argument {
    name: "population",
    kind: Kind::Bool,
    has_place: false,
    need: Need::Default("false"),
    about: "Whether the rows are all there are, rather than a sample of them: divides by n instead of n - 1.",
};

const SPREAD_NOTES: &str = "Null for fewer than two values (`population = true`: for none). Exact far from zero: Welford's method, merged by Chan's.";

/// All of them, by name.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "avg",
        summary: "the mean of a column of numbers",
        makes: "`avg`: f64; for `decimal(p, s)`, `decimal(p + 4, s + 4)`",
        arguments: &[column("Integers, floats or decimals.")],
        example: r#"aggregate = { price = "std:avg(price)" }"#,
        notes: "Integers and decimals are added exactly and divided once. Null if there is no value.",
    },
    Function {
        name: "collect",
        summary: "all values of a column as a list, in their order",
        makes: "`collect`: a list of the column's type",
        arguments: &[column("Any type but lists and structs.")],
        example: r#"aggregate = { pages = "std:collect(page)" }"#,
        notes: "An empty list if there is no value. The list is kept whole for each group and window: bound it by the window, \
                or take `std:top-n`.",
    },
    Function {
        name: "count",
        summary: "rows, or the values of a column",
        makes: "`count`: s64",
        arguments: &[Argument {
            need: Need::Optional("all rows"),
            ..column("Counts its values that are not null, instead of rows.")
        }],
        example: r#"aggregate = { n = "std:count", known = "std:count(user)" }"#,
        notes: "0 if there is none.",
    },
    Function {
        name: "count-distinct",
        summary: "how many different values a column has",
        makes: "`count_distinct`: s64",
        arguments: &[
            column("Any type but lists and structs."),
            Argument {
                name: "precision",
                kind: Kind::Integer,
                has_place: false,
                need: Need::Optional("exact"),
                about: "From 4 to 18: estimates by HyperLogLog with 2^precision bytes at most. 14 is 0.8 % off, typically.",
            },
        ],
        example: r#"aggregate = { users = "std:count-distinct(user)", about = "std:count-distinct(user, precision = 14)" }"#,
        notes: "Without `precision` every different value is kept for each group and window. -0 and 0 are one value, \
                and so are all NaNs. HyperLogLog: Flajolet and others, 2007; estimated by Ertl's formula, 2017.",
    },
    Function {
        name: "first",
        summary: "the first value of a column",
        makes: "`first`: the column's type",
        arguments: &[column("Any type but lists and structs.")],
        example: r#"aggregate = { landing = "std:first(page)" }"#,
        notes: "The first that is not null, in the order in which rows came. Null if there is none.",
    },
    Function {
        name: "last",
        summary: "the last value of a column",
        makes: "`last`: the column's type",
        arguments: &[column("Any type but lists and structs.")],
        example: r#"aggregate = { state = "std:last(state)" }"#,
        notes: "The last that is not null, in the order in which rows came. Null if there is none.",
    },
    Function {
        name: "max",
        summary: "the greatest value of a column",
        makes: "`max`: the column's type",
        arguments: &[column("Any type but lists and structs.")],
        example: r#"aggregate = { dearest = "std:max(price)" }"#,
        notes: "Text is ordered by code points. NaN is greater than every number. Null if there is no value.",
    },
    Function {
        name: "min",
        summary: "the least value of a column",
        makes: "`min`: the column's type",
        arguments: &[column("Any type but lists and structs.")],
        example: r#"aggregate = { cheapest = "std:min(price)" }"#,
        notes: "Text is ordered by code points. NaN is greater than every number. Null if there is no value.",
    },
    Function {
        name: "quantile",
        summary: "one or several quantiles of a column of numbers, such as the median",
        makes: "a column of f64 for each quantile: `p50` for 0.5, `p99_9` for 0.999",
        arguments: &[
            column("Integers, floats or decimals."),
            Argument {
                name: "q",
                kind: Kind::Numbers,
                has_place: true,
                need: Need::Required,
                about: "From 0 to 1: 0.5 is the median.",
            },
            Argument {
                name: "compression",
                kind: Kind::Integer,
                has_place: false,
                need: Need::Default("100"),
                about: "From 20 to 1000: how many centroids are kept at most, of 16 bytes each.",
            },
        ],
        example: r#"aggregate = { ms = "std:quantile(ms, 0.5, 0.99)" }"#,
        notes: "Exact, and interpolated as SQL's `percentile_cont`, for few values; for many within about 1 % of rank in the \
                middle and far closer at the ends. NaN is left out as null is. Null if there is no value. t-digest: Dunning and \
                Ertl, 2019.",
    },
    Function {
        name: "stddev",
        summary: "the standard deviation of a column of numbers",
        makes: "`stddev`: f64",
        arguments: &[column("Integers, floats or decimals."), POPULATION],
        example: r#"aggregate = { spread = "std:stddev(ms)" }"#,
        notes: SPREAD_NOTES,
    },
    Function {
        name: "sum",
        summary: "the sum of a column of numbers",
        makes: "`sum`: s64 for integers, u64 for u64, f64 for floats, `decimal(38, s)` for `decimal(p, s)`",
        arguments: &[column("Integers, floats or decimals.")],
        example: r#"aggregate = { total = "std:sum(price)" }"#,
        notes: "A sum that does not fit stops the job; parts of it never do, so it does not depend on the order of rows. \
                Null if there is no value.",
    },
    Function {
        name: "top-n",
        summary: "the n greatest values of a column, as rows with their rank",
        makes: "`rank`: s64 from 1, the column, and those of `with`; a row for each value",
        arguments: &[
            column("Any type but lists and structs."),
            Argument {
                name: "n",
                kind: Kind::Integer,
                has_place: true,
                need: Need::Required,
                about: "How many, from 1 to 1000.",
            },
            Argument {
                name: "with",
                kind: Kind::Columns,
                has_place: true,
                need: Need::Optional("none"),
                about: "Columns of the same rows that come with the values.",
            },
        ],
        example: r#"module = "std:top-n(price, 3, auction, bidder)""#,
        notes: "Equal values are ordered by the columns of `with`, greatest first. Fewer rows if there are fewer values.",
    },
    Function {
        name: "variance",
        summary: "the variance of a column of numbers",
        makes: "`variance`: f64",
        arguments: &[column("Integers, floats or decimals."), POPULATION],
        example: r#"aggregate = { spread = "std:variance(ms, population = true)" }"#,
        notes: SPREAD_NOTES,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_sorted_and_only_the_last_place_takes_several() {
        assert!(FUNCTIONS.is_sorted_by(|a, b| a.name < b.name));
        for function in FUNCTIONS {
            let places: Vec<&Argument> = function.arguments.iter().filter(|argument| argument.has_place).collect();
            let before = places.split_last().map(|(_, before)| before).unwrap_or_default();
            assert!(before.iter().all(|argument| !argument.is_list()), "{}", function.name);
        }
    }
}
