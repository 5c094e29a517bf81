//! A run for people: a progress line while it goes on, the guests' log, and a summary that says where the time went.

use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use pelton_wasm::{Level, Metric};

use super::Show;
use crate::{
    cli::{
        shadow,
        terminal::{Terminal, counted, plain_table},
    },
    job::run::progress::{EpochReport, Event, Resumed, Summary},
};

pub(super) struct Progress<'a> {
    terminal: &'a Terminal,
    bar: Option<ProgressBar>,
    job: String,
}

impl<'a> Progress<'a> {
    pub(super) fn new(terminal: &'a Terminal, job: &str) -> Self {
        let bar = terminal.is_interactive().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(
                ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { terminal, bar, job: job.to_owned() }
    }

    fn above(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.terminal.message(text)),
            None => self.terminal.message(text),
        }
    }
}

impl Show for Progress<'_> {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Log { operator, log } => {
                for line in log.lines.iter().filter(|line| line.level >= Level::Info) {
                    self.above(&format!(
                        "{:>5} {operator}: {}",
                        format!("{:?}", line.level).to_uppercase(),
                        line.message
                    ));
                }
                if log.dropped > 0 {
                    let lines = counted(log.dropped, "log line");
                    self.above(&format!(" WARN {operator}: {lines} dropped (`limits.log-bytes`)"));
                }
            }
            Event::Resumed(resumed) => self.above(&resumed_line(&self.job, resumed)),
            Event::Revision(number) => self.above(&format!("{}: goes by revision {number}", self.job)),
            Event::Epoch(report) => {
                if let Some(bar) = &self.bar {
                    bar.set_message(line(&self.job, report));
                }
            }
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn summary(&mut self, summary: &Summary) {
        self.terminal.message(&to_text(summary));
    }
}

fn resumed_line(job: &str, resumed: &Resumed) -> String {
    let after = resumed.after;
    let again = match resumed.again {
        0 => String::new(),
        tasks => format!(", after {} computed again", counted(tasks, "task")),
    };
    match resumed.is_ended {
        true => format!("{job}: its input had ended with epoch {after}"),
        false => format!("{job}: goes on after epoch {after}{again}"),
    }
}

fn line(job: &str, report: &EpochReport) -> String {
    let total = &report.total;
    let mut line = format!(
        "{job}  {}  in {}  out {}  rejected {}  epoch {}",
        rate(total.rows_in, report.elapsed),
        HumanCount(total.rows_in),
        HumanCount(total.rows_out),
        HumanCount(total.rejected),
        report.epoch
    );
    if let Some(all) = report.input_bytes.filter(|all| *all > 0) {
        let left = all.saturating_sub(total.bytes_in);
        line.push_str(&format!("  lag {} ({} % done)", HumanBytes(left), total.bytes_in.saturating_mul(100) / all));
    } else if let Some(lag) = report.event_time_lag {
        line.push_str(&format!("  lag {:.1} s", lag as f64 / 1e6));
    }
    line
}

fn rate(rows: u64, elapsed: Duration) -> String {
    let rate = rows as f64 / elapsed.as_secs_f64().max(1e-9);
    if rate >= 1e6 {
        format!("{:.2} M rows/s", rate / 1e6)
    } else if rate >= 1e3 {
        format!("{:.1} k rows/s", rate / 1e3)
    } else {
        format!("{rate:.0} rows/s")
    }
}

fn to_text(summary: &Summary) -> String {
    let total = &summary.total;
    let mut text = format!(
        "{} {} in {:.3} s: {} in, {} out, {} rejected ({}, {}, {})\n",
        summary.job,
        if summary.interrupted { "interrupted" } else { "done" },
        summary.elapsed.as_secs_f64(),
        counted(total.rows_in, "row"),
        HumanCount(total.rows_out),
        HumanCount(total.rejected),
        rate(total.rows_in, summary.elapsed),
        counted(summary.threads as u64, "thread"),
        counted(total.epochs, "epoch"),
    );
    let mut table = plain_table();
    table.set_header(["stage", "rows in", "rows out", "rejected", "time", "share", ""]);
    let whole: Duration = stages(summary).map(|stage| stage.time).sum();
    for stage in stages(summary) {
        table.add_row([
            stage.name,
            stage.rows_in.map(|rows| HumanCount(rows).to_string()).unwrap_or_default(),
            HumanCount(stage.rows_out).to_string(),
            HumanCount(stage.rejected).to_string(),
            format!("{:.3} s", stage.time.as_secs_f64()),
            format!("{:.0} %", 100.0 * stage.time.as_secs_f64() / whole.as_secs_f64().max(1e-9)),
            stage.detail,
        ]);
    }
    for column in 1..=5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    text.push_str(&table.to_string());
    for sink in &summary.sinks {
        for (name, value) in &sink.summary.details {
            text.push_str(&format!("\n  {}: {name} {value}", sink.name));
        }
    }
    if let Some(letters) = summary.letters.filter(|letters| *letters > 0) {
        let letters = counted(letters, "dead letter");
        text.push_str(&format!("\n{letters} in the queue: `pelton dlq list CHECKPOINT --offline` shows them"));
    }
    for comparison in &summary.comparisons {
        text.push('\n');
        text.push_str(&shadow::to_text(comparison));
    }
    text
}

struct Stage {
    name: String,
    rows_in: Option<u64>,
    rows_out: u64,
    rejected: u64,
    /// Summed over threads.
    time: Duration,
    detail: String,
}

fn stages(summary: &Summary) -> impl Iterator<Item = Stage> {
    let sources = summary.sources.iter().map(|source| Stage {
        name: format!("source {}", source.name),
        rows_in: None,
        rows_out: source.rows,
        rejected: source.rejected,
        time: source.time,
        detail: format!("{} read and decoded", HumanBytes(source.bytes)),
    });
    let operators = summary.operators.iter().map(|operator| {
        let metrics = operator.metrics.iter().map(|(name, metric)| match metric {
            Metric::Counter(value) => format!("{name} {}", HumanCount(*value)),
            Metric::Gauge(value) => format!("{name} {value}"),
        });
        let metrics = metrics.collect::<Vec<_>>();
        Stage {
            name: format!("operator {}", operator.name),
            rows_in: Some(operator.stats.rows_in),
            rows_out: operator.stats.rows_out,
            rejected: operator.stats.rejected,
            time: operator.stats.call_time + operator.stats.assemble_time,
            detail: std::iter::once(counted(operator.stats.calls, "call"))
                .chain((operator.stats.late > 0).then(|| format!("{} late", HumanCount(operator.stats.late))))
                .chain((operator.stats.dead > 0).then(|| counted(operator.stats.dead, "dead letter")))
                .chain((operator.stats.skipped > 0).then(|| format!("{} skipped", HumanCount(operator.stats.skipped))))
                .chain((operator.stats.requests > 0).then(|| {
                    let waited = operator.stats.fetch_time.as_secs_f64();
                    format!("{}, {waited:.1} s waiting for replies", counted(operator.stats.requests, "request"))
                }))
                .chain(metrics)
                .collect::<Vec<_>>()
                .join(", "),
        }
    });
    let sinks = summary.sinks.iter().map(|sink| Stage {
        name: format!("sink {}", sink.name),
        rows_in: Some(sink.summary.rows),
        rows_out: sink.summary.rows,
        rejected: 0,
        time: sink.encode_time + sink.write_time,
        detail: if sink.summary.bytes > 0 {
            format!("{} written", HumanBytes(sink.summary.bytes))
        } else {
            String::new()
        },
    });
    sources.chain(operators).chain(sinks)
}
