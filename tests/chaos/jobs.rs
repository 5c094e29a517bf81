//! The jobs that are killed: one for each kind of state, all over the same files.

/// A job file without its checkpoint, as a table to be completed.
pub struct Job {
    pub name: &'static str,
    /// What follows the sources.
    pub graph: &'static str,
    /// Of the sink.
    pub format: &'static str,
    /// More of the sink.
    pub sink: &'static str,
}

/// Some out of order, in several files.
pub const BIDS: &str = r#"
[source.bids]
type = "file"
path = "bids/*.csv"
schema = { auction = "s64", price = "s64", ts = "timestamp[ms]" }
event-time = { column = "ts", watermark = "2s" }

"#;

/// Of joins.
pub const ASKS: &str = r#"
[source.asks]
type = "file"
path = "asks/*.csv"
schema = { auction = "s64", name = "utf8", ts = "timestamp[ms]" }
event-time = { column = "ts", watermark = "2s" }
"#;

pub const JOBS: [Job; 15] = [
    Job {
        name: "stateless",
        format: "csv",
        sink: "",
        graph: r#"
[operator.result]
input = "bids"
module = "std:filter"
options = { where = "price > 300" }
"#,
    },
    Job {
        name: "stateless-to-parquet",
        format: "parquet",
        sink: "",
        graph: r#"
[operator.result]
input = "bids"
module = "std:filter"
options = { where = "price > 300" }
"#,
    },
    Job {
        name: "folders",
        format: "csv",
        sink: "partition-by = [\"third\", \"dear\"]",
        graph: r#"
[operator.result]
input = "bids"
module = "std:select"
options = { columns = { third = "auction % 3", dear = "price > 900", auction = "auction", price = "price" } }
"#,
    },
    Job {
        name: "folders-of-parquet",
        format: "parquet",
        sink: "partition-by = [\"third\", \"dear\"]",
        graph: r#"
[operator.result]
input = "bids"
module = "std:select"
options = { columns = { third = "auction % 3", dear = "price > 900", auction = "auction", price = "price" } }
"#,
    },
    Job {
        name: "running",
        format: "json",
        sink: "",
        graph: r#"
[operator.result]
input = "bids"
key = ["auction"]
aggregate = { n = "std:count", sum = "std:sum(price)" }
emit = "on-update"
"#,
    },
    Job {
        name: "tumbling",
        format: "csv",
        sink: "",
        graph: r#"
[operator.result]
input = "bids"
key = ["auction"]
window = { type = "tumbling", length = "7s", lateness = "3s" }
aggregate = { n = "std:count", average = "std:avg(price)" }
"#,
    },
    Job {
        name: "sliding",
        format: "csv",
        sink: "",
        graph: r#"
[operator.result]
input = "bids"
key = ["auction"]
window = { type = "sliding", length = "10s", slide = "2s" }
aggregate = { n = "std:count", most = "std:max(price)", average = "std:avg(price)" }
"#,
    },
    Job {
        name: "taking-rows-back",
        format: "csv",
        sink: "",
        graph: r#"
[operator.result]
input = "bids"
key = ["auction"]
window = { type = "sliding", length = "10s", slide = "2s", inverse = true }
aggregate = { n = "std:count", average = "std:avg(price)" }
"#,
    },
    // Auctions go from one number of bids to the next, so that groups come and go all the time.
    Job {
        name: "over-changes",
        format: "csv",
        sink: "",
        graph: r#"
[operator.auctions]
input = "bids"
key = ["auction"]
aggregate = { bids = "std:count", sum = "std:sum(price)" }
emit = { mode = "retract" }

[operator.regular]
input = "auctions"
module = "std:filter(bids > 20)"

[operator.result]
input = "regular"
key = ["bids"]
aggregate = { auctions = "std:count", sum = "std:sum(sum)" }
"#,
    },
    Job {
        name: "windows-over-changes",
        format: "csv",
        sink: "",
        graph: r#"
[operator.windows]
input = "bids"
key = ["auction"]
window = { type = "tumbling", length = "2s", lateness = "3s" }
aggregate = { n = "std:count", sum = "std:sum(price)" }
emit = { mode = "retract" }

[operator.result]
input = "windows"
key = ["n"]
window = { type = "sliding", length = "12s", slide = "4s" }
aggregate = { windows = "std:count", sum = "std:sum(sum)" }
"#,
    },
    Job {
        name: "sessions",
        format: "csv",
        sink: "",
        graph: r#"
[operator.result]
input = "bids"
key = ["auction"]
window = { type = "session", gap = "900ms" }
aggregate = { n = "std:count", prices = "std:quantile(price, 0.9)" }
"#,
    },
    Job {
        name: "deduplicated",
        format: "csv",
        sink: "",
        graph: r#"
[operator.result]
input = "bids"
module = "std:dedup"
key = ["auction", "price"]
state = { ttl = "4s" }
"#,
    },
    Job {
        name: "joined",
        format: "csv",
        sink: "",
        graph: r#"
[operator.result]
join = { type = "full", left = "bids", right = "asks", on = ["auction"], within = ["-1s", "1s"] }
"#,
    },
    Job {
        name: "joined-in-sessions",
        format: "csv",
        sink: "",
        graph: r#"
[operator.result]
join = { type = "full", left = "bids", right = "asks", on = ["auction"] }
window = { type = "session", gap = "100ms", lateness = "1s" }
"#,
    },
    // Little of it is output before the end: what is killed is mostly the keeping.
    Job {
        name: "sorted",
        format: "csv",
        sink: "",
        graph: r#"
[operator.result]
input = "bids"
sort = ["auction", "price desc"]
"#,
    },
];
