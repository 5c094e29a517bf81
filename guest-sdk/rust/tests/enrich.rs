//! Enrich operators in the offline harness: what is asked, what becomes of replies, rows that are not shown, options.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Line<'a> {
    word: &'a str,
    weight: i64,
}

#[derive(Row)]
struct Told<'a> {
    word: &'a str,
    text: String,
}

#[derive(Row)]
struct Heavy {
    row: u64,
}

#[derive(Ports)]
enum Out<'a> {
    Told(Told<'a>),
    #[port("heavy", pass = none)]
    Heavy(Heavy),
}

#[derive(Options)]
struct Options {
    #[default("dictionary".to_owned())]
    endpoint: String,
    limit: i64,
}

struct Look;

#[enrich(drop = ["weight"])]
impl Look {
    fn ask(line: Line<'_>, options: &Options) -> Request {
        Request::post(&options.endpoint, format!("/words/{}", encode(line.word)), b"what?")
            .header("accept", "text/plain")
    }

    fn answer<'a>(line: Line<'a>, reply: &'a Reply, options: &Options, ctx: &Context) -> Result<Vec<Out<'a>>, String> {
        if reply.body() == b"later" {
            return Err(reply.again(format!("`{}` is not known yet", line.word)));
        }
        let text = reply.text()?;
        let mut out = vec![Out::Told(Told { word: line.word, text: text.to_owned() })];
        if line.weight > options.limit {
            out.push(Out::Heavy(Heavy { row: ctx.row() }));
        }
        Ok(out)
    }
}

fn lines() -> Rows {
    rows! {
        id: [1_i64, 2, 3, 4],
        word: [Some("a b"), None, Some("c"), Some("a b")],
        weight: [1_i64, 2, 30, 40],
    }
}

#[test]
fn rows_are_told_what_they_asked_and_those_that_are_not_shown_ask_nothing() {
    let out = Look::replies(|request| Reply::new(200, request.path())).options(options! { limit: 10 }).test(lines());
    assert_eq!(
        out.main(),
        &rows! { id: [1_i64, 3, 4], word: ["a b", "c", "a b"], text: ["/words/a%20b", "/words/c", "/words/a%20b"] }
    );
    assert_eq!(out.port("heavy"), &rows! { row: [2_u64, 3] });
    assert_eq!(out.rejected(), [(1, "`word` is null")]);
}

#[test]
fn each_different_request_is_asked_once() {
    let test = Look::replies(|_| Reply::none("nobody is asked")).options(options! { limit: 10, endpoint: "other" });
    let requests = test.requests(&lines());
    let paths: Vec<_> = requests.iter().map(|request| (request.endpoint(), request.method(), request.path())).collect();
    assert_eq!(paths, [("other", "POST", "/words/a%20b"), ("other", "POST", "/words/c")]);
    assert_eq!(requests[0].body(), b"what?");
    assert_eq!(requests[0].headers(), [("accept".to_owned(), "text/plain".to_owned())]);
}

#[test]
fn what_went_wrong_rejects_the_rows_that_wait_for_it() {
    let replies =
        |request: &Request| if request.path() == "/words/c" { Reply::new(500, "") } else { Reply::none("refused") };
    let out = Look::replies(replies).options(options! { limit: 10 }).test(lines());
    assert_eq!(out.rejected(), [(0, "refused"), (1, "`word` is null"), (2, "status 500"), (3, "refused")]);
    let out = Look::replies(|_| Reply::new(200, vec![0xff])).options(options! { limit: 10 }).test(lines());
    assert_eq!(out.rejected()[0], (0, "the reply is not UTF-8"));
}

#[test]
fn a_batch_may_be_asked_again() {
    let mut asked = 0;
    let replies = |_: &Request| {
        asked += 1;
        Reply::new(200, if asked < 4 { "later" } else { "now" })
    };
    let out = Look::replies(replies).options(options! { limit: 100 }).test(lines());
    assert_eq!(out.main().column::<String>("text"), ["now", "now", "now"]);
    assert_eq!(asked, 6, "two requests, three times");
    let later = Look::replies(|_| Reply::new(200, "later")).options(options! { limit: 100 }).retries(1);
    assert_eq!(later.try_test(lines()).unwrap_err(), "wants to ask again: `a b` is not known yet");
}

#[test]
fn options_and_columns_are_checked() {
    let asker = || Look::replies(|_| Reply::default());
    assert_eq!(
        asker().refusal(&lines()),
        "option `limit` is missing: it must be an integer from -9223372036854775808 to 9223372036854775807"
    );
    let refusal = asker().options(options! { limit: 1 }).refusal(&rows! { word: ["a"] });
    assert!(refusal.contains("no column `weight`"), "{refusal}");
    let contract = asker().options(options! { limit: 1 }).contract(&lines());
    assert_eq!(contract.reads, [["word", "weight"]]);
}

#[test]
fn headers_of_a_reply_have_no_case() {
    let reply = Reply::new(204, "").with_header("X-Left", "7");
    assert_eq!((reply.header("x-left"), reply.header("x-right")), (Some("7"), None));
    assert!(reply.is_ok() && !Reply::new(304, "").is_ok() && !Reply::none("gone").is_ok());
}
