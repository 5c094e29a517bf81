//! The guests of the zoo: WebAssembly text around one answer that is right, with holes for what is wrong.
//!
//! The canonical ABI is written by hand here, so that a guest can break it at any byte. All structures of an answer
//! lie at fixed addresses; a hostile guest is the good one plus a few stores over them.

use std::fmt::Write;

/// Where the structures of a right answer lie in the guest's memory.
pub mod at {
    /// `result<output, failure>`: tag, `emitted` (address, length), `rejected` (address, length).
    pub const ANSWER: u32 = 1024;
    /// `emitted`: port, origin (tag, address, length), rows, nodes (address, length); room for two.
    pub const EMITTED: u32 = 1100;
    /// `node`: rows, buffers (address, length).
    pub const NODE: u32 = 1200;
    /// Validity (address, length), values (address, length).
    pub const BUFFERS: u32 = 1240;
    /// `rejection`: row, reason (address, length); room for two.
    pub const REJECTED: u32 = 1300;
    /// `origin`: row for row, as the data segment has it.
    pub const ORIGIN: u32 = 1400;
    /// `result<contract, string>`.
    pub const CONTRACT: u32 = 2048;
    /// Text; the first letters are the names of the contract.
    pub const TEXT: u32 = 2304;
    /// Values of `y`.
    pub const VALUES: u32 = 4096;
    /// The first byte that `cabi_realloc` gives away.
    pub const HEAP: u32 = 65_536;
}

/// What the guests of the other kinds have in common: a memory, and an allocator that never frees.
pub const PRELUDE: &str = r#"
  (memory (export "memory") 64)
  (global $next (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at))"#;

/// `$value`: how a guest reads a column.
pub const VALUE: &str = r#"
  ;; The s64 in a row of the first node; 0 for a null.
  (func $value (param $nodes i32) (param $row i32) (result i64)
    (local $buffers i32)
    (local.set $buffers (i32.load offset=4 (local.get $nodes)))
    (if (result i64)
      (i32.or
        (i32.eqz (i32.load offset=4 (local.get $buffers)))
        (i32.and
          (i32.shr_u
            (i32.load8_u (i32.add (i32.load (local.get $buffers)) (i32.shr_u (local.get $row) (i32.const 3))))
            (i32.and (local.get $row) (i32.const 7)))
          (i32.const 1)))
      (then (i64.load (i32.add (i32.load offset=8 (local.get $buffers)) (i32.shl (local.get $row) (i32.const 3)))))
      (else (i64.const 0))))"#;

/// Rows of the batch that the zoo is fed with.
pub const ROWS: u32 = 16;

/// A guest: the good one, until a hole is filled.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Pages of 64 KiB at the start.
    pub pages: u32,
    /// Runs before `open` answers.
    pub open: String,
    /// Runs after the right answer was laid out and before it is returned.
    pub process: String,
    /// Runs first in `cabi_realloc`; `$size` bytes are asked for.
    pub realloc: String,
    /// More functions, imports excepted.
    pub more: String,
    /// Core imports.
    pub imports: String,
    /// Version in the names of the exports.
    pub version: &'static str,
}

impl Guest {
    /// A map that answers with `y = 2 x`.
    pub fn good() -> Self {
        Self {
            pages: 16,
            open: String::new(),
            process: String::new(),
            realloc: String::new(),
            more: String::new(),
            imports: String::new(),
            version: "0.1.0",
        }
    }

    /// The good guest, but for what `process` does at its end.
    pub fn processing(body: impl Into<String>) -> Self {
        Self { process: body.into(), ..Self::good() }
    }

    /// The good guest with other words in its answer: (address, value).
    pub fn answering(words: &[(u32, u32)]) -> Self {
        Self::processing(stores(words))
    }

    pub fn text(&self) -> String {
        let Self { pages, open, process, realloc, more, imports, version } = self;
        let interface = format!("pelton:operator/transform@{version}");
        let data = data();
        let (answer, contract, emitted, node) = (at::ANSWER, at::CONTRACT, at::EMITTED, at::NODE);
        let (values, values_size, heap) = (at::VALUES, at::BUFFERS + 12, at::HEAP);
        format!(
            r#"(module
  {imports}
  (memory (export "memory") {pages})
  (global $next (mut i32) (i32.const {heap}))
  {data}
  (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    {realloc}
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (func $open (export "{interface}#open") (param i32 i32 i32 i32) (result i32)
    {open}
    (i32.const {contract}))
  (func $map (param $rows i32) (param $nodes i32)
    (local $x i32) (local $row i32)
    ;; The first node's second buffer.
    (local.set $x (i32.load offset=8 (i32.load offset=4 (local.get $nodes))))
    (i32.store (i32.const {emitted_rows}) (local.get $rows))
    (i32.store (i32.const {node}) (local.get $rows))
    (i32.store (i32.const {values_size}) (i32.shl (local.get $rows) (i32.const 3)))
    (block $done
      (loop $next_row
        (br_if $done (i32.ge_u (local.get $row) (local.get $rows)))
        (i64.store
          (i32.add (i32.const {values}) (i32.shl (local.get $row) (i32.const 3)))
          (i64.shl (i64.load (i32.add (local.get $x) (i32.shl (local.get $row) (i32.const 3)))) (i64.const 1)))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $next_row))))
  (func $process (export "{interface}#process")
    (param $epoch i64) (param $first_row i64) (param $now i64) (param $watermark i64) (param $seed i64)
    (param $rows i32) (param $nodes i32) (param $node_count i32) (result i32)
    (local $i i32)
    (call $map (local.get $rows) (local.get $nodes))
    {process}
    (i32.const {answer}))
  {more}
)"#,
            emitted_rows = emitted + 16,
        )
    }
}

/// Instructions that store words.
pub fn stores(words: &[(u32, u32)]) -> String {
    words.iter().fold(String::new(), |mut text, (at, value)| {
        writeln!(text, "(i32.store (i32.const {at}) (i32.const {value}))").expect("a string takes all");
        text
    })
}

/// Data segments: the contract, and the answer as far as it does not depend on the batch.
fn data() -> String {
    let (reads, names, ports, fields) = (at::CONTRACT + 64, at::CONTRACT + 72, at::CONTRACT + 96, at::CONTRACT + 128);
    let (x, out, y, format) = (at::TEXT, at::TEXT + 1, at::TEXT + 4, at::TEXT + 5);
    let origin: Vec<u32> = (0..ROWS).collect();
    let segments: [(u32, &[u32]); 10] = [
        (at::CONTRACT, &[0, reads, 1, ports, 1, 0, 0, 0, 0, 0, 0, 0]),
        (reads, &[names, 1]),
        (names, &[x, 1]),
        (ports, &[out, 3, fields, 1, 0, 0, 0]),
        (fields, &[1, y, 1, format, 1, 0, 0]),
        (at::ANSWER, &[0, at::EMITTED, 1, at::REJECTED, 0]),
        (at::EMITTED, &[0, 0, at::ORIGIN, 4 * ROWS, 0, at::NODE, 1]),
        (at::NODE, &[0, at::BUFFERS, 2]),
        (at::BUFFERS, &[0, 0, at::VALUES, 0]),
        (at::ORIGIN, &origin),
    ];
    let mut text = words(&segments);
    write!(text, "(data (i32.const {}) \"xoutyl\")", at::TEXT).expect("a string takes all");
    text
}

/// Data segments of words: (address, words).
pub fn words(segments: &[(u32, &[u32])]) -> String {
    segments.iter().fold(String::new(), |mut text, (at, words)| {
        write!(text, "(data (i32.const {at}) \"").expect("a string takes all");
        for byte in words.iter().flat_map(|word| word.to_le_bytes()) {
            write!(text, "\\{byte:02x}").expect("a string takes all");
        }
        text.push_str("\")\n  ");
        text
    })
}
