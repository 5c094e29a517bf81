//! Where the mutations begin: inputs like those that the targets see in earnest, and words that steer them.
//!
//! Job files are those of the examples and of the golden tests; CSV is the examples' data behind each dialect; guest
//! answers are arrays as the entry point packs them. Used by the fuzz targets alone.

use std::{
    fs,
    path::{Path, PathBuf},
};

pub const JOB_FILE_WORDS: [&str; 48] = [
    "[source.a]\n",
    "[operator.a]\n",
    "[sink.a]\n",
    "[batch]\n",
    "[source.a.columns.b]\n",
    "[[source]]\n",
    "name = \"x\"\n",
    "type = \"file\"\n",
    "type = \"stdin\"\n",
    "type = \"generator\"\n",
    "type = \"print\"\n",
    "type = \"blackhole\"\n",
    "path = \"a.csv\"\n",
    "path = [\"a*\", \"b\"]\n",
    "format = \"csv\"\n",
    "format = \"json\"\n",
    "format = \"parquet\"\n",
    "input = \"a\"\n",
    "input = [\"a\", \"a.rejected\"]\n",
    "module = \"a.wasm\"\n",
    "options = { a = 1 }\n",
    "limits = { memory-bytes = \"1GiB\" }\n",
    "schema = { a = \"s64\" }\n",
    "\"list<struct<a: s64, b: utf8?>>?\"",
    "\"decimal(38, 2)\"",
    "\"timestamp[ms, Europe/Paris]\"",
    "event-time = { column = \"a\", watermark = \"1s\" }\n",
    "metadata = \"_file\"\n",
    "threads = 3\n",
    "batch.rows = 4096\n",
    "\"${env:A}\"",
    "${env:",
    "\"\"\"",
    "'''",
    "\\u{1b}",
    "\\U0010FFFF",
    "1979-05-27T07:32:00Z",
    "9223372036854775807",
    "-inf",
    "nan",
    "0x",
    "1e400",
    "\u{0}",
    "\u{0}batch.rows=1\n",
    "\u{202e}",
    "é",
    "\u{feff}",
    "\r\n",
];

pub const CSV_WORDS: [&str; 24] = [
    "\"\"",
    "\"\n",
    "\n\"",
    "\"\r\n\"",
    "\r\n",
    "\r",
    "\n\n",
    "\\\"",
    "\\\n",
    "\\\\",
    ",,",
    "\t",
    "#",
    "\n#",
    "\n#\"\n",
    "N",
    " ",
    "true",
    "1970-01-01",
    "-9223372036854775808",
    "\u{feff}",
    "é",
    "\u{0}",
    "\",\"",
];

pub const GUEST_ANSWER_WORDS: [&str; 12] = [
    "\0\0\0\0",
    "\u{1}\0\0\0",
    "\u{4}\0\0\0",
    "\u{7f}\0\0\0",
    "\0\0\0\u{7f}",
    "\u{8}",
    "\u{10}",
    "é",
    "\u{10ffff}",
    "\0\0\0\0\u{1}\0\0\0",
    "\0\0\0\0\u{2}\0\0\0\u{2}\0\0\0",
    "\u{1}\u{1}",
];

fn tests() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder of the repository that end so, in the order of their names.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(tests().join(folder)) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.is_file() && path.to_string_lossy().ends_with(ending));
    files.sort();
    files
}

fn contents(files: Vec<PathBuf>) -> Vec<Vec<u8>> {
    files.into_iter().map(|path| fs::read(path).expect("a file of the repository")).collect()
}

/// What once was a finding.
pub fn found(target: &str) -> Vec<Vec<u8>> {
    contents(files(&format!("fuzz/found/{target}"), ""))
}

pub fn job_files() -> Vec<Vec<u8>> {
    let folders = ["job_files", "job_files/bad", "messages/bad"];
    let examples = ["clean-prices", "parse-log", "to-euro", "word-split"];
    let mut all: Vec<PathBuf> = folders.into_iter().flat_map(|folder| files(folder, ".toml")).collect();
    all.extend(examples.into_iter().flat_map(|example| files(&format!("../examples/{example}"), "job.toml")));
    let mut corpus = contents(all);
    // Overrides stand behind a zero byte.
    corpus.push(b"name = \"x\"\n\0batch.rows=1\nsource.a.path=b\nthreads={}\n".to_vec());
    corpus
}

/// The first bytes choose the dialect, a place to cut, and the number of columns.
pub fn csv_rows() -> Vec<Vec<u8>> {
    let examples = ["../examples/clean-prices/data", "../examples/to-euro/data", "messages/given/data"];
    let samples = contents(examples.into_iter().flat_map(|folder| files(folder, ".csv")).collect());
    let written: [&[u8]; 6] = [
        b"a,1,2,1970-01-01,true\n\"b \"\"c\"\"\",N,-5,,false\n",
        b"\"two\nlines\",1\r\n# no row\n\n\"x\",2",
        b"a\\,b\tc\\\"\t\"d\\\"e\"\n",
        b"\xff\xfe,\"\xc3\n\"\n\"unclosed\n1,2\n",
        b"1,2,3,4,5,6,7\n1\n,,,,\n",
        b"\"a\"b,\"c\"\"\"\r\"d\"\r\n",
    ];
    let texts = samples.iter().map(|text| &text[..text.len().min(400)]).chain(written);
    texts.enumerate().flat_map(|(index, text)| (0..6).map(move |flags| csv_input(index, flags * 11, text))).collect()
}

fn csv_input(index: usize, flags: u8, text: &[u8]) -> Vec<u8> {
    [&[flags, (index * 37) as u8, index as u8 + flags][..], text].concat()
}

/// Right answers, one for each of the entry point's types.
pub fn guest_answers() -> Vec<Vec<u8>> {
    let offsets = |ends: &[i32]| ends.iter().flat_map(|end| end.to_le_bytes()).collect::<Vec<u8>>();
    let text = offsets(&[0, 1, 1, 3]);
    vec![
        answer(0, 9, &[&[&[], &[0xff, 1]]]),
        answer(1, 3, &[&[&[], &[7; 24]]]),
        answer(2, 3, &[&[&[5], &[0; 12]]]),
        answer(3, 3, &[&[&[], &text, "aé".as_bytes()]]),
        answer(4, 3, &[&[&[6], &text, b"abc"]]),
        answer(5, 3, &[&[&[7], &text, b"\xff\0x"]]),
        answer(6, 2, &[&[&[], &[[1; 4], [0; 4], [0; 4], [0; 4]].concat().repeat(2)]]),
        answer(6, 1, &[&[&[], &999_i128.to_le_bytes()]]),
        answer(7, 2, &[&[&[2], &[9; 16]]]),
        answer(8, 2, &[&[&[], &offsets(&[0, 1, 3])], &[&[5], &text, b"xyz"]]),
        answer(9, 2, &[&[&[1], &offsets(&[0, 2, 2])], &[&[], &[1, 0, 2, 0]]]),
        answer(10, 2, &[&[&[]], &[&[], &[3; 16]], &[&[1], &offsets(&[0, 1, 1]), b"q"]]),
        answer(11, 2, &[&[&[], &[4; 8]]]),
        answer(
            12,
            1,
            &[&[&[], &offsets(&[0, 2])], &[&[]], &[&[1], &[3]], &[&[], &offsets(&[0, 1, 2])], &[&[], &[5, 6]]],
        ),
    ]
}

/// An answer as `fuzz_lift` unpacks it: type, rows, then each array's rows (but for the first) and buffers.
fn answer(kind: u8, rows: u8, arrays: &[&[&[u8]]]) -> Vec<u8> {
    let mut packed = vec![kind, rows];
    for (index, buffers) in arrays.iter().enumerate() {
        if index > 0 {
            packed.push(child_rows(kind, index));
        }
        for buffer in *buffers {
            packed.push(u8::try_from(buffer.len()).expect("small buffers"));
            packed.extend_from_slice(buffer);
        }
    }
    packed
}

/// How many rows a child of the answers above has.
fn child_rows(kind: u8, index: usize) -> u8 {
    match (kind, index) {
        (8, _) => 3,
        _ => 2,
    }
}
