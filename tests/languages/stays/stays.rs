//! Stays of users: rows made from rows by one output, rows made by timers by another, and a third that nothing is computed for.
use std::time::Duration;

use pelton_guest::prelude::*;

const END: u32 = 1;

#[derive(Row)]
struct User<'a> {
    user: &'a str,
}

#[derive(Row)]
struct Click<'a> {
    at: Timestamp,
    page: &'a str,
}

#[derive(State)]
struct Stay {
    clicks: i64,
}

#[derive(Row)]
struct Ended {
    clicks: i64,
}

#[derive(Row)]
struct Begun {
    page: String,
}

#[derive(Ports)]
enum Event {
    #[port("ended")]
    Ended(Ended),
    #[port("begun", pass = ["user", "at"], rename(at = "since"))]
    Begun(Begun),
    #[port("again", pass = all)]
    Again,
}

#[keyed]
fn stays(
    user: User<'_>,
    stay: &mut Option<Stay>,
    clicks: Group<Click<'_>>,
    timers: &mut Timers,
    out: &mut Out<Event>,
) {
    for click in clicks {
        if click.page == "bad" {
            out.reject(&click, format!("{} was on a bad page", user.user));
            continue;
        }
        let event = match stay {
            None => Event::Begun(Begun { page: click.page.to_owned() }),
            Some(_) => Event::Again,
        };
        out.emit_from(&click, event);
        *stay = Some(Stay { clicks: stay.as_ref().map_or(0, |stay| stay.clicks) + 1 });
        timers.set(END, click.at + Duration::from_secs(60));
    }
    while timers.next_due().is_some() {
        if let Some(Stay { clicks }) = stay.take() {
            out.emit(Event::Ended(Ended { clicks }));
        }
    }
}
