//! Breaks the law that goes with `bug`; without one it keeps all those of enrich operators. Run by tests/laws.rs.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
};

use pelton_guest::prelude::*;

thread_local! {
    /// Calls of `ask` for a row.
    static CALLS: Cell<i64> = const { Cell::new(0) };
    /// Rows of the call that were asked for so far.
    static POSITION: Cell<i64> = const { Cell::new(0) };
    /// What was asked for in any call of the instance.
    static KNOWN: RefCell<BTreeSet<i64>> = const { RefCell::new(BTreeSet::new()) };
}

#[derive(Options)]
struct Options {
    bug: Option<String>,
}

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Row)]
struct Made {
    made: i64,
}

struct Breaks;

#[enrich]
impl Breaks {
    fn ask(row: Read, options: &Options, ctx: &Context) -> Option<Request> {
        CALLS.set(CALLS.get() + 1);
        let position = POSITION.replace(POSITION.get() + 1);
        let is_new = KNOWN.with_borrow_mut(|known| known.insert(row.n));
        let of = match options.bug.as_deref().unwrap_or_default() {
            "twice" => CALLS.get(),
            // What it was told before it need not ask again, it thinks.
            "keeps" if !is_new => return None,
            "position" => position,
            "clock" => ctx.now().0,
            "seed" => (ctx.random() * 1e6) as i64,
            "path" => return Some(Request::get("numbers", format!("/../{}", row.n))),
            _ if row.n % 5 == 0 => return None,
            _ => row.n,
        };
        Some(Request::get("numbers", format!("/of/{of}")))
    }

    fn answer(row: Read, reply: Option<&Reply>, options: &Options) -> Result<Made, String> {
        POSITION.set(0);
        let Some(reply) = reply else { return Ok(Made { made: row.n }) };
        if options.bug.as_deref() == Some("answers") {
            return Ok(Made { made: reply.text().expect("an endpoint always answers").len() as i64 });
        }
        if options.bug.as_deref() == Some("again") && reply.status() == 200 {
            return Err(reply.again("not content"));
        }
        if reply.status() >= 500 {
            return Err(reply.again("it is broken"));
        }
        Ok(Made { made: reply.text()?.len() as i64 })
    }
}
