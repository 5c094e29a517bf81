//! The aggregates: `host/std/aggregates`.

use super::{Argument, Function, Kind, ModuleKind, named, placed};

const fn function(name: &'static str) -> Function {
    Function::new(name, ModuleKind::Aggregate)
}

const COLUMN: Argument = placed("column", Kind::Column);
const NUMBERS: Argument = COLUMN.about("Integers, floats or decimals.");
const SCALARS: Argument = COLUMN.about("Any type but lists and structs.");

const POPULATION: Argument = named("population", Kind::Bool)
    .default("false")
    .about("Whether the rows are all there are, rather than a sample of them: divides by n instead of n - 1.");

const SPREAD_NOTES: &str = "Null for fewer than two values (`population = true`: for none). Exact far from zero: Welford's method, merged by Chan's.";

/// All of them, by name.
pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        summary: "the mean of a column of numbers",
        makes: "`avg`: f64; for `decimal(p, s)`, `decimal(p + 4, s + 4)`",
        arguments: &[NUMBERS],
        example: r#"aggregate = { price = "std:avg(price)" }"#,
        notes: "Integers and decimals are added exactly and divided once. Null if there is no value. Takes rows back, but from floats.",
        ..function("avg")
    },
    Function {
        summary: "all values of a column as a list, in their order",
        makes: "`collect`: a list of the column's type",
        arguments: &[SCALARS],
        example: r#"aggregate = { pages = "std:collect(page)" }"#,
        notes: "An empty list if there is no value. The list is kept whole for each group and window: bound it by the window, \
                or take `std:top-n`.",
        ..function("collect")
    },
    Function {
        summary: "rows, or the values of a column",
        makes: "`count`: s64",
        arguments: &[COLUMN.about("Counts its values that are not null, instead of rows.").optional("all rows")],
        example: r#"aggregate = { n = "std:count", known = "std:count(user)" }"#,
        notes: "0 if there is none. Takes rows back.",
        ..function("count")
    },
    Function {
        summary: "how many different values a column has",
        makes: "`count_distinct`: s64",
        arguments: &[
            SCALARS,
            placed("precision", Kind::Integer).optional("exact").about(
                "From 4 to 18: estimates by HyperLogLog with 2^precision bytes at most. 14 is 0.8 % off, typically.",
            ),
        ],
        example: r#"aggregate = { users = "std:count-distinct(user)", about = "std:count-distinct(user, 14)" }"#,
        notes: "Without `precision` every different value is kept for each group and window. -0 and 0 are one value, \
                and so are all NaNs. HyperLogLog: Flajolet and others, 2007; estimated by Ertl's formula, 2017.",
        ..function("count-distinct")
    },
    Function {
        summary: "the first value of a column",
        makes: "`first`: the column's type",
        arguments: &[SCALARS],
        example: r#"aggregate = { landing = "std:first(page)" }"#,
        notes: "The first that is not null, in the order in which rows came ([sliding windows](windows.md#the-order-of-rows): pane by pane). \
                Null if there is none.",
        ..function("first")
    },
    Function {
        summary: "the last value of a column",
        makes: "`last`: the column's type",
        arguments: &[SCALARS],
        example: r#"aggregate = { state = "std:last(state)" }"#,
        notes: "The last that is not null, in the order in which rows came ([sliding windows](windows.md#the-order-of-rows): pane by pane). \
                Null if there is none.",
        ..function("last")
    },
    Function {
        summary: "the greatest value of a column",
        makes: "`max`: the column's type",
        arguments: &[SCALARS],
        example: r#"aggregate = { dearest = "std:max(price)" }"#,
        notes: "Text is ordered by code points. NaN is greater than every number. Null if there is no value.",
        ..function("max")
    },
    Function {
        summary: "the least value of a column",
        makes: "`min`: the column's type",
        arguments: &[SCALARS],
        example: r#"aggregate = { cheapest = "std:min(price)" }"#,
        notes: "Text is ordered by code points. NaN is greater than every number. Null if there is no value.",
        ..function("min")
    },
    Function {
        summary: "one or several quantiles of a column of numbers, such as the median",
        makes: "a column of f64 for each quantile: `p50` for 0.5, `p99_9` for 0.999",
        arguments: &[
            NUMBERS,
            placed("q", Kind::Numbers).about("From 0 to 1: 0.5 is the median."),
            named("compression", Kind::Integer)
                .default("100")
                .about("From 20 to 1000: how many centroids are kept at most, of 16 bytes each."),
        ],
        example: r#"aggregate = { ms = "std:quantile(ms, 0.5, 0.99)" }"#,
        notes: "Exact, and interpolated as SQL's `percentile_cont`, for few values; for many within about 1 % of rank in the \
                middle and far closer at the ends. NaN is left out as null is. Null if there is no value. t-digest: Dunning and \
                Ertl, 2019.",
        ..function("quantile")
    },
    Function {
        summary: "the standard deviation of a column of numbers",
        makes: "`stddev`: f64",
        arguments: &[NUMBERS, POPULATION],
        example: r#"aggregate = { spread = "std:stddev(ms)" }"#,
        notes: SPREAD_NOTES,
        ..function("stddev")
    },
    Function {
        summary: "the sum of a column of numbers",
        makes: "`sum`: s64 for integers, u64 for u64, f64 for floats, `decimal(38, s)` for `decimal(p, s)`",
        arguments: &[NUMBERS],
        example: r#"aggregate = { total = "std:sum(price)" }"#,
        notes: "A sum that does not fit stops the job; parts of it never do, so it does not depend on the order of rows. \
                Null if there is no value. Takes rows back, but from floats.",
        ..function("sum")
    },
    Function {
        summary: "the n greatest values of a column, as rows with their rank",
        makes: "`rank`: s64 from 1, the column, and those of `with`; a row for each value",
        arguments: &[
            SCALARS,
            placed("n", Kind::Integer).about("How many, from 1 to 1000."),
            placed("with", Kind::Columns).optional("none").about("Columns of the same rows that come with the values."),
        ],
        example: r#"module = "std:top-n(price, 3, auction, bidder)""#,
        notes: "Equal values are ordered by the columns of `with`, greatest first. Fewer rows if there are fewer values. \
                It makes several rows of a group, so that it is the only aggregate of its operator.",
        makes_rows: true,
        ..function("top-n")
    },
    Function {
        summary: "the variance of a column of numbers",
        makes: "`variance`: f64",
        arguments: &[NUMBERS, POPULATION],
        example: r#"aggregate = { spread = "std:variance(ms, population = true)" }"#,
        notes: SPREAD_NOTES,
        ..function("variance")
    },
];
