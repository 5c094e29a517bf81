//! `/metrics`: figures in Prometheus' text form.
//!
//! Counters grow from the engine's start. A family stands together, with its type, as the form asks.

use std::fmt::Write;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use super::Shared;
use crate::control::status::{JobStatus, OperatorFigures, State as JobState};

pub(super) async fn metrics(State(shared): State<Shared>) -> Response {
    let text = render(&shared.engine.jobs(), shared.engine.registry().list().len());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// A figure of each job: name, type, meaning, value.
type OfJob = (&'static str, &'static str, &'static str, fn(&JobStatus) -> Option<f64>);

const OF_JOB: [OfJob; 23] = [
    ("rows_in_total", "counter", "Rows that sources gave", |job| Some(job.figures.rows_in as f64)),
    ("rows_out_total", "counter", "Rows that sinks were given", |job| Some(job.figures.rows_out as f64)),
    ("rejected_total", "counter", "Rows that were rejected", |job| Some(job.figures.rejected as f64)),
    ("late_total", "counter", "Rows that came after their windows were closed", |job| Some(job.figures.late as f64)),
    ("dead_letters_total", "counter", "Rows that became dead letters", |job| Some(job.figures.dead as f64)),
    ("skipped_total", "counter", "Poison rows that were skipped", |job| Some(job.figures.skipped as f64)),
    ("rate_limit_rows_per_second", "gauge", "Rows a second that epochs take at most", |job| job.figures.rate_limit),
    ("verified_epochs_total", "counter", "Epochs computed again to verify them", |job| {
        Some(job.figures.verified as f64)
    }),
    ("differing_epochs_total", "counter", "Verified epochs that came to something else", |job| {
        Some(job.figures.differing as f64)
    }),
    ("dead_letter_queue", "gauge", "Dead letters in the queue", |job| Some(job.figures.letters? as f64)),
    ("bytes_in_total", "counter", "Bytes that sources read", |job| Some(job.figures.bytes_in as f64)),
    ("epochs_total", "counter", "Epochs that were committed", |job| Some(job.figures.epochs as f64)),
    ("failures_total", "counter", "Attempts that failed", |job| Some(job.figures.failures as f64)),
    ("restarts_total", "counter", "Attempts after a failure", |job| Some(job.figures.restarts as f64)),
    (
        "traps_total",
        "counter",
        "Traps of modules: those that ended an attempt, and those for which a row or more was taken out",
        |job| Some(job.figures.traps as f64),
    ),
    ("epoch", "gauge", "The last epoch that was committed", |job| Some(job.figures.epoch? as f64)),
    ("epoch_batching_seconds", "gauge", "From the last epoch's first row until it was closed", |job| {
        Some(job.figures.timing?.batching_seconds)
    }),
    ("epoch_scheduling_seconds", "gauge", "From there until the epoch before it was committed", |job| {
        Some(job.figures.timing?.scheduling_seconds)
    }),
    ("epoch_processing_seconds", "gauge", "From there until all of its output was with the sinks", |job| {
        Some(job.figures.timing?.processing_seconds)
    }),
    ("epoch_committing_seconds", "gauge", "From there until it was committed and published", |job| {
        Some(job.figures.timing?.committing_seconds)
    }),
    ("epoch_delay_seconds", "gauge", "From the last epoch's first row to its commit", |job| {
        Some(job.figures.timing?.delay_seconds)
    }),
    ("lag_seconds", "gauge", "How far the watermark is behind the clock", |job| Some(job.figures.lag_ms? as f64 / 1e3)),
    ("revision", "gauge", "The revision that it runs", |job| Some(job.revision as f64)),
];

type OfOperator = (&'static str, &'static str, fn(&OperatorFigures) -> f64);

/// As they are at the moment.
const HELD_BY_OPERATOR: [OfOperator; 2] = [
    ("state_keys", "Keys of its state, or keys and windows", |operator| operator.state_keys as f64),
    ("state_bytes", "Bytes of its state, about", |operator| operator.state_bytes as f64),
];

const OF_OPERATOR: [OfOperator; 10] = [
    ("calls_total", "Calls of its module", |operator| operator.calls as f64),
    ("rows_in_total", "Rows that it was given", |operator| operator.rows_in as f64),
    ("rows_out_total", "Rows that it made", |operator| operator.rows_out as f64),
    ("rejected_total", "Rows that it rejected", |operator| operator.rejected as f64),
    ("late_total", "Rows that came too late for it", |operator| operator.late as f64),
    (
        "traps_total",
        "Traps of its module: those that ended an attempt, and those for which a row or more was taken out",
        |operator| operator.traps as f64,
    ),
    ("call_seconds_total", "Time in its module, over all threads", |operator| operator.call_seconds),
    ("host_seconds_total", "Time for it beside its module, over all threads", |operator| operator.host_seconds),
    ("requests_total", "Requests that it had sent to endpoints", |operator| operator.requests as f64),
    ("fetch_seconds_total", "Waiting for their replies, over all threads", |operator| operator.fetch_seconds),
];

fn render(jobs: &[JobStatus], modules: usize) -> String {
    let mut text = String::new();
    // Names of jobs and operators are letters, digits, `-` and `_`: nothing needs escaping.
    let mut family = |name: &str, kind: &str, help: &str, samples: &mut dyn Iterator<Item = (String, f64)>| {
        let _ = writeln!(text, "# HELP pelton_{name} {help}.\n# TYPE pelton_{name} {kind}");
        samples.for_each(|(labels, value)| {
            let _ = writeln!(text, "pelton_{name}{labels} {value}");
        });
    };
    let version = format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    family("info", "gauge", "The engine", &mut std::iter::once((version, 1.0)));
    family("modules", "gauge", "Modules in the registry", &mut std::iter::once((String::new(), modules as f64)));
    let states = jobs.iter().flat_map(|job| {
        JobState::ALL.into_iter().map(|state| {
            let labels = format!("{{job=\"{}\",state=\"{}\"}}", job.name, state.name());
            (labels, f64::from(u8::from(job.state == state)))
        })
    });
    family("job_state", "gauge", "1 for the state that a job is in", &mut { states });
    for (name, kind, help, value) in OF_JOB {
        let samples = jobs.iter().filter_map(|job| Some((format!("{{job=\"{}\"}}", job.name), value(job)?)));
        family(&format!("job_{name}"), kind, help, &mut { samples });
    }
    let of_operator = OF_OPERATOR.map(|of| (of, "counter")).into_iter();
    for ((name, help, value), kind) in of_operator.chain(HELD_BY_OPERATOR.map(|of| (of, "gauge"))) {
        let samples = jobs.iter().flat_map(|job| {
            job.figures.operators.iter().map(move |operator| {
                (format!("{{job=\"{}\",operator=\"{}\"}}", job.name, operator.name), value(operator))
            })
        });
        family(&format!("operator_{name}"), kind, help, &mut { samples });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::catalogue::Standing;

    #[test]
    fn families_stand_together_with_their_type() {
        let mut job = JobStatus {
            name: "hot-items".into(),
            state: JobState::Paused,
            desired: Standing::Paused,
            reason: None,
            last_error: None,
            revision: 3,
            changed: 0,
            migrations: Vec::new(),
            trials: Vec::new(),
            figures: Default::default(),
        };
        job.figures.rows_in = 12;
        job.figures.operators = vec![OperatorFigures { name: "to-euro".into(), calls: 2, ..Default::default() }];
        let text = render(&[job.clone(), JobStatus { name: "other".into(), ..job }], 5);
        assert!(text.contains("# TYPE pelton_job_rows_in_total counter\npelton_job_rows_in_total{job=\"hot-items\"} 12\npelton_job_rows_in_total{job=\"other\"} 12\n"), "{text}");
        assert!(text.contains("pelton_job_state{job=\"hot-items\",state=\"paused\"} 1\n"), "{text}");
        assert!(text.contains("pelton_operator_calls_total{job=\"hot-items\",operator=\"to-euro\"} 2\n"), "{text}");
        assert!(!text.contains("pelton_job_lag_seconds{"), "a job without event time has no lag");
        let types = text.lines().filter(|line| line.starts_with("# TYPE")).count();
        assert_eq!(types, 3 + OF_JOB.len() + OF_OPERATOR.len() + HELD_BY_OPERATOR.len());
    }
}
