//! A transform that traps on -1, never ends on -2, and takes long on -3. Run by tests/poison.

use std::hint::black_box;

use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    /// It minds nothing any more.
    #[default(false)]
    mended: bool,
    /// Turns of a loop for -3.
    #[default(1_000)]
    turns: u64,
}

#[derive(Row)]
struct Read {
    x: i64,
}

#[derive(Row)]
struct Made {
    y: i64,
}

/// Few instructions that take long: roots of roots, each of which waits for the one before.
fn roots(turns: u64) -> i64 {
    let root = |x: f64| (x + 1.0).sqrt();
    let turn = |x: f64, _| black_box(root(root(root(root(root(root(root(root(x)))))))));
    (0..turns).fold(2.0, turn) as i64
}

#[transform]
fn touchy(read: Read, options: &Options) -> Made {
    match read.x {
        -1 if !options.mended => panic!("nobody thought of -1"),
        -2 if !options.mended => loop {
            black_box(read.x);
        },
        -3 => Made { y: roots(options.turns) },
        x => Made { y: x.wrapping_mul(2) },
    }
}
