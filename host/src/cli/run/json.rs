//! A run as JSON lines on standard output: `progress`, `log` and `summary` events.

use pelton_wasm::Metric;
use serde_json::{Value, json};

use super::Show;
use crate::{
    cli::terminal::Terminal,
    job::run::{
        EpochTiming,
        progress::{EpochReport, Event, Summary, Totals},
    },
};

pub(super) struct JsonLines<'a> {
    terminal: &'a Terminal,
    job: String,
}

impl<'a> JsonLines<'a> {
    pub(super) fn new(terminal: &'a Terminal, job: &str) -> Self {
        Self { terminal, job: job.to_owned() }
    }
}

impl Show for JsonLines<'_> {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Log { operator, log } => {
                for line in &log.lines {
                    let level = format!("{:?}", line.level).to_lowercase();
                    self.terminal.line(
                        &json!({ "event": "log", "job": self.job, "operator": operator, "level": level, "message": line.message })
                            .to_string(),
                    );
                }
            }
            Event::Resumed(resumed) => self.terminal.line(
                &json!({
                    "event": "resumed",
                    "job": self.job,
                    "after_epoch": resumed.after.0,
                    "tasks_again": resumed.again,
                    "is_ended": resumed.is_ended,
                })
                .to_string(),
            ),
            Event::Revision(number) => {
                self.terminal.line(&json!({ "event": "revision", "job": self.job, "revision": number }).to_string())
            }
            Event::Epoch(report) => self.terminal.line(&progress(&self.job, report).to_string()),
        }
    }

    fn end(&mut self) {}

    fn summary(&mut self, summary: &Summary) {
        self.terminal.line(&to_json(summary).to_string());
    }
}

fn progress(job: &str, report: &EpochReport) -> Value {
    json!({
        "event": "progress",
        "job": job,
        "epoch": report.epoch.0,
        "rows_in": report.rows_in,
        "rows_out": report.rows_out,
        "rows_rejected": report.rejected,
        "bytes_in": report.bytes_in,
        "total": totals(&report.total),
        "input_bytes": report.input_bytes,
        "event_time_lag_ms": report.event_time_lag.map(|lag| lag / 1_000),
        "timing": timing(&report.timing),
        "elapsed_ms": u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX),
        "rows_per_second": rate(report.total.rows_in, report.elapsed),
    })
}

/// Of the epoch, in ms.
fn timing(timing: &EpochTiming) -> Value {
    let ms = |time: std::time::Duration| time.as_micros() as f64 / 1e3;
    json!({ "batching_ms": ms(timing.batching), "scheduling_ms": ms(timing.scheduling), "processing_ms": ms(timing.processing), "committing_ms": ms(timing.committing), "delay_ms": ms(timing.delay()) })
}

fn totals(total: &Totals) -> Value {
    json!({ "epochs": total.epochs, "rows_in": total.rows_in, "rows_out": total.rows_out, "rows_rejected": total.rejected, "rows_late": total.late, "rows_dead": total.dead, "rows_skipped": total.skipped, "bytes_in": total.bytes_in })
}

fn rate(rows: u64, elapsed: std::time::Duration) -> f64 {
    (rows as f64 / elapsed.as_secs_f64().max(1e-9)).round()
}

fn to_json(summary: &Summary) -> Value {
    let seconds = |time: std::time::Duration| time.as_secs_f64();
    json!({
        "event": "summary",
        "job": summary.job,
        "interrupted": summary.interrupted,
        "threads": summary.threads,
        "elapsed_seconds": seconds(summary.elapsed),
        "rows_per_second": rate(summary.total.rows_in, summary.elapsed),
        "epochs": summary.total.epochs,
        "rows_in": summary.total.rows_in,
        "rows_out": summary.total.rows_out,
        "rows_rejected": summary.total.rejected,
        "rows_late": summary.total.late,
        "rows_dead": summary.total.dead,
        "rows_skipped": summary.total.skipped,
        "dead_letters": summary.letters,
        "bytes_in": summary.total.bytes_in,
        "sources": summary.sources.iter().map(|source| json!({
            "name": source.name, "rows": source.rows, "rejected": source.rejected, "bytes": source.bytes,
            "decode_seconds": seconds(source.time),
        })).collect::<Vec<_>>(),
        "operators": summary.operators.iter().map(|operator| json!({
            "name": operator.name, "calls": operator.stats.calls, "rows_in": operator.stats.rows_in,
            "rows_out": operator.stats.rows_out, "rejected": operator.stats.rejected, "late": operator.stats.late,
            "dead": operator.stats.dead, "skipped": operator.stats.skipped, "trials": operator.stats.trials,
            "requests": operator.stats.requests, "fetch_seconds": seconds(operator.stats.fetch_time),
            "traps": operator.stats.traps,
            "call_seconds": seconds(operator.stats.call_time), "assemble_seconds": seconds(operator.stats.assemble_time),
            "metrics": operator.metrics.iter().map(|(name, metric)| (name.clone(), match metric {
                Metric::Counter(value) => json!(value),
                Metric::Gauge(value) => json!(value),
            })).collect::<serde_json::Map<_, _>>(),
            "log_lines_dropped": operator.log_lines_dropped,
        })).collect::<Vec<_>>(),
        "sinks": summary.sinks.iter().map(|sink| json!({
            "name": sink.name, "rows": sink.summary.rows, "bytes": sink.summary.bytes,
            "encode_seconds": seconds(sink.encode_time), "write_seconds": seconds(sink.write_time),
            "details": sink.summary.details.iter().map(|(name, value)| (name.clone(), json!(value)))
                .collect::<serde_json::Map<_, _>>(),
        })).collect::<Vec<_>>(),
        "shadows": summary.comparisons,
    })
}
