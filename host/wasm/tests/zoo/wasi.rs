//! Core modules for WASI preview 1: they run, what they write reaches the log, and they touch nothing.

use super::{assert_trap, end, guest::Guest, live, patient};

/// A guest that imports the function `name` as `$wasi`.
fn importing(name: &str, signature: &str, process: &str) -> Guest {
    Guest {
        imports: format!("(import \"wasi_snapshot_preview1\" \"{name}\" (func $wasi {signature}))"),
        // Two parts of text, of which one ends a line; their addresses and sizes.
        more: r#"(data (i32.const 8192) "\20\20\00\00\05\00\00\00\30\20\00\00\06\00\00\00")
                 (data (i32.const 8224) "hello") (data (i32.const 8240) "there\0a")"#
            .to_owned(),
        ..Guest::processing(process)
    }
}

#[test]
fn what_is_written_to_the_standard_streams_is_in_the_log() {
    let guest = importing(
        "fd_write",
        "(param i32 i32 i32 i32) (result i32)",
        "(if (call $wasi (i32.const 1) (i32.const 8192) (i32.const 2) (i32.const 8300)) (then unreachable))
         (if (i32.ne (i32.load (i32.const 8300)) (i32.const 11)) (then unreachable))",
    );
    let (_, log) = live(&guest, &patient()).expect("it runs");
    let lines: Vec<&str> = log.lines.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(lines, ["hello", "there"]);
}

#[test]
fn there_are_no_files() {
    let guest = importing(
        "path_open",
        "(param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)",
        "(if (i32.ne (i32.const 52) (call $wasi (i32.const 3) (i32.const 0) (i32.const 8224) (i32.const 5) (i32.const 0)
           (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 8300))) (then unreachable))",
    );
    live(&guest, &patient()).expect("it runs, and is told that nothing can be opened");
}

#[test]
fn random_bytes_are_the_same_in_every_instance() {
    let asks = "(if (call $wasi (i32.const 8300) (i32.const 8)) (then unreachable))
                (i64.store (i32.const 4096) (i64.load (i32.const 8300)))";
    let guest = importing("random_get", "(param i32 i32) (result i32)", asks);
    let first = format!("{:?}", live(&guest, &patient()).expect("it runs").0);
    assert_eq!(first, format!("{:?}", live(&guest, &patient()).expect("it runs").0));
}

#[test]
fn to_exit_is_a_trap() {
    let guest = importing("proc_exit", "(param i32)", "(call $wasi (i32.const 0))");
    assert_trap(&end(&guest, &patient()), "process", "unreachable");
}
