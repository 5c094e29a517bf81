//! The report: a table for people, JSON for machines.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};
use wasmtime::Result;
use wasmtime::error::Context;

use crate::goals::{Goal, Row};

/// Prints the rows as a table.
pub fn print(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    let width = rows.iter().map(|row| row.id.len()).max().unwrap_or(0);
    let wide = rows.iter().map(|row| row.what.chars().count()).max().unwrap_or(0);
    writeln!(out, "{:width$}  {:wide$}  {:>16}  {:>6}  {:>8}  met", "id", "what", "measured", "spread", "goal")?;
    for row in rows {
        let measured = format!("{} {}", significant(row.figure.median), row.unit);
        let spread = format!("{:.0} %", row.figure.spread * 100.0);
        let (goal, met) = match row.goal {
            Some(goal) => (shown(goal), if goal.met(row.figure) { "yes" } else { "NO" }),
            None => (String::new(), ""),
        };
        writeln!(out, "{:width$}  {:wide$}  {measured:>16}  {spread:>6}  {goal:>8}  {met}", row.id, row.what)?;
    }
    Ok(())
}

/// Writes the rows as a JSON list.
pub fn write(path: &Path, rows: &[Row]) -> Result<()> {
    let rows: Vec<Value> = rows.iter().map(value).collect();
    let text = format!("{:#}\n", Value::from(rows));
    std::fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
}

fn value(row: &Row) -> Value {
    json!({
        "id": row.id,
        "what": row.what,
        "measured": row.figure.median,
        "unit": row.unit,
        "spread": row.figure.spread,
        "goal": row.goal.map(shown),
        "met": row.goal.map(|goal| goal.met(row.figure)),
    })
}

fn shown(goal: Goal) -> String {
    match goal {
        Goal::AtMost(most) => format!("≤ {most}"),
        Goal::AtLeast(least) => format!("≥ {least}"),
    }
}

/// Three significant digits.
pub fn significant(value: f64) -> String {
    let digits = if value > 0.0 { (2 - value.log10().floor() as i32).max(0) } else { 0 };
    format!("{value:.*}", usize::try_from(digits).unwrap_or(0))
}
