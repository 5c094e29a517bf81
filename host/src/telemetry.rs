//! Traces for OpenTelemetry: each epoch of a job is a trace, made of its report when it has been committed.
//!
//! ```text
//! epoch        from its first row to its commit: rows, bytes, revision, the busy time of each operator
//! ├ batch      until it was closed
//! ├ schedule   until the epoch before it was committed
//! ├ process    until all of its output was with the sinks
//! └ commit     until it was committed and published
//! ```
//!
//! Called by `pelton run` and the engine. Whoever computes waits for nothing here: spans go to a thread of the exporter, and are
//! dropped when a collector does not keep up. The variables are those of OpenTelemetry's specification.

use std::{
    collections::HashMap,
    env,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use opentelemetry::{
    Context, KeyValue,
    trace::{Span, SpanBuilder, Status, TraceContextExt, TracerProvider},
};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};
use thiserror::Error;

use crate::{clock, job::run::progress::EpochReport};

/// Where spans go: any of them asks for traces.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
/// The one that is spoken.
const PROTOCOL: &str = "http/protobuf";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const DISABLED: &str = "OTEL_SDK_DISABLED";
/// How long an end waits for the collector.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Error)]
pub enum TracesError {
    #[error("{variable} is `{value}`, and traces are sent by {PROTOCOL} alone: set it to that, or remove it")]
    Protocol { variable: &'static str, value: String },
    #[error("failed to prepare traces for OpenTelemetry: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// The way to a collector.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    /// How long operators were busy when the last epoch was told of, by job and operator.
    busy: Mutex<HashMap<(String, String), Duration>>,
}

impl Traces {
    /// As the environment has it; none: it names no collector.
    pub fn from_env() -> Result<Option<Self>, TracesError> {
        let given = |name: &&'static str| env::var(name).ok().filter(|value| !value.is_empty());
        if ENDPOINTS.iter().all(|name| given(name).is_none()) || given(&DISABLED).as_deref() == Some("true") {
            return Ok(None);
        }
        for variable in PROTOCOLS {
            if let Some(value) = given(&variable).filter(|value| value != PROTOCOL) {
                return Err(TracesError::Protocol { variable, value });
            }
        }
        // Only the first one of a process is taken, and all want the same.
        drop(rustls::crypto::ring::default_provider().install_default());
        let exporter = SpanExporter::builder().with_http().build()?;
        let mut resource = Resource::builder();
        if given(&SERVICE_NAME).is_none() {
            resource = resource.with_service_name("pelton");
        }
        let resource = resource.with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))).build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        let tracer = provider.tracer("pelton");
        Ok(Some(Self { provider, tracer, busy: Mutex::default() }))
    }

    /// An epoch has been committed.
    pub fn epoch(&self, job: &str, report: &EpochReport) {
        let timing = &report.timing;
        let mut attributes = vec![
            KeyValue::new("pelton.job", job.to_owned()),
            KeyValue::new("pelton.epoch", signed(report.epoch.0)),
            KeyValue::new("pelton.revision", signed(report.revision)),
            KeyValue::new("pelton.rows_in", signed(report.rows_in)),
            KeyValue::new("pelton.rows_out", signed(report.rows_out)),
            KeyValue::new("pelton.rejected", signed(report.rejected)),
            KeyValue::new("pelton.bytes_in", signed(report.bytes_in)),
        ];
        attributes.extend(report.watermark.map(|watermark| KeyValue::new("pelton.watermark_us", watermark)));
        attributes.extend(self.busy(job, report));
        let began = time(timing.began);
        let epoch = SpanBuilder::from_name("epoch").with_start_time(began).with_attributes(attributes);
        let context = Context::new().with_span(epoch.start_with_context(&self.tracer, &Context::new()));
        let mut at = began;
        for (name, length) in [
            ("batch", timing.batching),
            ("schedule", timing.scheduling),
            ("process", timing.processing),
            ("commit", timing.committing),
        ] {
            let part = SpanBuilder::from_name(name).with_start_time(at);
            at += length;
            part.start_with_context(&self.tracer, &context).end_with_timestamp(at);
        }
        context.span().end_with_timestamp(at);
    }

    /// An attempt of a job has failed.
    pub fn failed(&self, job: &str, code: &str, message: &str) {
        let now = time(clock::now_us());
        let attributes = [KeyValue::new("pelton.job", job.to_owned()), KeyValue::new("pelton.code", code.to_owned())];
        let span = SpanBuilder::from_name("failure").with_start_time(now).with_attributes(attributes);
        let mut span = span.start_with_context(&self.tracer, &Context::new());
        span.set_status(Status::error(message.to_owned()));
        span.end_with_timestamp(now);
    }

    /// How long each operator was busy for the epoch, over all threads.
    fn busy(&self, job: &str, report: &EpochReport) -> Vec<KeyValue> {
        let mut known = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |operator: &crate::job::run::progress::OperatorReport| {
            let now = operator.stats.call_time + operator.stats.assemble_time;
            let before = known.insert((job.to_owned(), operator.name.clone()), now).unwrap_or_default();
            // An attempt begins to count anew.
            let busy = if before > now { now } else { now - before };
            KeyValue::new(format!("pelton.operator.{}.busy_ms", operator.name), busy.as_secs_f64() * 1e3)
        };
        report.operators.iter().map(of).collect()
    }
}

impl Drop for Traces {
    /// What has not been sent yet is sent.
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(PATIENCE) {
            tracing::warn!(%error, "the last traces did not reach their collector");
        }
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn time(us: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(us.max(0).unsigned_abs())
}
