//! `[endpoint.NAME]`, and who may ask it.
//!
//! What is wrong with a header is said without its value, which may have come from a variable.

use std::time::Duration;

use pelton_core::{
    enrich::{EndpointSpec, SecretFrom, header_fault, url_fault},
    job::{OperatorSpec, Secret},
};

use super::{
    nearest::nearest,
    reader::{Reader, type_name},
    tree::Kind,
};
use crate::{
    error::Code,
    job::diagnostic::{Diagnostic, shown},
};

const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
const CONCURRENCY_DEFAULT: usize = 16;
const RETRIES_DEFAULT: u32 = 3;
const BACKOFF_DEFAULT: Duration = Duration::from_millis(100);
const REPLY_BYTES_DEFAULT: u64 = 1 << 20;

/// None: it lacks something that is needed; it has been reported.
pub fn read(name: &str, at: &Reader<'_>) -> Option<EndpointSpec> {
    let url = url(at);
    let headers = texts(at, "headers", "a value in quotes");
    let of_env = texts(at, "secret-env", "the name of an environment variable, in quotes");
    let of_file = texts(at, "secret-file", "the path of a file, in quotes");
    let mut seen: Vec<&str> = Vec::new();
    for (key, entries) in [("headers", &headers), ("secret-env", &of_env), ("secret-file", &of_file)] {
        for (header, value) in entries {
            let place = format!("{key}.{header}");
            let value = if key == "headers" { value.as_str() } else { "" };
            let fault = match header_fault(header, value) {
                Some(fault) => Some(fault),
                None if seen.iter().any(|other| other.eq_ignore_ascii_case(header)) => Some("is set twice"),
                None => None,
            };
            seen.push(header);
            if let Some(fault) = fault {
                let message = format!("header `{}` of `{}` {fault}", shown(header), at.place(key));
                let help = "a header has a name such as `x-api-key`, and a value of visible ASCII characters";
                at.wrong(at.span(&place), message, "this header", help);
            }
        }
    }
    let lower = |(header, value): (String, String)| (header.to_ascii_lowercase(), value);
    let secrets = of_env.into_iter().map(lower).map(|(header, name)| (header, SecretFrom::Env(name)));
    let files = of_file.into_iter().map(lower).map(|(header, path)| (header, SecretFrom::File(path)));
    Some(EndpointSpec {
        name: name.to_owned(),
        headers: headers.into_iter().map(lower).map(|(header, value)| (header, Secret(value))).collect(),
        secrets: secrets.chain(files).collect(),
        ca: at.text("ca").map(str::to_owned),
        timeout: at.duration("timeout").unwrap_or(TIMEOUT_DEFAULT),
        concurrency: at.integer("concurrency").and_then(|n| usize::try_from(n).ok()).unwrap_or(CONCURRENCY_DEFAULT),
        retries: at.integer("retries").and_then(|n| u32::try_from(n).ok()).unwrap_or(RETRIES_DEFAULT),
        backoff: at.duration("backoff").unwrap_or(BACKOFF_DEFAULT),
        reply_bytes: at.size("max-reply").unwrap_or(REPLY_BYTES_DEFAULT),
        url: url?,
    })
}

fn url(at: &Reader<'_>) -> Option<String> {
    let url = at.text("url")?.trim_end_matches('/');
    if let Some(fault) = url_fault(url) {
        let message = format!("`{}` is no URL of an endpoint: it {fault}", at.place("url"));
        let help = "as in `url = \"https://rates.example/v1\"`; what a module asks for is appended to it";
        at.wrong(at.span("url"), message, "this URL", help);
        return None;
    }
    Some(url.to_owned())
}

/// `key = { NAME = "TEXT" }`.
fn texts(at: &Reader<'_>, key: &str, what: &str) -> Vec<(String, String)> {
    let entries = at.free(key).map(|table| table.entries.as_slice()).unwrap_or_default();
    let texts = entries.iter().filter_map(|entry| match &entry.value.kind {
        Kind::Text(text) => Some((entry.key.clone(), text.clone())),
        other => {
            let message = format!(
                "`{}` must be {what}, not {}",
                at.place(&format!("{key}.{}", shown(&entry.key))),
                at.report.written(&entry.value)
            );
            let help = "each header stands with one text";
            at.wrong(entry.value.span.clone(), message, format!("this is {}", type_name(other)), help);
            None
        }
    });
    texts.collect()
}

/// Endpoints that an operator names and that are not there, and endpoints that nobody names.
pub fn check(at: &Reader<'_>, operators: &[OperatorSpec]) {
    let names: Vec<&str> =
        at.free("endpoint").iter().flat_map(|table| &table.entries).map(|entry| entry.key.as_str()).collect();
    for operator in operators {
        for (index, name) in operator.endpoints.iter().enumerate() {
            if names.contains(&name.as_str()) {
                continue;
            }
            let message =
                format!("operator `{}` may ask the endpoint `{}`, which is not there", operator.name, shown(name));
            let label = match nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "no endpoint has this name".to_owned(),
            };
            let help = format!("say where it is: `[endpoint.{}]` with a `url`", shown(name));
            let span = at.span(&format!("operator.{}.endpoints.{index}", operator.name));
            at.report.push(Diagnostic::new(Code::UnknownName, message).at(span, label).help(help));
        }
    }
    // What an operator that could not be read asks is not known.
    if operators.len() < at.free("operator").map_or(0, |table| table.entries.len()) {
        return;
    }
    let named = |name: &str| operators.iter().any(|operator| operator.endpoints.iter().any(|asked| asked == name));
    for name in names.iter().filter(|name| !named(name)) {
        let message = format!("nothing may ask endpoint `{}`", shown(name));
        let help = format!("name it where it is asked: `endpoints = [\"{}\"]`, or take it out", shown(name));
        let span = at.span(&format!("endpoint.{name}"));
        at.report.push(Diagnostic::new(Code::NoSink, message).at(span, "nobody asks it").help(help));
    }
}
