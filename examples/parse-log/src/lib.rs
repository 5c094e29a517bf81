//! Turns the access log of a web server (Common or Combined Log Format) into columns.
//!
//! Two ports: `request`, the main output, with the time of the request as its event time, and `unparsed`, with the lines that
//! are not of the format and what is wrong with them. `line` cuts a line into fields, `time` reads its time.

mod line;
mod time;

use pelton_guest::prelude::*;

#[derive(Row)]
struct Line<'a> {
    line: &'a str,
}

/// One request. Text is as the log has it: what the server escaped (`\"`, `\x16`) stays escaped.
#[derive(Row, Debug, PartialEq)]
struct Request<'a> {
    at: Timestamp,
    host: &'a str,
    user: Option<&'a str>,
    method: &'a str,
    path: &'a str,
    protocol: &'a str,
    status: u16,
    /// Bytes of the body; null if none was sent.
    bytes: Option<u64>,
    referrer: Option<&'a str>,
    agent: Option<&'a str>,
}

#[derive(Row)]
struct Unparsed<'a> {
    why: &'a str,
}

#[derive(Ports)]
enum Out<'a> {
    Request(Request<'a>),
    #[port("unparsed", drop = [])]
    Unparsed(Unparsed<'a>),
}

/// The line's fields; the line itself goes on only if it could not be read.
#[transform(drop = ["line"], event_time = "at")]
fn parse_log(line: Line<'_>) -> Out<'_> {
    match line::parse(line.line) {
        Ok(request) => Out::Request(request),
        Err(why) => Out::Unparsed(Unparsed { why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMBINED: &str = concat!(
        r#"192.0.2.7 - ada [10/Oct/2025:13:55:36 -0700] "GET /a%20b?q=1 HTTP/1.1" 200 2326 "#,
        r#""https://example.com/" "Mozilla/5.0 (\"quoted\")""#
    );

    #[test]
    fn requests_become_columns_and_the_line_falls_away() {
        let out = parse_log.test(rows! { _offset: [17_u64], line: [COMBINED] });
        assert_eq!(
            out.main(),
            &rows! {
                _offset: [17_u64],
                at: [Timestamp(1_760_129_736_000_000)],
                host: ["192.0.2.7"],
                user: [Some("ada")],
                method: ["GET"],
                path: ["/a%20b?q=1"],
                protocol: ["HTTP/1.1"],
                status: [200_u16],
                bytes: [Some(2_326_u64)],
                referrer: [Some("https://example.com/")],
                agent: [Some(r#"Mozilla/5.0 (\"quoted\")"#)],
            }
        );
    }

    #[test]
    fn other_lines_leave_by_their_own_port_with_the_reason() {
        let out = parse_log.test(rows! { line: ["", "panic: out of memory"], _offset: [0_u64, 1] });
        assert!(out.main().is_empty());
        assert_eq!(
            out.port("unparsed"),
            &rows! {
                line: ["", "panic: out of memory"],
                _offset: [0_u64, 1],
                why: ["the host is missing", "the time is not in brackets"],
            }
        );
        assert!(out.rejected().is_empty());
    }
}
