//! What an endpoint knows of words: asked by a path, or by a body; what it does not know is left out.
use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    least: i64,
}

#[derive(Row)]
struct Asked<'a> {
    what: Option<&'a str>,
    n: i64,
}

#[derive(Row)]
struct Known {
    status: i32,
    answer: Option<String>,
    of: Option<String>,
}

struct Asks;

#[enrich]
impl Asks {
    fn ask(row: Asked<'_>, options: &Options) -> Option<Request> {
        let what = row.what.filter(|_| row.n >= options.least)?;
        Some(match what.strip_prefix("count ") {
            Some(text) => Request::post("words", "/count", text).header("accept", "text/plain"),
            None => Request::get("words", format!("/words/{}", encode(what))).query("n", &row.n.to_string()),
        })
    }

    fn answer(_row: Asked<'_>, reply: Option<&Reply>, _options: &Options) -> Result<Option<Known>, String> {
        let Some(reply) = reply else { return Ok(Some(Known { status: 0, answer: None, of: None })) };
        match reply.status() {
            _ if reply.error().is_some() => Err("nobody answers".to_owned()),
            202 => Err(reply.again("not ready yet")),
            404 => Ok(None),
            status => {
                let (answer, of) = (reply.text()?.to_owned(), reply.header("X-Of").map(str::to_owned));
                Ok(Some(Known { status: i32::from(status), answer: Some(answer), of }))
            }
        }
    }
}
