//! Cuts one line of an access log into its fields, from left to right.
//!
//! `host identity user [time] "request" status bytes`, and in the Combined format ` "referrer" "agent"` behind it. A `-` stands for
//! what is not known. A line is read as a whole or not at all.

use super::{Request, time};

/// Reads a line.
///
/// # Errors
/// What is wrong with it, as a sentence without a full stop.
pub fn parse(line: &str) -> Result<Request<'_>, &'static str> {
    let mut rest = Rest(line);
    let host = rest.word().ok_or("the host is missing")?;
    let _identity = rest.word().ok_or("the identity is missing")?;
    let user = rest.word().ok_or("the user is missing")?;
    let at = rest.enclosed('[', ']').ok_or("the time is not in brackets")?;
    let at = time::parse(at).ok_or("the time is not as in 10/Oct/2025:13:55:36 +0000")?;
    let request = rest.enclosed('"', '"').ok_or("the request is not in quotes")?;
    let (method, path, protocol) = request_line(request).ok_or("the request is not a method, a path and a protocol")?;
    let status = rest.word().and_then(|status| status.parse().ok()).ok_or("the status is not a number")?;
    let bytes = optional(rest.word().ok_or("the bytes are missing")?);
    let bytes = bytes.map(str::parse).transpose().map_err(|_| "the bytes are not a number")?;
    let mut request =
        Request { at, host, user: optional(user), method, path, protocol, status, bytes, referrer: None, agent: None };
    if !rest.0.is_empty() {
        request.referrer = optional(rest.enclosed('"', '"').ok_or("the referrer is not in quotes")?);
        request.agent = optional(rest.enclosed('"', '"').ok_or("the agent is not in quotes")?);
    }
    rest.0.is_empty().then_some(request).ok_or("there is more than the format has")
}

fn request_line(request: &str) -> Option<(&str, &str, &str)> {
    let (method, rest) = request.split_once(' ')?;
    let (path, protocol) = rest.rsplit_once(' ')?;
    let known = !method.is_empty() && !path.is_empty() && protocol.starts_with("HTTP/");
    known.then_some((method, path, protocol))
}

fn optional(field: &str) -> Option<&str> {
    (field != "-").then_some(field)
}

/// What is left of the line: begins with a field, or is empty.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// The characters up to the next space; none if there are none.
    fn word(&mut self) -> Option<&'a str> {
        let (word, rest) = self.0.split_once(' ').unwrap_or((self.0, ""));
        (!word.is_empty()).then(|| {
            self.0 = rest;
            word
        })
    }

    /// What stands between `open` and the next `close` that no backslash escapes. A space or the line's end must follow.
    fn enclosed(&mut self, open: char, close: char) -> Option<&'a str> {
        let inside = self.0.strip_prefix(open)?;
        let mut escaped = false;
        let end = inside.find(|character| {
            let found = character == close && !escaped;
            escaped = character == '\\' && !escaped;
            found
        })?;
        let (field, rest) = inside.split_at(end);
        let rest = rest.strip_prefix(close)?;
        self.0 = if rest.is_empty() { rest } else { rest.strip_prefix(' ')? };
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMON: &str = r#"2001:db8::1 - - [01/Jan/1970:00:00:01 +0000] "GET / HTTP/1.0" 304 -"#;

    #[test]
    fn the_common_format_has_no_referrer_and_no_agent() {
        let request = parse(COMMON).expect("it is of the format");
        assert_eq!((request.host, request.at.0, request.status), ("2001:db8::1", 1_000_000, 304));
        assert_eq!((request.user, request.bytes, request.referrer, request.agent), (None, None, None, None));
    }

    #[test]
    fn dashes_are_null_in_the_combined_format_too() {
        let line = format!(r#"{COMMON} "-" "-""#);
        assert_eq!(parse(&line), parse(COMMON));
    }

    #[test]
    fn each_broken_field_is_named() {
        let cases = [
            (COMMON.replace("2001:db8::1 - - ", "2001:db8::1 "), "the time is not in brackets"),
            (COMMON.replace("Jan", "Foo"), "the time is not as in 10/Oct/2025:13:55:36 +0000"),
            (COMMON.replace("\"GET", "GET"), "the request is not in quotes"),
            (COMMON.replace("GET / HTTP/1.0", r"\x16\x03\x01"), "the request is not a method, a path and a protocol"),
            (COMMON.replace("GET / HTTP/1.0", "-"), "the request is not a method, a path and a protocol"),
            (COMMON.replace("304", "99999"), "the status is not a number"),
            (COMMON.replace("304 -", "304"), "the bytes are missing"),
            (COMMON.replace("304 -", "304 -5"), "the bytes are not a number"),
            (format!("{COMMON} rest"), "the referrer is not in quotes"),
            (format!(r#"{COMMON} "-" "cut"#), "the agent is not in quotes"),
            (format!(r#"{COMMON} "-" "-" more"#), "there is more than the format has"),
            (COMMON.replace("\" 304", "\"304"), "the request is not in quotes"),
        ];
        for (line, why) in cases {
            assert_eq!(parse(&line), Err(why), "{line}");
        }
    }
}
