//! The keys of sinks.

use std::time::Duration;

use super::{DAY, Default, INPUT, JSON_KEY, Key, Keys, Named, Optional, Required, Shape, WRITE_CSV, key};

pub static SINKS: Named = Named {
    noun: "sink",
    variants: &[("print", &PRINT), ("file", &FILE_SINK), ("postgres", &POSTGRES), ("blackhole", &BLACKHOLE)],
};

const SINK_TYPE: Key =
    key("type", Shape::Choice(&["print", "file", "postgres", "blackhole"]), Required, "What kind of sink it is");
const COLUMNS: Key =
    key("columns", Shape::Texts { min: 1 }, Optional("all columns"), "The columns wanted, in this order");

pub static PRINT: Keys = Keys {
    title: "`sink.NAME` of type `print`",
    about: "Shows the first rows of each epoch as a table.",
    keys: &[
        SINK_TYPE,
        INPUT,
        COLUMNS,
        key("rows", Shape::Integer { min: 1, max: 10_000 }, Default("20"), "Rows of each epoch"),
    ],
};

pub static FILE_SINK: Keys = Keys {
    title: "`sink.NAME` of type `file`",
    about: "Files `part-…` in a directory. None has its final name before it is whole.",
    keys: &[
        SINK_TYPE,
        INPUT,
        COLUMNS,
        key("path", Shape::Text, Required, "A directory, relative to the job file; made if it is missing"),
        key(
            "format",
            Shape::Choice(&["csv", "json", "text", "parquet", "arrow"]),
            Required,
            "How rows become bytes; `json` is one object a line, `text` takes one column",
        ),
        key("csv", Shape::Table(&WRITE_CSV), Optional("all its defaults"), "The dialect, for the format `csv`"),
        JSON_KEY,
        key(
            "compression",
            Shape::Choice(&["none", "gzip", "zstd"]),
            Optional("`zstd` for `parquet`, else `none`"),
            "Of whole files (CSV, JSON, text), of pages (Parquet; not seen from outside), or of buffers (Arrow; no `gzip`)",
        ),
        key(
            "roll-bytes",
            Shape::Size { min: 1, max: 1 << 40 },
            Default("\"256MiB\""),
            "A file that has this many bytes is closed, and the next one begun",
        ),
        key(
            "roll-after",
            Shape::Duration { min: Duration::from_millis(1), max: Duration::from_secs(86_400 * 31) },
            Optional("age closes no file"),
            "A file that began so long ago, by the time of epochs, is closed at the end of an epoch, also if no row comes",
        ),
        key(
            "partition-by",
            Shape::Texts { min: 0 },
            Default("[]"),
            "Columns whose values name folders, `country=DE/day=2026-11-22/part-…`. Files do not hold them",
        ),
        key(
            "if-exists",
            Shape::Choice(&["error", "replace"]),
            Default("\"error\""),
            "When the directory holds files of an earlier run: refuse to start, or replace them once the new ones are whole",
        ),
    ],
};

pub static POSTGRES: Keys = Keys {
    title: "`sink.NAME` of type `postgres`",
    about: "Rows of a table of a PostgreSQL server, each epoch in one transaction; with a checkpoint, each row once.",
    keys: &[
        SINK_TYPE,
        INPUT,
        COLUMNS,
        key("url", Shape::Text, Required, "`postgresql://USER@HOST:PORT/DATABASE?sslmode=verify-full`, as for psql"),
        key(
            "password-env",
            Shape::Text,
            Optional("the one in `url`, if any"),
            "The environment variable that has the password where the job runs",
        ),
        key(
            "ca",
            Shape::Text,
            Optional("those of public authorities, where `sslmode` asks for any"),
            "A file of certificates in PEM that the server's is checked against, relative to the job file",
        ),
        key("table", Shape::Text, Required, "`TABLE` or `SCHEMA.TABLE`, as it is written: `Orders` is not `orders`"),
        key(
            "mode",
            Shape::Choice(&["insert", "upsert"]),
            Default("\"insert\""),
            "Whether each row is added, or takes the place of the one with its `key`",
        ),
        key(
            "key",
            Shape::Texts { min: 1 },
            Optional("none; `upsert` needs one"),
            "The columns of a primary key or unique constraint of the table",
        ),
        key("create", Shape::Boolean, Default("false"), "The table is made if it is missing"),
        key(
            "marker-table",
            Shape::Text,
            Default("\"pelton_commits\""),
            "Of a job with a checkpoint: the table with the last epoch of each sink; made if it is missing",
        ),
        key(
            "retry",
            Shape::Duration { min: Duration::ZERO, max: DAY },
            Default("\"30s\""),
            "How long a server that cannot be reached is waited for; then the attempt fails, and `restart` says what comes next",
        ),
    ],
};

pub static BLACKHOLE: Keys = Keys {
    title: "`sink.NAME` of type `blackhole`",
    about: "Reads every column and keeps a checksum of each: for measuring.",
    keys: &[SINK_TYPE, INPUT, COLUMNS],
};
