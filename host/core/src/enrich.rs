//! What a module may ask of an endpoint: pure rules for requests, and the endpoints that a job file allows.
//!
//! `pelton-wasm` checks what a module asks for by [`path_fault`] and [`header_fault`]; the job file is read by the same rules. Invariant: a
//! request that passed them goes to the endpoint's own host, below the endpoint's own path, with the headers that the job file sets.

use std::{fmt, time::Duration};

use crate::job::Secret;

/// A place that modules may ask, as the job file allows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSpec {
    pub name: String,
    /// `http://` or `https://`, without user, query and fragment, and without `/` at its end.
    pub url: String,
    /// Headers of every request: names in lower case. The values may have come from variables.
    pub headers: Vec<(String, Secret)>,
    /// Headers whose values are secret.
    pub secrets: Vec<(String, SecretFrom)>,
    /// A file of certificates that the server's is checked against, relative to the job file; none: those of public authorities.
    pub ca: Option<String>,
    /// For one request, from the connection to the last byte of its reply.
    pub timeout: Duration,
    /// Requests of the job that are under way at once, at most.
    pub concurrency: usize,
    /// How often a request is sent again.
    pub retries: u32,
    /// Time before it is sent again for the first time; twice as long before each time after that.
    pub backoff: Duration,
    /// Bytes of a reply's body, at most.
    pub reply_bytes: u64,
}

/// Where a secret is, which is read when the job starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretFrom {
    /// A variable of the environment.
    Env(String),
    /// A file, relative to the job file.
    File(String),
}

impl fmt::Display for SecretFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the variable {name}"),
            Self::File(path) => write!(f, "the file {path}"),
        }
    }
}

/// Headers that one request may bring, and the bytes of all of them.
pub const HEADERS_MAX: usize = 32;
pub const HEADER_BYTES_MAX: usize = 8 << 10;
/// Bytes of a path with its query.
pub const PATH_BYTES_MAX: usize = 8 << 10;

/// What modules may do at an endpoint: asking, not changing.
pub const METHODS: [&str; 3] = ["GET", "HEAD", "POST"];

/// What is wrong with a method, and a body for it; completes "its method …".
pub fn method_fault(method: &str, has_body: bool) -> Option<&'static str> {
    match method {
        "POST" => None,
        "GET" | "HEAD" if has_body => Some("has no body, but the request has one"),
        "GET" | "HEAD" => None,
        _ => Some("is none of GET, HEAD and POST"),
    }
}

/// What is wrong with a path that is to be appended to an endpoint's URL; completes "its path …".
pub fn path_fault(path: &str) -> Option<&'static str> {
    if path.len() > PATH_BYTES_MAX {
        return Some("is longer than 8 KiB");
    }
    // Not only what a URL cannot have: what some servers take for something else, too.
    if let Some(odd) = path.bytes().find(|byte| !byte.is_ascii_graphic() || b"\\\"<>^`{|}#".contains(byte)) {
        return Some(match odd {
            b'#' => "has a fragment",
            0..=0x1f | 0x7f => "has a control character",
            _ => "has a character that must be percent-encoded",
        });
    }
    let (place, query) = path.split_once('?').unwrap_or((path, ""));
    let (Some(place), Some(_)) = (decoded(place), decoded(query)) else {
        return Some("has a `%` without two hexadecimal digits behind it");
    };
    if place.iter().any(u8::is_ascii_control) {
        return Some("has a control character");
    }
    if place.starts_with(b"//") || place.windows(3).any(|window| window == b"://") {
        return Some("names a host");
    }
    let is_dots = |segment: &[u8]| matches!(segment, b"." | b"..");
    // `;` begins what some servers leave out before they look for dots.
    let segments = place.split(|byte| matches!(byte, b'/' | b'\\'));
    if segments.filter_map(|segment| segment.split(|byte| *byte == b';').next()).any(is_dots) {
        return Some("has a segment `.` or `..`");
    }
    None
}

/// With `%41` as what it stands for. None: there is a `%` that stands for nothing.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = behind;
            continue;
        }
        let (digits, behind) = behind.split_first_chunk::<2>()?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let [high, low] = digits.map(digit);
        bytes.push(u8::try_from(high? * 16 + low?).ok()?);
        rest = behind;
    }
    Some(bytes)
}

/// Headers that are the host's to set: they say where a request goes, where it ends, and whose it is.
const OWN_HEADERS: [&str; 14] = [
    "connection",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What is wrong with a header that somebody wants to send; completes "header `x` …". The value is not in it.
pub fn header_fault(name: &str, value: &str) -> Option<&'static str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Some("is not a name for a header");
    }
    if OWN_HEADERS.iter().any(|own| name.eq_ignore_ascii_case(own)) {
        return Some("is set by Pelton alone");
    }
    // Visible characters, with blanks between them: nothing that could end the header.
    if !value.bytes().all(|byte| matches!(byte, b' ' | b'\t') || byte.is_ascii_graphic()) {
        return Some("has a value with characters other than visible ASCII");
    }
    None
}

/// What is wrong with the URL of an endpoint; completes "it …". What is right has no `/` at its end then.
pub fn url_fault(url: &str) -> Option<&'static str> {
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else {
        return Some("begins with neither `http://` nor `https://`");
    };
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
    if host.contains('@') {
        return Some("has a user or a password: `secret-env` and `secret-file` are for those");
    }
    if url.contains(['?', '#']) {
        return Some("has a query or a fragment: modules add queries");
    }
    let (name, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((name, port)) => (name, port.strip_prefix(':').or(port.is_empty().then_some("80"))),
        None => host.split_once(':').map_or((host, Some("80")), |(name, port)| (name, Some(port))),
    };
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte)) {
        return Some("names no host");
    }
    if !port.is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0)) {
        return Some("has a port that is none");
    }
    path_fault(path.trim_end_matches('/')).map(|_| "has a path that no request could have")
}

/// The whole URL of a request: the path below the endpoint's own.
pub fn joined(url: &str, path: &str) -> String {
    match path.strip_prefix('/').unwrap_or(path) {
        "" => url.to_owned(),
        query if query.starts_with('?') => format!("{url}{query}"),
        below => format!("{url}/{below}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_below_its_endpoint() {
        for good in
            ["", "/", "/rates", "rates/eur", "?day=2024-01-01", "/a%20b?q=a/../b", "/items:batch", "/a..b", "/x;v=1"]
        {
            assert_eq!(path_fault(good), None, "{good}");
        }
        let bad = [
            ("/../admin", "segment"),
            ("..", "segment"),
            ("/a/./b", "segment"),
            ("/a/%2e%2E/b", "segment"),
            ("/a/.%2e", "segment"),
            ("/a/..%2fb", "segment"),
            ("/a%5c..%5cb", "segment"),
            ("/a/..;x=1/b", "segment"),
            ("//evil.example/", "host"),
            ("https://evil.example/", "host"),
            ("/%2fevil.example", "host"),
            ("/a\r\nHost: evil", "control"),
            ("/a%0d%0ab", "control"),
            ("/a\u{7f}", "control"),
            ("/a b", "percent-encoded"),
            ("/\\evil.example", "percent-encoded"),
            ("/ä", "percent-encoded"),
            ("/a#b", "fragment"),
            ("/a%2", "hexadecimal"),
            ("/a?b=%zz", "hexadecimal"),
        ];
        for (path, why) in bad {
            assert!(path_fault(path).is_some_and(|fault| fault.contains(why)), "{path}: {:?}", path_fault(path));
        }
        assert!(path_fault(&"a".repeat(PATH_BYTES_MAX + 1)).is_some());
    }

    #[test]
    fn a_request_is_joined_to_its_endpoint_and_nothing_else() {
        let url = "https://rates.example/v1";
        assert_eq!(joined(url, "eur"), "https://rates.example/v1/eur");
        assert_eq!(joined(url, "/eur?day=1"), "https://rates.example/v1/eur?day=1");
        assert_eq!(joined(url, "?day=1"), "https://rates.example/v1?day=1");
        assert_eq!(joined(url, ""), url);
        assert_eq!(joined("http://h", ".evil.example/"), "http://h/.evil.example/");
        assert_eq!(joined("http://h", "@evil.example/"), "http://h/@evil.example/");
    }

    #[test]
    fn headers_that_others_rely_on_are_not_a_modules_to_set() {
        assert_eq!(header_fault("accept", "application/json"), None);
        for (name, value, why) in [
            ("Host", "evil.example", "Pelton alone"),
            ("transfer-encoding", "chunked", "Pelton alone"),
            ("Content-Length", "0", "Pelton alone"),
            ("x\r\ny", "1", "not a name"),
            ("", "1", "not a name"),
            ("x y", "1", "not a name"),
            ("x", "1\r\nHost: evil", "visible"),
            ("x", "\u{e4}", "visible"),
        ] {
            assert!(header_fault(name, value).is_some_and(|fault| fault.contains(why)), "{name}: {value}");
        }
    }

    #[test]
    fn an_endpoint_is_a_host_and_a_path() {
        for good in [
            "http://localhost:8080",
            "https://rates.example/v1",
            "http://127.0.0.1",
            "http://[::1]:8080/a",
            "https://h/",
        ] {
            assert_eq!(url_fault(good), None, "{good}");
        }
        for (bad, why) in [
            ("ftp://h", "neither"),
            ("rates.example/v1", "neither"),
            ("https://me:secret@h/", "user"),
            ("https://h/?key=1", "query"),
            ("https://h/#a", "fragment"),
            ("https://", "no host"),
            ("https:///v1", "no host"),
            ("https://h:0/", "port"),
            ("https://h:http/", "port"),
            ("https://h o/", "no host"),
            ("https://h/../a", "path"),
        ] {
            assert!(url_fault(bad).is_some_and(|fault| fault.contains(why)), "{bad}: {:?}", url_fault(bad));
        }
    }

    #[test]
    fn methods_ask() {
        assert_eq!(method_fault("GET", false), None);
        assert_eq!(method_fault("POST", true), None);
        assert!(method_fault("GET", true).is_some_and(|fault| fault.contains("body")));
        for method in ["DELETE", "PUT", "get", "", "GET /x", "CONNECT"] {
            assert!(method_fault(method, false).is_some(), "{method}");
        }
    }
}
