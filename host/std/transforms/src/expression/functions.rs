//! The functions of expressions: names, what they take and what they make. docs/expressions.md lists them, and a test computes the examples.

use Wants::{Number, Real, Text, Time, Whole};

/// A function.
#[derive(Debug)]
pub struct Function {
    pub name: &'static str,
    /// Names of the arguments.
    pub arguments: &'static [&'static str],
    /// What they must be. The last one's holds for all that follow.
    pub wants: &'static [Wants],
    /// How many must be given.
    pub least: usize,
    /// Whether the last argument may be repeated.
    pub repeats: bool,
    pub makes: Makes,
    pub about: &'static str,
    /// An expression, and one that has the same value.
    pub example: (&'static str, &'static str),
}

/// What an argument must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    Text,
    Whole,
    Real,
    /// Any number.
    Number,
    /// A date or a timestamp.
    Time,
    Bool,
    /// Values of one type.
    Same,
}

/// What a function makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Makes {
    Call(Call),
    /// An operation of its own.
    If,
    Coalesce,
    NullIf,
    Quotient,
}

/// Functions that are computed row by row from their arguments; null if one of them is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Abs,
    Ceil,
    Concat,
    Contains,
    Day,
    EndsWith,
    Floor,
    Hour,
    IsNan,
    Length,
    Lower,
    Minute,
    Month,
    Replace,
    Round,
    Second,
    SplitPart,
    StartsWith,
    Substring,
    Trim,
    Upper,
    Year,
}

/// A function of one argument for each of `arguments`.
const fn plain(
    name: &'static str,
    arguments: &'static [&'static str],
    wants: &'static [Wants],
    call: Call,
    about: &'static str,
    example: (&'static str, &'static str),
) -> Function {
    Function {
        name,
        arguments,
        wants,
        least: arguments.len(),
        repeats: false,
        makes: Makes::Call(call),
        about,
        example,
    }
}

/// All of them, by name.
pub const FUNCTIONS: &[Function] = &[
    plain("abs", &["x"], &[Number], Call::Abs, "the number without its sign", ("abs(-2.5)", "2.5")),
    plain(
        "ceil",
        &["x"],
        &[Real],
        Call::Ceil,
        "the least whole number that is not below, as f64",
        ("ceil(1.2)", "2.0"),
    ),
    Function {
        name: "coalesce",
        arguments: &["a", "b…"],
        wants: &[Wants::Same],
        least: 2,
        repeats: true,
        makes: Makes::Coalesce,
        about: "the first that is not null; those behind it are not computed",
        example: ("coalesce(null, 'b', 'c')", "'b'"),
    },
    Function {
        name: "concat",
        arguments: &["text", "text…"],
        wants: &[Text],
        least: 1,
        repeats: true,
        makes: Makes::Call(Call::Concat),
        about: "the texts one after another; `a || b` is the same",
        example: ("concat('a', 'b', 'c')", "'abc'"),
    },
    plain(
        "contains",
        &["text", "part"],
        &[Text],
        Call::Contains,
        "whether the text has that part",
        ("contains('abc', 'bc')", "true"),
    ),
    plain("day", &["time"], &[Time], Call::Day, "the day of the month", ("day(cast('2026-02-28' as date))", "28")),
    Function {
        name: "div",
        arguments: &["a", "b"],
        wants: &[Number],
        least: 2,
        repeats: false,
        makes: Makes::Quotient,
        about: "the quotient of whole numbers without its fraction; what is left is `a % b`",
        example: ("div(-7, 2)", "-3"),
    },
    plain(
        "ends_with",
        &["text", "end"],
        &[Text],
        Call::EndsWith,
        "whether the text ends like that",
        ("ends_with('abc', 'bc')", "true"),
    ),
    plain(
        "floor",
        &["x"],
        &[Real],
        Call::Floor,
        "the greatest whole number that is not above, as f64",
        ("floor(-1.2)", "-2.0"),
    ),
    plain(
        "hour",
        &["time"],
        &[Time],
        Call::Hour,
        "the hour, 0 to 23; 0 of a date",
        ("hour(cast('2026-02-28T10:20:30' as timestamp[s]))", "10"),
    ),
    Function {
        name: "if",
        arguments: &["condition", "a", "b"],
        wants: &[Wants::Bool, Wants::Same],
        least: 3,
        repeats: false,
        makes: Makes::If,
        about: "`a` where the condition is true, `b` where it is false or null; only that one is computed",
        example: ("if(1 > 2, 'a', 'b')", "'b'"),
    },
    plain(
        "is_nan",
        &["x"],
        &[Real],
        Call::IsNan,
        "whether a float is not a number",
        ("is_nan(cast('NaN' as f64))", "true"),
    ),
    plain("length", &["text"], &[Text], Call::Length, "characters", ("length('été')", "3")),
    plain("lower", &["text"], &[Text], Call::Lower, "the text in small letters", ("lower('ÀB')", "'àb'")),
    plain(
        "minute",
        &["time"],
        &[Time],
        Call::Minute,
        "the minute, 0 to 59; 0 of a date",
        ("minute(cast('2026-02-28T10:20:30' as timestamp[s]))", "20"),
    ),
    plain("month", &["time"], &[Time], Call::Month, "the month, 1 to 12", ("month(cast('2026-02-28' as date))", "2")),
    Function {
        name: "nullif",
        arguments: &["a", "b"],
        wants: &[Wants::Same],
        least: 2,
        repeats: false,
        makes: Makes::NullIf,
        about: "null where `a = b`, otherwise `a`",
        example: ("nullif(0, 0) is null", "true"),
    },
    plain(
        "replace",
        &["text", "from", "to"],
        &[Text],
        Call::Replace,
        "the text with every `from` made `to`",
        ("replace('a-b-c', '-', '+')", "'a+b+c'"),
    ),
    plain(
        "round",
        &["x"],
        &[Real],
        Call::Round,
        "the nearest whole number as f64, half away from zero",
        ("round(-2.5)", "-3.0"),
    ),
    plain(
        "second",
        &["time"],
        &[Time],
        Call::Second,
        "the second, 0 to 59; 0 of a date",
        ("second(cast('2026-02-28T10:20:30' as timestamp[s]))", "30"),
    ),
    plain(
        "split_part",
        &["text", "separator", "n"],
        &[Text, Text, Whole],
        Call::SplitPart,
        "the n-th part between separators, from 1, or from -1 at the end; null if there is none",
        ("split_part('/a/b/c', '/', 3)", "'b'"),
    ),
    plain(
        "starts_with",
        &["text", "start"],
        &[Text],
        Call::StartsWith,
        "whether the text begins like that",
        ("starts_with('abc', 'ab')", "true"),
    ),
    Function {
        name: "substring",
        arguments: &["text", "start", "length?"],
        wants: &[Text, Whole],
        least: 2,
        repeats: false,
        makes: Makes::Call(Call::Substring),
        about: "characters from the start, 1 for the first, as many as said or all",
        example: ("substring('abcde', 2, 3)", "'bcd'"),
    },
    plain("trim", &["text"], &[Text], Call::Trim, "the text without blanks at both ends", ("trim(' a b ')", "'a b'")),
    plain("upper", &["text"], &[Text], Call::Upper, "the text in capital letters", ("upper('ß')", "'SS'")),
    plain("year", &["time"], &[Time], Call::Year, "the year", ("year(cast('2026-02-28' as date))", "2026")),
];

impl Function {
    /// As a page shows it: `substring(text, start, length?)`.
    pub fn signature(&self) -> String {
        format!("{}({})", self.name, self.arguments.join(", "))
    }

    pub fn find(name: &str) -> Option<&'static Self> {
        FUNCTIONS.iter().find(|function| function.name == name)
    }

    /// What argument `at` must be.
    pub fn wants(&self, at: usize) -> Wants {
        self.wants.get(at).or(self.wants.last()).copied().unwrap_or(Wants::Same)
    }

    pub fn takes(&self, count: usize) -> bool {
        count >= self.least && (self.repeats || count <= self.arguments.len())
    }
}

impl Call {
    /// Whether it can reject a row.
    pub fn fails(self) -> bool {
        // The sign of the least number cannot be taken off.
        self == Self::Abs
    }

    /// Whether it can be null though no argument is.
    pub fn makes_null(self) -> bool {
        self == Self::SplitPart
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_sorted_by_name() {
        assert!(FUNCTIONS.is_sorted_by(|a, b| a.name < b.name));
    }
}
