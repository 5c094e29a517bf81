//! All keys of a job file.
//!
//! `source`, `operator` and `sink` turn what a [`Reader`](super::reader::Reader) finds under these keys into a
//! `JobSpec`. A default that is written here is the one that they use (a test holds the two together).

mod endpoint;
mod live;
mod on_trap;
mod operator;
mod sink;

use std::time::Duration;

use super::keys::{
    Key, Keys, Named,
    Need::{Default, Optional, Required},
    Shape,
};

pub use endpoint::{ENDPOINT, ENDPOINTS};
pub use on_trap::ON_TRAP;
pub use operator::{CANARY, DRAINING, EMIT, JOIN, LIMITS, OPERATOR, OPERATORS, SHADOW, STATE, WINDOW};
pub use sink::{BLACKHOLE, FILE_SINK, POSTGRES, PRINT, SINKS};

const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(366 * 86_400);

const fn key(name: &'static str, shape: Shape, need: super::keys::Need, about: &'static str) -> Key {
    Key { name, shape, need, about }
}

pub static JOB: Keys = Keys {
    title: "The file",
    about: "The keys at the top of the file.",
    keys: &[
        key("name", Shape::Text, Required, "The job's name: letters, digits, `-` and `_`"),
        key("batch", Shape::Table(&BATCH), Optional("all its defaults"), "When an epoch closes"),
        key(
            "threads",
            Shape::Integer { min: 1, max: 1024 },
            Optional("one for each core"),
            "Compute threads. The output does not depend on them",
        ),
        key(
            "partitions",
            Shape::Integer { min: 1, max: 128 },
            Default("8"),
            "Parts into which the state of keyed operators is cut; at most so many threads work on one operator. The order of the output depends on it",
        ),
        key(
            "checkpoint",
            Shape::Text,
            Optional("none: a second run starts over"),
            "A directory, relative to the job file, or `s3://BUCKET/PREFIX`, for what the job needs to go on after a stop or a crash, with nothing lost or repeated",
        ),
        key(
            "drop-state",
            Shape::Texts { min: 0 },
            Optional("none"),
            "Operators that the job no longer has and whose state it gives up: without a word it goes on after a stop only if all of it finds its operator",
        ),
        key(
            "snapshots",
            Shape::Duration { min: Duration::from_millis(1), max: DAY },
            Default("\"10s\""),
            "Time between two snapshots of the state, at least. After a crash the epochs since the last one are computed again",
        ),
        key(
            "replay",
            Shape::Table(&REPLAY),
            Optional("all its defaults"),
            "Of a job with a checkpoint: how far back its epochs can be computed again",
        ),
        key(
            "restart",
            Shape::ChoiceOr(&["none"], &RESTART),
            Default("\"none\""),
            "Whether a job with a checkpoint is started again after a failure; `none`: the failure ends it",
        ),
        key("source", Shape::Named(&SOURCES), Required, "Where rows come from, each under a name of its own"),
        key("table", Shape::Named(&TABLES), Optional("none"), "Side inputs for joins: files that are held in memory"),
        key(
            "endpoint",
            Shape::Named(&ENDPOINTS),
            Optional("none"),
            "Places that enrich operators may ask by HTTP. docs/enrich.md tells the whole story",
        ),
        key("operator", Shape::Named(&OPERATORS), Optional("none"), "What modules do with the rows"),
        key("sink", Shape::Named(&SINKS), Required, "Where rows go"),
    ],
};

pub static REPLAY: Keys = Keys {
    title: "`replay`",
    about: "What `pelton replay` and `pelton verify` find. Whichever of the two keeps more counts; the directory of the checkpoint grows with it.",
    keys: &[
        key(
            "retain",
            Shape::Duration { min: Duration::ZERO, max: YEAR },
            Default("\"0s\""),
            "Epochs that are younger than this can be replayed",
        ),
        key(
            "retain-epochs",
            Shape::Integer { min: 0, max: 1_000_000_000 },
            Default("64"),
            "So many of the last epochs can be replayed, however old they are",
        ),
        key(
            "verify",
            Shape::Duration { min: Duration::from_secs(1), max: YEAR },
            Optional("never"),
            "So often an engine computes the last epoch again, beside the job, and says in its log if it comes to something else",
        ),
    ],
};

pub static RESTART: Keys = Keys {
    title: "`restart`, as a table",
    about: "After a failure the job is planned again, and goes on after its last committed epoch.",
    keys: &[
        key("type", Shape::Choice(&["fixed", "exponential", "failure-rate"]), Required, "How delays follow each other"),
        key(
            "delay",
            Shape::Duration { min: Duration::ZERO, max: DAY },
            Default("\"1s\""),
            "Time before the job is started again; of `exponential`, before the first time",
        ),
        key(
            "attempts",
            Shape::Integer { min: 1, max: 1_000_000 },
            Default("3"),
            "Of `fixed`: how often it is started again in all. Of `failure-rate`: failures within `interval` that are borne",
        ),
        key(
            "interval",
            Shape::Duration { min: Duration::from_millis(1), max: DAY },
            Default("\"1m\""),
            "Of `failure-rate`: the time within which failures are counted. Of `exponential`: time without a failure after which delays begin anew",
        ),
        key(
            "max-delay",
            Shape::Duration { min: Duration::from_millis(1), max: DAY },
            Default("\"1m\""),
            "Of `exponential`: no delay is longer",
        ),
        key(
            "multiplier",
            Shape::Number { min: 1.0, max: 100.0 },
            Default("2.0"),
            "Of `exponential`: how much longer each delay is than the one before",
        ),
        key(
            "jitter",
            Shape::Number { min: 0.0, max: 1.0 },
            Default("0.1"),
            "Of `exponential`: by which share of itself a delay is changed at random, so that jobs that failed together do not start together",
        ),
    ],
};

pub static BATCH: Keys = Keys {
    title: "`batch`",
    about: "A job runs in epochs. Each closes when one of its bounds is met.",
    keys: &[
        key(
            "interval",
            Shape::Duration { min: Duration::ZERO, max: DAY },
            Default("\"1s\""),
            "Time after which an epoch closes; `\"0s\"`: as soon as there is data",
        ),
        key(
            "max-bytes",
            Shape::Size { min: 1, max: 1 << 40 },
            Default("\"64MiB\""),
            "Bytes of input after which an epoch closes",
        ),
        key("rows", Shape::Integer { min: 1, max: 1 << 20 }, Default("8192"), "Rows in one call of a module, at most"),
        key(
            "backpressure",
            Shape::Boolean,
            Default("false"),
            "Whether an epoch takes no more rows than the job works off within an interval, by the PID rate estimator of Spark Streaming",
        ),
    ],
};

pub use live::{HTTP, SOCKET, STDIN};

pub static SOURCES: Named = Named {
    noun: "source",
    variants: &[
        ("file", &FILE_SOURCE),
        ("stdin", &STDIN),
        ("socket", &SOCKET),
        ("http", &HTTP),
        ("generator", &GENERATOR),
    ],
};

const SOURCE_TYPE: Key = key(
    "type",
    Shape::Choice(&["file", "stdin", "socket", "http", "generator"]),
    Required,
    "What kind of source it is",
);
const EVENT_TIME_KEY: Key =
    key("event-time", Shape::Table(&EVENT_TIME), Optional("none"), "Which column says when a row happened");
const ON_BAD_ROW: Key = key(
    "on-bad-row",
    Shape::Choice(&["reject", "fail"]),
    Default("\"reject\""),
    "What becomes of a row that cannot be decoded: it goes to the output `NAME.rejected`, or the job fails",
);
const MAX_ROW_BYTES: Key = key(
    "max-row-bytes",
    Shape::Size { min: 1, max: 256 << 20 },
    Default("\"1MiB\""),
    "Longer rows of CSV, JSON or text count as bad",
);
const SCHEMA: Key =
    key("schema", Shape::Columns, Optional("inferred"), "The columns in their order, each with its type");
const METADATA: Key = key(
    "metadata",
    Shape::Texts { min: 0 },
    Default("[]"),
    "Columns about where a row comes from, after its own: `_file` and `_offset` (its first byte in the file, or its number)",
);
const READ_CSV_KEY: Key =
    key("csv", Shape::Table(&READ_CSV), Optional("all its defaults"), "The dialect, for the format `csv`");
const JSON_KEY: Key = key("json", Shape::Table(&JSON), Optional("all its defaults"), "Details of the format `json`");

const PATHS: Key = key(
    "path",
    Shape::Texts { min: 1 },
    Required,
    "Files, globs, and directories (all files below, but those that begin with `.` or `_`), relative to the job file",
);
const FILE_FORMAT: Key = key(
    "format",
    Shape::Choice(&["csv", "json", "text", "parquet", "arrow"]),
    Optional("by the ending of `path`"),
    "How bytes become rows; `json` is one object a line, `text` one column with the line",
);
const COMPRESSION: Key = key(
    "compression",
    Shape::Choice(&["auto", "none", "gzip", "zstd"]),
    Default("\"auto\""),
    "How files of CSV, JSON or text are packed; `auto` goes by their name and first bytes",
);

pub static FILE_SOURCE: Keys = Keys {
    title: "`source.NAME` of type `file`",
    about: "Files, decoded in parallel, in an order that depends on their names alone.",
    keys: &[
        SOURCE_TYPE,
        PATHS,
        FILE_FORMAT,
        COMPRESSION,
        SCHEMA,
        READ_CSV_KEY,
        JSON_KEY,
        EVENT_TIME_KEY,
        METADATA,
        ON_BAD_ROW,
        MAX_ROW_BYTES,
        key(
            "watch",
            Shape::Duration { min: Duration::from_millis(1), max: DAY },
            Optional("the files that are there are all"),
            "Time between two looks for new files. The job then runs until it is stopped. Files should come by renaming: what is added to one later is read with `tail` alone",
        ),
        key(
            "tail",
            Shape::Boolean,
            Default("false"),
            "Files of CSV, JSON or text grow: each line that is added is read once, when it is complete, also across rotation. They are looked at each `watch`, a second if it is absent",
        ),
    ],
};

pub static GENERATOR: Keys = Keys {
    title: "`source.NAME` of type `generator`",
    about: "Rows made up by rule, the same for the same seed. It has either `nexmark` or `columns`.",
    keys: &[
        SOURCE_TYPE,
        key("seed", Shape::Integer { min: 0, max: i64::MAX }, Default("0"), "Another seed gives other rows"),
        key(
            "rate",
            Shape::Number { min: f64::MIN_POSITIVE, max: f64::MAX },
            Optional("as fast as they are taken"),
            "Rows a second",
        ),
        key("rows", Shape::Integer { min: 0, max: i64::MAX }, Optional("without end"), "Rows in all"),
        key(
            "nexmark",
            Shape::Choice(&["bid", "auction", "person"]),
            Optional("the columns are in `columns`"),
            "Events of the Nexmark benchmark, of one kind",
        ),
        key("columns", Shape::Rules, Optional("the columns are Nexmark's"), "Each column with the rule that fills it"),
        EVENT_TIME_KEY,
        METADATA,
    ],
};

pub static EVENT_TIME: Keys = Keys {
    title: "`event-time`",
    about: "",
    keys: &[
        key("column", Shape::Text, Required, "A timestamp column"),
        key(
            "watermark",
            Shape::Duration { min: Duration::ZERO, max: Duration::from_secs(86_400 * 366) },
            Required,
            "How far out of order rows may come",
        ),
        key(
            "idle",
            Shape::Duration { min: Duration::from_millis(1), max: DAY },
            Optional("it is waited for"),
            "After so long without a row (by processing time) the source holds no watermark back, until it has one again",
        ),
        key(
            "ahead",
            Shape::Duration { min: Duration::ZERO, max: Duration::from_secs(86_400 * 36_600) },
            Optional("up to the year 9998"),
            "How far ahead of processing time a row may be. Rows that are further ahead move no watermark, and the first window, keyed operator or join that they reach rejects them",
        ),
    ],
};

const DATE_FORMAT: Key =
    key("date-format", Shape::Text, Optional("ISO 8601"), "How dates are written, as for strftime: `\"%d.%m.%Y\"`");
const TIMESTAMP_FORMAT: Key = key(
    "timestamp-format",
    Shape::Text,
    Optional("ISO 8601"),
    "How timestamps are written, as for strftime: `\"%d.%m.%Y %H:%M:%S\"`. Without it, a source reads whole numbers of the column's unit too",
);
const HEADER: Key =
    key("header", Shape::Boolean, Default("false"), "The first line of each file has the columns' names");
const DELIMITER: Key = key(
    "delimiter",
    Shape::Character { off: false },
    Default("\",\""),
    "What stands between fields; a source of files `*.tsv` takes `\"\\t\"` by itself",
);
const QUOTE: Key = key(
    "quote",
    Shape::Character { off: true },
    Default("\"\\\"\""),
    "What encloses a field; `\"\"`: quotes are ordinary characters",
);
const ESCAPE: Key = key(
    "escape",
    Shape::Character { off: true },
    Default("\"\""),
    "What precedes a quote within a quoted field; `\"\"`: such a quote is written twice",
);

pub static READ_CSV: Keys = Keys {
    title: "`csv` of a source",
    about: "The default is RFC 4180 without a header.",
    keys: &[
        HEADER,
        DELIMITER,
        QUOTE,
        ESCAPE,
        key("comment", Shape::Character { off: true }, Default("\"\""), "Lines that begin with it are skipped"),
        key(
            "null",
            Shape::Texts { min: 0 },
            Default("[]"),
            "Unquoted fields that mean null. An empty field means it too, but in columns of type `utf8` and `binary`",
        ),
        key("trim", Shape::Boolean, Default("false"), "Spaces and tabs around unquoted fields are dropped"),
        key(
            "skip-lines",
            Shape::Integer { min: 0, max: 1_000_000 },
            Default("0"),
            "Lines skipped at the top of each file, before the header",
        ),
        DATE_FORMAT,
        TIMESTAMP_FORMAT,
    ],
};

pub static WRITE_CSV: Keys = Keys {
    title: "`csv` of a sink",
    about: "The default is RFC 4180 without a header.",
    keys: &[
        HEADER,
        DELIMITER,
        QUOTE,
        ESCAPE,
        key("null", Shape::Text, Default("\"\""), "What is written for null"),
        DATE_FORMAT,
        TIMESTAMP_FORMAT,
    ],
};

pub static JSON: Keys =
    Keys { title: "`json`", about: "One JSON object a line.", keys: &[DATE_FORMAT, TIMESTAMP_FORMAT] };

pub static RULE: Keys = Keys {
    title: "A rule in `columns` of a generator",
    about: "Exactly one of the rules, and `null` if the column has nulls.",
    keys: &[
        key("sequence", Shape::Table(&SEQUENCE), Optional("another rule"), "`s64`: evenly spaced numbers"),
        key(
            "uniform",
            Shape::Table(&UNIFORM),
            Optional("another rule"),
            "`s64` if both ends are whole numbers, else `f64`: each number as likely as the others",
        ),
        key(
            "zipf",
            Shape::Table(&ZIPF),
            Optional("another rule"),
            "`s64` from 1 to `n`: few numbers are frequent, most are rare",
        ),
        key("choice", Shape::Texts { min: 1 }, Optional("another rule"), "`utf8`: one of these"),
        key("text", Shape::Table(&TEXT), Optional("another rule"), "`utf8`: random lower-case letters"),
        key("time", Shape::Table(&TIME), Optional("another rule"), "`timestamp[us]`: times that go on row by row"),
        key(
            "null",
            Shape::Number { min: 0.0, max: 1.0 },
            Default("0"),
            "The share of rows in which the column is null",
        ),
    ],
};

const ANY_INTEGER: Shape = Shape::Integer { min: i64::MIN, max: i64::MAX };

pub static SEQUENCE: Keys = Keys {
    title: "`sequence`",
    about: "",
    keys: &[
        key("start", ANY_INTEGER, Default("0"), "The first row's number"),
        key("step", ANY_INTEGER, Default("1"), "What each row adds"),
    ],
};

pub static UNIFORM: Keys = Keys {
    title: "`uniform`",
    about: "",
    keys: &[
        key("min", Shape::Number { min: f64::MIN, max: f64::MAX }, Required, "The smallest number"),
        key(
            "max",
            Shape::Number { min: f64::MIN, max: f64::MAX },
            Required,
            "The largest number; of `f64` it is the bound that is not reached",
        ),
    ],
};

pub static ZIPF: Keys = Keys {
    title: "`zipf`",
    about: "Number k has the weight 1/k^s.",
    keys: &[
        key("n", Shape::Integer { min: 1, max: i64::MAX }, Required, "How many numbers there are"),
        key("s", Shape::Number { min: f64::MIN_POSITIVE, max: 100.0 }, Default("1.0"), "The larger, the steeper"),
    ],
};

pub static TEXT: Keys = Keys {
    title: "`text`",
    about: "",
    keys: &[
        key("min", Shape::Integer { min: 0, max: 1 << 16 }, Default("1"), "Letters, at least"),
        key("max", Shape::Integer { min: 0, max: 1 << 16 }, Required, "Letters, at most"),
    ],
};

pub static TIME: Keys = Keys {
    title: "`time`",
    about: "",
    keys: &[
        key("start", Shape::Instant, Required, "The first row's time"),
        key("step", Shape::Duration { min: Duration::ZERO, max: DAY }, Default("\"1ms\""), "What each row adds"),
        key(
            "jitter",
            Shape::Duration { min: Duration::ZERO, max: Duration::from_secs(86_400 * 366) },
            Default("\"0s\""),
            "Each time is earlier by a random part of this",
        ),
    ],
};

pub static TABLES: Named = Named { noun: "table", variants: &[("", &TABLE)] };

pub static TABLE: Keys = Keys {
    title: "`table.NAME`",
    about: "A side input for joins: read whole and held in memory, and read again, between two epochs, when a file changes.",
    keys: &[
        key("type", Shape::Choice(&["file"]), Default("\"file\""), "What kind of table it is"),
        PATHS,
        FILE_FORMAT,
        COMPRESSION,
        SCHEMA,
        READ_CSV_KEY,
        JSON_KEY,
        MAX_ROW_BYTES,
    ],
};

const INPUT_SHAPE: Shape = Shape::Texts { min: 1 };
const INPUT_ABOUT: &str = "The outputs that it reads: `NAME`, `NAME.rejected`, or `NAME.PORT` for a port of a module. Several are a union, by column name";
const INPUT: Key = key("input", INPUT_SHAPE, Required, INPUT_ABOUT);
