//! Visits of users: rows made from rows and by timers, rows refused, timers moved and cleared, state with text and nulls.
use std::time::Duration;

use pelton_guest::prelude::*;

const END: u32 = 7;

#[derive(Options)]
struct Options {
    #[default(30)]
    gap: u64,
}

#[derive(Row)]
struct User<'a> {
    user: &'a str,
}

#[derive(Row)]
struct Click<'a> {
    at: Timestamp,
    page: Option<&'a str>,
}

#[derive(State)]
struct Visit {
    clicks: i64,
    last: Option<String>,
}

#[derive(Row)]
struct Event {
    event: String,
    clicks: i64,
    page: Option<String>,
}

#[keyed]
fn visits(
    user: User<'_>,
    visit: &mut Option<Visit>,
    clicks: Group<Click<'_>>,
    timers: &mut Timers,
    out: &mut Out<Event>,
    options: &Options,
) {
    for click in clicks {
        if click.page == Some("bad") {
            out.reject(&click, format!("{} was on a bad page", user.user));
            continue;
        }
        let page = click.page.map(str::to_owned);
        if visit.is_none() {
            out.emit_from(&click, Event { event: "begin".to_owned(), clicks: 1, page: page.clone() });
        }
        let clicks = visit.as_ref().map_or(0, |visit| visit.clicks) + 1;
        *visit = Some(Visit { clicks, last: page });
        timers.set(END, click.at + Duration::from_secs(options.gap));
        if click.page == Some("exit") {
            out.emit_from(&click, Event { event: "exit".to_owned(), clicks, page: None });
            *visit = None;
            timers.clear(END);
        }
    }
    while timers.next_due().is_some() {
        if let Some(Visit { clicks, last }) = visit.take() {
            out.emit(Event { event: "end".to_owned(), clicks, page: last });
        }
    }
}
