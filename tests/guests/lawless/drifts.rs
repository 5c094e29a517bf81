//! Breaks no law, but asks what time it is, or for a random number, as `on` says. Run by tests/laws.rs.

use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    on: String,
}

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Row)]
struct Made {
    made: i64,
}

#[transform]
fn drifts(read: Read, options: &Options, ctx: &Context) -> Made {
    let made = match options.on.as_str() {
        "clock" => ctx.now().0,
        "seed" => (ctx.random() * 1e6) as i64,
        _ => 0,
    };
    Made { made: read.n.wrapping_add(made) }
}
