//! Savepoints for people.

use indicatif::HumanBytes;
use serde_json::Value;

use crate::cli::{
    terminal::{counted, plain_table},
    time::shown_time,
};

pub(super) fn listed(listed: &Value) -> String {
    let savepoints = list(&listed["savepoints"]);
    if savepoints.is_empty() {
        return "no savepoints".into();
    }
    let mut table = plain_table();
    table.set_header(["savepoint", "epoch", "made", "size", ""]);
    for savepoint in savepoints {
        let size = HumanBytes(number(&savepoint["file_bytes"])).to_string();
        let made = savepoint["made"].as_i64().map(shown_time).unwrap_or_default();
        let epoch = savepoint["epoch"].as_u64().map(|epoch| epoch.to_string()).unwrap_or_default();
        table.add_row([plain(&savepoint["name"]), epoch, made, size, plain(&savepoint["error"])]);
    }
    table.to_string()
}

pub(super) fn made(savepoint: &Value) -> String {
    let operators = list(&savepoint["operators"]).len() as u64;
    format!(
        "savepoint {} of job {}: epoch {}, {} with state, {}",
        plain(&savepoint["name"]),
        plain(&savepoint["job"]),
        savepoint["epoch"],
        counted(operators, "operator"),
        HumanBytes(number(&savepoint["file_bytes"])),
    )
}

pub(super) fn exported(savepoint: &Value) -> String {
    let size = HumanBytes(number(&savepoint["file_bytes"]));
    format!(
        "savepoint {} of epoch {}: {size} in {}",
        plain(&savepoint["name"]),
        savepoint["epoch"],
        plain(&savepoint["file"])
    )
}

pub(super) fn removed(removed: &Value) -> String {
    format!("savepoint {} is removed", plain(&removed["removed"]))
}

pub(super) fn whole(savepoint: &Value) -> String {
    let mut table = plain_table();
    let mut row = |name: String, value: String| {
        table.add_row([name, value]);
    };
    row("savepoint".into(), format!("{} of job {}", plain(&savepoint["name"]), plain(&savepoint["job"])));
    let revision = match number(&savepoint["revision"]) {
        0 => String::new(),
        revision => format!(", revision {revision}"),
    };
    row("epoch".into(), format!("{}{revision}, of {}", savepoint["epoch"], time(&savepoint["now"])));
    row("made".into(), format!("{} by pelton {}", time(&savepoint["made"]), plain(&savepoint["pelton"])));
    let sizes = (HumanBytes(number(&savepoint["bytes"])), HumanBytes(number(&savepoint["file_bytes"])));
    row("size".into(), format!("{}, as a file {}", sizes.0, sizes.1));
    for operator in list(&savepoint["operators"]) {
        let partitions = counted(number(&operator["partitions"]), "partition");
        let size = HumanBytes(number(&operator["bytes"]));
        row(
            format!("operator {}", plain(&operator["name"])),
            format!("{partitions}, {size}: {}", plain(&operator["shape"])),
        );
    }
    for source in list(&savepoint["sources"]) {
        let position = match &source["position"] {
            Value::String(at) => format!("at its {at}"),
            at => format!(
                "before range {} of partition {}, which begins at {}",
                at["sequence"], at["partition"], at["offset"]
            ),
        };
        let watermark = match source["watermark"].as_i64() {
            Some(watermark) => format!("; event time up to {}", shown_time(watermark)),
            None => String::new(),
        };
        row(format!("source {}", plain(&source["name"])), format!("{position}{watermark}"));
    }
    for table in list(&savepoint["tables"]) {
        row(format!("table {}", plain(&table["name"])), format!("version {}", table["version"]));
    }
    if number(&savepoint["letters"]) > 0 {
        row("dead letters".into(), number(&savepoint["letters"]).to_string());
    }
    for module in list(&savepoint["modules"]) {
        let digests = list(&module["digests"]);
        let digests: Vec<String> = digests.iter().map(|digest| plain(digest).chars().take(12).collect()).collect();
        if !digests.is_empty() {
            row(format!("modules of {}", plain(&module["operator"])), digests.join(", "));
        }
    }
    table.to_string()
}

pub(super) fn fitted(fitted: &Value) -> String {
    let (name, epoch) = (plain(&fitted["savepoint"]), &fitted["epoch"]);
    let mut text = match fitted["restored"] == true {
        true => format!(
            "savepoint {name} is restored in {}: the job goes on after epoch {epoch}",
            plain(&fitted["checkpoint"])
        ),
        false => format!("savepoint {name} fits: the job would go on after epoch {epoch}"),
    };
    for operator in list(&fitted["operators"]) {
        let fate = match operator["fate"].as_str().unwrap_or_default() {
            "kept" => format!("{} go over as they are", counted(number(&operator["partitions"]), "partition")),
            "repartitioned" => {
                format!("{} become {}", counted(number(&operator["from"]), "partition"), number(&operator["to"]))
            }
            "begins" => "begins empty: the savepoint has nothing of it".into(),
            _ => "its state is left behind".into(),
        };
        text.push_str(&format!("\n  {}: {fate}", plain(&operator["name"])));
    }
    if fitted["restored"] == true {
        text.push_str("\nits sinks begin anew: what was published after that epoch stays where it is");
    }
    text
}

fn time(value: &Value) -> String {
    value.as_i64().map(shown_time).unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Without what a terminal would act on.
fn plain(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        value => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    };
    text.chars().flat_map(crate::job::diagnostic::plain).collect()
}
