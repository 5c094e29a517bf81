//! The keys of an operator, and of the tables within it.

use std::time::Duration;

use super::{DAY, Default, INPUT_ABOUT, INPUT_SHAPE, Key, Keys, Named, ON_TRAP, Optional, Required, Shape, key};

pub static OPERATORS: Named = Named { noun: "operator", variants: &[("", &OPERATOR)] };

pub static OPERATOR: Keys = Keys {
    title: "`operator.NAME`",
    about: "",
    keys: &[
        key("input", INPUT_SHAPE, Optional("for joins, whose inputs are in `join`"), INPUT_ABOUT),
        key(
            "join",
            Shape::Table(&JOIN),
            Optional("its rows are not joined"),
            "Two inputs whose rows are put together by key",
        ),
        key(
            "sort",
            Shape::Texts { min: 1 },
            Optional("its rows are not sorted"),
            "Columns by which all rows are put in order when the input has ended, the most significant first: `[\"country\", \"price desc\"]`. docs/sorting.md",
        ),
        key(
            "module",
            Shape::Text,
            Optional("the modules are in `aggregate`, or a join or a sort needs none"),
            "A component relative to the job file (`.wasm` or `.wat`), a module that comes with Pelton (`std:NAME`), or one of an engine's registry (`name@version`)",
        ),
        key("options", Shape::Free, Default("{}"), "What the module is told when it opens"),
        key("key", Shape::Texts { min: 0 }, Optional("all rows are one group"), "Columns that rows are grouped by"),
        key(
            "window",
            Shape::Table(&WINDOW),
            Optional("none: all rows of a key"),
            "Which rows are folded together, by time",
        ),
        key(
            "aggregate",
            Shape::Free,
            Optional("`module` is the only one"),
            "Several aggregates over the same key and window: the name of each result, and its module",
        ),
        key(
            "emit",
            Shape::ChoiceOr(&["on-close", "on-update"], &EMIT),
            Optional("\"on-close\" with a window, \"on-update\" without and with a `global` one"),
            "When results leave: once, when the watermark passes the end of the window; or as updates by key, after each epoch that changed them, or `{ early = \"10s\" }`",
        ),
        key(
            "state",
            Shape::Table(&STATE),
            Optional("all its defaults"),
            "For modules that export `keyed`: how long they keep what they know of a key, and when they are called",
        ),
        key(
            "endpoints",
            Shape::Texts { min: 1 },
            Optional("none"),
            "For modules that export `enrich`: the endpoints that they may ask, by their names",
        ),
        key(
            "was",
            Shape::Text,
            Optional("the same"),
            "What the operator was called before: a job that goes on after a stop gives it that one's state",
        ),
        key("limits", Shape::Table(&LIMITS), Optional("all its defaults"), "What the module may use up"),
        key(
            "on-trap",
            Shape::ChoiceOr(&["halt", "skip", "dead-letter"], &ON_TRAP),
            Default("\"halt\""),
            "What becomes of a row on which the module traps, hits a limit or breaks the contract: the job fails; or the row is found, taken out of its call, and forgotten or kept. docs/poison-rows.md tells the whole story",
        ),
        RESET,
        key(
            "shadow",
            Shape::Table(&SHADOW),
            Optional("none"),
            "Another module on the same rows, with state of its own: what it makes is compared with the operator's rows and thrown away",
        ),
        key(
            "canary",
            Shape::Table(&CANARY),
            Optional("none"),
            "Another module that does the operator's work for a share of its rows, for good",
        ),
        key(
            "draining",
            Shape::Table(&DRAINING),
            Optional("none"),
            "The module before, which finishes the windows that were open when this one took its place: `pelton swap --windows drain` writes it, and the engine takes it out when they are finished",
        ),
    ],
};

const RESET: Key = key(
    "reset",
    Shape::Integer { min: 0, max: i64::MAX },
    Default("0"),
    "A job that goes over to another number has it begin without open windows, timers and what it kept of keys: `pelton swap --windows reset` writes it",
);

const CANDIDATE_MODULE: Key = key(
    "module",
    Shape::Text,
    Optional("the modules are in `aggregate`"),
    "As `module` of the operator; it may be the same, with other options",
);
const CANDIDATE_OPTIONS: Key = key("options", Shape::Free, Default("{}"), "What it is told when it opens");
const CANDIDATE_AGGREGATE: Key = key(
    "aggregate",
    Shape::Free,
    Optional("`module` is the only one"),
    "As `aggregate` of the operator, with as many results",
);

pub static CANARY: Keys = Keys {
    title: "`canary` of an operator",
    about: "A candidate that does the operator's work for a share of its rows, for good: what it makes goes where the operator's rows go. Of an operator with a key it has the first of its partitions, with their state; of any other operator every so many batches, chosen by their number. If it fails the job fails, or in an engine goes back to the operator alone.",
    keys: &[
        CANDIDATE_MODULE,
        CANDIDATE_OPTIONS,
        CANDIDATE_AGGREGATE,
        key("share", Shape::Text, Required, "A fraction below 1, such as \"1/8\""),
    ],
};

pub static DRAINING: Keys = Keys {
    title: "`draining` of an operator",
    about: "The module that the operator had before, for the windows that begin before a line behind all that were open when it was exchanged; later windows are the operator's own. Both have every row while it lasts. Of operators with tumbling or sliding windows.",
    keys: &[CANDIDATE_MODULE, CANDIDATE_OPTIONS, CANDIDATE_AGGREGATE],
};

pub static SHADOW: Keys = Keys {
    title: "`shadow` of an operator",
    about: "A candidate for its place. Rows are compared epoch by epoch and port by port, by the columns that somebody reads; the summary of the run shows how many differ, and the first of them. If it fails it is left out, and the job goes on.",
    keys: &[CANDIDATE_MODULE, CANDIDATE_OPTIONS, CANDIDATE_AGGREGATE, RESET],
};

pub static JOIN: Keys = Keys {
    title: "`join` of an operator",
    about: "Of a stream and a table, of two streams by an interval, or (with `window`) of two streams by window or session. docs/joins.md has drawings.",
    keys: &[
        key(
            "type",
            Shape::Choice(&["inner", "left", "right", "full", "cogroup"]),
            Default("\"inner\""),
            "Which rows leave: pairs, or also left, right or all rows without a partner. `cogroup` hands both sides' rows of a key to a module",
        ),
        key("left", Shape::Text, Required, "An output, as in `input`"),
        key("right", Shape::Text, Required, "An output, or a table"),
        key(
            "on",
            Shape::Texts { min: 1 },
            Required,
            "Columns that are equal in rows that belong together; `\"a = b\"` where their names differ. Nulls are equal to nothing",
        ),
        key(
            "within",
            Shape::Texts { min: 1 },
            Optional("for two streams without `window`"),
            "How far the right row's event time may be from the left one's: `[\"-1m\", \"10m\"]`, or `\"5s\"` either way",
        ),
        key(
            "lateness",
            Shape::Duration { min: Duration::ZERO, max: Duration::from_secs(86_400 * 366) },
            Default("\"0s\""),
            "With `within`: how far behind the watermark rows may be. Later ones go to `NAME.left-late` and `NAME.right-late`",
        ),
        key(
            "prefix",
            Shape::Text,
            Default("\"right_\""),
            "Put before the names of right columns that the left input has as well",
        ),
    ],
};

pub static EMIT: Keys = Keys {
    title: "`emit` of an operator, as a table",
    about: "When results leave, and how those that replace earlier ones.",
    keys: &[
        key(
            "when",
            Shape::Choice(&["on-close", "on-update"]),
            Optional("\"on-close\" with a window, \"on-update\" without and with a `global` one"),
            "As the word alone says it",
        ),
        key(
            "early",
            Shape::Duration { min: Duration::from_millis(1), max: DAY },
            Optional("as `when` says"),
            "How often, by processing time, results of open windows leave that have changed, before they leave when their window closes",
        ),
        key(
            "mode",
            Shape::Choice(&["upsert", "retract"]),
            Optional("\"retract\" where the input is a stream of changes, else \"upsert\""),
            "How a result leaves that replaces an earlier one of its key and window: alone, or as two rows with a column `_op`: the earlier one with -1, which takes it back, and the new one with 1",
        ),
    ],
};

pub static STATE: Keys = Keys {
    title: "`state` of an operator",
    about: "For modules that export `keyed`. docs/state.md has drawings.",
    keys: &[
        key(
            "ttl",
            Shape::Duration { min: Duration::from_micros(1), max: Duration::from_secs(86_400 * 366 * 100) },
            Optional("for ever"),
            "How long the state of a key outlives its last row: by event time where the input has one, else by processing time. The module is called once more, then the state is gone",
        ),
        key(
            "idle-keys",
            Shape::Boolean,
            Default("false"),
            "Call the module in every epoch for every key that has state, also for those without rows",
        ),
        key(
            "lateness",
            Shape::Duration { min: Duration::ZERO, max: Duration::from_secs(86_400 * 366) },
            Optional("no row is late"),
            "Rows whose event time is further behind the watermark go to `NAME.late`",
        ),
        key(
            "initial",
            Shape::Free,
            Default("{}"),
            "With what state tables of the module begin: `{ STATE = \"TABLE\" }`, where `[table.TABLE]` has the key columns and the columns of that state",
        ),
    ],
};

pub static WINDOW: Keys = Keys {
    title: "`window` of an operator",
    about: "By event time unless `time` says otherwise. docs/windows.md has drawings.",
    keys: &[
        key(
            "type",
            Shape::Choice(&["tumbling", "sliding", "session", "count", "global"]),
            Required,
            "How rows are put together",
        ),
        key("length", WINDOW_LENGTH, Optional("for `tumbling` and `sliding`"), "From a window's start to its end"),
        key(
            "slide",
            WINDOW_LENGTH,
            Optional("for `sliding`"),
            "From one window's start to the next one's; each row is in `length / slide` windows",
        ),
        key(
            "gap",
            WINDOW_LENGTH,
            Optional("for `session`"),
            "How long a key is silent before its session ends. Rows exactly this far apart are in two sessions",
        ),
        key(
            "rows",
            Shape::Integer { min: 1, max: i64::MAX },
            Optional("for `count`"),
            "Rows of a key in one window. One that is not full when the input ends is not emitted",
        ),
        key(
            "offset",
            Shape::Duration { min: Duration::ZERO, max: DAY },
            Default("\"0s\""),
            "Moves the windows' bounds, which are else multiples since 1970-01-01T00:00:00Z",
        ),
        key(
            "time-zone",
            Shape::Text,
            Optional("UTC"),
            "For `tumbling` windows of whole days: days of this zone, with 23 or 25 hours where clocks change",
        ),
        key(
            "lateness",
            Shape::Duration { min: Duration::ZERO, max: Duration::from_secs(86_400 * 366) },
            Default("\"0s\""),
            "For how long after its end, in event time, a window still takes rows and is emitted anew. Later rows go to `NAME.late`",
        ),
        key(
            "time",
            Shape::Choice(&["event", "processing"]),
            Default("\"event\""),
            "Which clock: the event-time column, or when the epoch began",
        ),
        key(
            "inverse",
            Shape::Boolean,
            Optional("panes are merged"),
            "For `sliding`: `true` keeps one running accumulator for each key, from which the rows that leave are taken back. The modules must be able to (docs/std.md says which of `std:` are), and results leave once",
        ),
    ],
};

const WINDOW_LENGTH: Shape =
    Shape::Duration { min: Duration::from_micros(1), max: Duration::from_secs(86_400 * 366 * 100) };

pub static LIMITS: Keys = Keys {
    title: "`limits` of an operator",
    about: "A limit that is hit fails the job, and the error names it by its key.",
    keys: &[
        key("module-bytes", Shape::Size { min: 1, max: 1 << 30 }, Default("\"64MiB\""), "Bytes of the module itself"),
        key(
            "memory-bytes",
            Shape::Size { min: 64 << 10, max: 4 << 30 },
            Default("\"64MiB\""),
            "Memory of one instance, all its memories together",
        ),
        key(
            "call-time",
            Shape::Duration { min: Duration::from_millis(1), max: Duration::from_secs(3_600) },
            Default("\"1s\""),
            "Processor time of one call",
        ),
        key(
            "output-bytes",
            Shape::Size { min: 1, max: 4 << 30 },
            Default("\"64MiB\""),
            "Bytes that one call may return",
        ),
        key(
            "rows-out-per-row",
            Shape::Integer { min: 1, max: 1_000_000_000 },
            Default("1000"),
            "Rows that one call may return for each row that it is given",
        ),
        key(
            "log-bytes",
            Shape::Size { min: 0, max: 1 << 30 },
            Default("\"64KiB\""),
            "Bytes of log lines in one call; what is more is dropped and counted",
        ),
        key(
            "log-calls",
            Shape::Integer { min: 0, max: 1_000_000_000 },
            Default("100000"),
            "Calls of `log`, `counter` and `gauge` in one call",
        ),
        key(
            "state-row-bytes",
            Shape::Size { min: 1, max: 1 << 30 },
            Default("\"1MiB\""),
            "Bytes of one row of a keyed operator's state",
        ),
        key(
            "state-bytes",
            Shape::Size { min: 1, max: 1 << 40 },
            Default("\"1GiB\""),
            "Bytes of all state of a keyed operator, over all its partitions, about",
        ),
        key(
            "requests",
            Shape::Integer { min: 1, max: 1 << 20 },
            Default("10000"),
            "Requests that one call of an enrich operator may ask for",
        ),
        key(
            "request-bytes",
            Shape::Size { min: 1, max: 1 << 30 },
            Default("\"16MiB\""),
            "Bytes of what one call asks for: paths, headers and bodies",
        ),
        key(
            "reply-bytes",
            Shape::Size { min: 1, max: 1 << 30 },
            Default("\"32MiB\""),
            "Bytes of all replies to one call, which the module's memory must have room for",
        ),
    ],
};
