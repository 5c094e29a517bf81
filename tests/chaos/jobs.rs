//! The jobs that are killed: one for each kind of state, all over the same files.

/// A job file without its checkpoint, as a table to be completed.
pub struct Job {
    pub name: &'static str,
    /// What follows the sources.
    pub graph: &'static str,
    /// Of the sink.
    pub format: &'static str,
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

pub const JOBS: [Job; 8] = [
    Job {
        name: "stateless",
        format: "csv",
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
        graph: r#"
[operator.result]
input = "bids"
module = "std:filter"
options = { where = "price > 300" }
"#,
    },
    Job {
        name: "running",
        format: "json",
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
        graph: r#"
[operator.result]
input = "bids"
key = ["auction"]
window = { type = "sliding", length = "10s", slide = "2s" }
aggregate = { n = "std:count", most = "std:max(price)", average = "std:avg(price)" }
"#,
    },
    Job {
        name: "sessions",
        format: "csv",
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
        graph: r#"
[operator.result]
join = { type = "full", left = "bids", right = "asks", on = ["auction"], within = ["-1s", "1s"] }
"#,
    },
];
