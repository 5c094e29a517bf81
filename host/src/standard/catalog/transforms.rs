//! The transforms: `host/std/transforms`.

use super::{Argument, Function, Kind, ModuleKind, named, placed};

const fn function(name: &'static str) -> Function {
    Function::new(name, ModuleKind::Transform)
}

const ON_ERROR: Argument = named("on-error", Kind::Text)
    .default("reject")
    .about("What becomes of a row that does not fit: `reject` sends it to `NAME.rejected` with the reason, `null` lets it pass with null.");

/// All of them, by name.
pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        summary: "columns in other types",
        makes: "the input's columns, those that are named in their new types",
        arguments: &[
            named("columns", Kind::Table("types")).about("For each column its new type, as in a source's `schema`, without `?`."),
            ON_ERROR,
        ],
        example: r#"module = "std:cast"
options = { columns = { price = "decimal(9, 2)", ts = "timestamp[ms]" }, on-error = "null" }"#,
        notes: "By the rules of `cast` in [expressions](expressions.md#casts): numbers are rounded to the digits that the type has, and what is out of \
                its range does not fit. Null stays null.",
        ..function("cast")
    },
    Function {
        summary: "all columns but some",
        makes: "the other columns of the input",
        arguments: &[placed("columns", Kind::Columns).about("Those to leave out.")],
        example: r#"module = "std:drop(password, note)""#,
        notes: "No byte of any column crosses to the module.",
        ..function("drop")
    },
    Function {
        summary: "rows for which a condition is true",
        makes: "the input's columns",
        arguments: &[placed("where", Kind::Expression).about("The condition, an [expression](expressions.md) that is a bool.")],
        example: r#"module = "std:filter(price > 100 and channel != 'x')""#,
        notes: "A row for which it is false or null is dropped. A row for which it cannot be computed, as by a division by zero, goes to \
                `NAME.rejected` with the reason. All that stands in the brackets is the expression; it can also be given as \
                `options = { where = \"price > 100\" }`.",
        ..function("filter")
    },
    Function {
        summary: "fields of structs as columns of their own, items of a list as rows",
        makes: "the input's columns; in the place of a struct `a` its fields as `a_b`, at every level; in the place of a list one item",
        arguments: &[
            placed("columns", Kind::Columns)
                .optional("all structs")
                .about("Structs, and one list at most, which makes a row of each of its items; a list of structs does both."),
            named("separator", Kind::Text).default("_").about("What joins the names of a struct and its field."),
        ],
        example: r#"module = "std:flatten(address, items)""#,
        notes: "The fields of a struct that is null are null. A row whose list is null or empty makes no row. Lists inside of structs stay lists, and \
                can be flattened by another std:flatten behind this one.",
        ..function("flatten")
    },
    Function {
        summary: "a column of JSON objects as columns with types",
        makes: "the input's other columns, and those of the schema",
        arguments: &[
            placed("column", Kind::Column).about("Text, an object in each row."),
            named("schema", Kind::Table("types"))
                .about("For each key of the objects the type of its column. With a `?` it may be missing or null; keys that are not named are left out."),
            named("keep", Kind::Bool).default("false").about("Whether the column of text passes too."),
            ON_ERROR,
        ],
        example: r#"module = "std:parse-json(payload)"
options = { schema = { user = "s64", page = "utf8?", ts = "timestamp[ms]" } }"#,
        notes: "Integers and decimals are exact: 1.0 is an s64 and 1.5 is none. Decimals may be text. Dates and times are text in ISO 8601, or whole \
                numbers of the type's unit since 1970. Objects within the objects are left out: name a list or struct in a source's `schema` \
                for those. A row that is no JSON object, lacks a key or has a value of another type goes to `NAME.rejected`; \
                with `on-error = \"null\"` it passes with null in all columns of the schema.",
        ..function("parse-json")
    },
    Function {
        summary: "columns under other names",
        makes: "the input's columns in their order",
        arguments: &[named("columns", Kind::Table("new names")).about("For each column its new name.")],
        example: r#"module = "std:rename"
options = { columns = { price = "usd", ts = "at" } }"#,
        notes: "Two columns can change places. The event time keeps its role under its new name. No byte of any column crosses to the module.",
        ..function("rename")
    },
    Function {
        summary: "a share of the rows, at random",
        makes: "the input's columns",
        arguments: &[placed("fraction", Kind::Number).about("From 0 to 1: 0.1 is about a row in ten.")],
        example: r#"module = "std:sample(0.1)""#,
        notes: "Drawn by the operator's seed and the row's number, so the same input gives the same rows, on any number of threads and in a \
                replay.",
        ..function("sample")
    },
    Function {
        summary: "columns by expressions",
        makes: "the columns that are named, in that order; with `keep` all of the input's, those that are named in their places or at the end",
        arguments: &[
            named("columns", Kind::Table("expressions")).about("For each column of the output its [expression](expressions.md)."),
            named("keep", Kind::Bool).default("false").about("Whether the input's other columns pass too."),
        ],
        example: r#"module = "std:select"
options = { columns = { euro = "price * 0.9", auction = "auction" }, keep = true }"#,
        notes: "An expression that is no more than a column passes, and no byte of it crosses to the module. A row for which an expression cannot be \
                computed, as by a sum out of range, goes to `NAME.rejected` with the reason.",
        ..function("select")
    },
];
