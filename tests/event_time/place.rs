//! A job in a folder of its own, what it printed and what it wrote.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use pelton_tests::binary;
use serde_json::Value;

pub struct Place {
    folder: tempfile::TempDir,
}

/// What a run printed as JSON, line by line.
#[derive(Debug)]
pub struct Ran {
    lines: Vec<Value>,
}

impl Place {
    pub fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir()? })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
        Ok(fs::write(path, text)?)
    }

    /// Runs `job.toml`, which begins anew.
    pub fn run(&self, threads: &str) -> Result<Ran> {
        for sink in ["out", "late", "rejected"] {
            let folder = self.path().join(sink);
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        let output = Command::new(binary()?)
            .args(["run", "job.toml", "--output", "json", "--threads", threads])
            .current_dir(self.path())
            .output()?;
        let said = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "{said}");
        let lines = String::from_utf8(output.stdout)?;
        Ok(Ran { lines: lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()? })
    }

    /// What a file sink wrote, part after part.
    pub fn written(&self, sink: &str) -> Result<String> {
        let Ok(entries) = fs::read_dir(self.path().join(sink)) else { return Ok(String::new()) };
        let mut parts: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        parts.retain(|part| part.extension().is_some_and(|end| end == "csv"));
        parts.sort();
        parts.iter().map(|part| Ok(fs::read_to_string(part)?)).collect()
    }

    /// The rows that a file sink wrote, sorted.
    pub fn rows(&self, sink: &str) -> Result<Vec<String>> {
        let mut rows: Vec<String> = self.written(sink)?.lines().map(str::to_owned).collect();
        rows.sort();
        Ok(rows)
    }
}

impl Ran {
    /// A number of the summary.
    pub fn total(&self, key: &str) -> Result<u64> {
        let summary = self.lines.iter().find(|line| line["event"] == "summary").context("a summary")?;
        summary[key].as_u64().with_context(|| format!("{key} of {summary}"))
    }

    /// What a print sink was given, by epoch.
    pub fn printed(&self, sink: &str) -> BTreeMap<u64, Vec<Value>> {
        let rows = self.lines.iter().filter(|line| line["event"] == "rows" && line["sink"] == sink);
        rows.filter_map(|line| Some((line["epoch"].as_u64()?, line["rows"].as_array()?.clone()))).collect()
    }
}

/// µs since 1970 as sinks write them.
pub fn shown(micros: i64) -> String {
    let day = micros.div_euclid(86_400_000_000);
    let (date, rest) = (date(day), micros.rem_euclid(86_400_000_000));
    let (seconds, micros) = (rest / 1_000_000, rest % 1_000_000);
    format!("{date}T{:02}:{:02}:{:02}.{micros:06}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// The date of a day since 1970, by going through the years and months.
fn date(mut day: i64) -> String {
    let is_leap = |year: i64| year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
    let mut year = 1970;
    while day >= 365 + i64::from(is_leap(year)) {
        day -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + i64::from(is_leap(year));
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", day + 1)
}

#[test]
fn times_are_shown_as_sinks_write_them() {
    assert_eq!(shown(0), "1970-01-01T00:00:00.000000");
    assert_eq!(shown(1_709_164_799_000_001), "2024-02-28T23:59:59.000001");
    assert_eq!(shown(1_709_164_800_000_000), "2024-02-29T00:00:00.000000");
    assert_eq!(shown(1_798_761_599_999_999), "2026-12-31T23:59:59.999999");
}
