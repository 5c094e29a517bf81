use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};

use super::*;
use crate::error::Coded;

fn end_epoch(writer: &mut dyn Writer, epoch: Epoch) -> Result<(), SinkError> {
    let prepared = writer.prepare(Closing { epoch, now: 0, is_end: false })?;
    writer.publish(&CommitPermit::without_checkpoint(epoch), &prepared)
}

fn print(style: PrintStyle, rows: usize, epochs: &[Vec<RecordBatch>]) -> String {
    let output = Arc::new(Mutex::new(Vec::new()));
    let target = PrintTarget { style, output: output.clone() };
    let schema = epochs[0][0].schema();
    let sink = PrintSink::open("bids", &PrintSpec { rows }, schema, &target).unwrap();
    let (mut encoder, mut writer) = (sink.encoder().unwrap(), sink.writer().unwrap());
    let mut epoch = Epoch::FIRST;
    for batches in epochs {
        for batch in batches {
            writer.write(encoder.encode(batch).unwrap()).unwrap();
        }
        end_epoch(writer.as_mut(), epoch).unwrap();
        epoch = epoch.next();
    }
    let summary = writer.finish().unwrap();
    let printed = output.lock().unwrap().clone();
    assert_eq!(summary.bytes, printed.len() as u64);
    String::from_utf8(printed).unwrap()
}

fn bids(start: i64, rows: i64) -> RecordBatch {
    let range = start..start + rows;
    RecordBatch::try_from_iter(vec![
        ("auction", Arc::new(Int64Array::from_iter(range.clone().map(|n| (n != 1).then_some(n * 1000)))) as ArrayRef),
        ("price", Arc::new(Float64Array::from_iter_values(range.clone().map(|n| n as f64 / 4.0)))),
        ("channel", Arc::new(StringArray::from_iter_values(range.map(|n| format!("c{n}"))))),
    ])
    .unwrap()
}

#[test]
fn the_first_rows_of_each_epoch_make_a_table() {
    let printed = print(PrintStyle::Table { width: 80 }, 3, &[vec![bids(0, 2), bids(2, 5)], vec![bids(9, 1)]]);
    let expected = "\
bids · epoch 1 · 3 of 7 rows
┌─────────┬───────┬─────────┐
│ auction ┆ price ┆ channel │
╞═════════╪═══════╪═════════╡
│       0 ┆   0.0 ┆ c0      │
│    null ┆  0.25 ┆ c1      │
│    2000 ┆   0.5 ┆ c2      │
└─────────┴───────┴─────────┘
bids · epoch 2 · 1 of 1 row
┌─────────┬───────┬─────────┐
│ auction ┆ price ┆ channel │
╞═════════╪═══════╪═════════╡
│    9000 ┆  2.25 ┆ c9      │
└─────────┴───────┴─────────┘
";
    assert_eq!(printed, expected);
}

#[test]
fn the_cuts_of_batches_do_not_show() {
    let style = PrintStyle::Table { width: 80 };
    let cut = vec![bids(0, 1), bids(1, 0), bids(1, 3), bids(4, 3)];
    assert_eq!(print(style, 5, &[vec![bids(0, 7)]]), print(style, 5, &[cut]));
}

#[test]
fn an_epoch_without_rows_prints_nothing() {
    assert_eq!(print(PrintStyle::Table { width: 80 }, 3, &[vec![bids(0, 0)]]), "");
}

#[test]
fn zero_rows_print_the_count_alone() {
    assert_eq!(print(PrintStyle::Table { width: 80 }, 0, &[vec![bids(0, 4)]]), "bids · epoch 1 · 0 of 4 rows\n");
}

#[test]
fn a_hostile_row_cannot_drive_the_terminal() {
    let hostile = ["\u{1b}[2J\u{1b}]0;title\u{7}", "a\r\nb", "\u{9b}31m", "\u{202e}txt.exe", "back\u{8}"];
    let rows = RecordBatch::try_from_iter(vec![(
        "\u{1b}[31mname",
        Arc::new(StringArray::from_iter_values(hostile)) as ArrayRef,
    )])
    .unwrap();
    let printed = print(PrintStyle::Table { width: 80 }, 10, &[vec![rows]]);
    let control = |character: char| character.is_control() && character != '\n' || character == '\u{202e}';
    assert!(!printed.contains(control), "{printed:?}");
    for shown in ["\\u{1b}[2J\\u{1b}]0;title\\u{7}", "a\\r\\nb", "\\u{9b}31m", "\\u{202e}txt.exe", "\\u{1b}[31mname"] {
        assert!(printed.contains(shown), "{shown} in\n{printed}");
    }
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    use unicode_width::UnicodeWidthStr;
    let long = "日本語 and more ".repeat(100_000);
    let columns = (0..30)
        .map(|n| (format!("column {n}"), Arc::new(StringArray::from(vec![long.as_str(), "short", ""])) as ArrayRef));
    let rows = RecordBatch::try_from_iter(columns.collect::<Vec<_>>()).unwrap();
    for width in [20, 80, 200] {
        let printed = print(PrintStyle::Table { width }, 10, &[vec![rows.clone()]]);
        let widest = printed.lines().map(UnicodeWidthStr::width).max().unwrap();
        assert!(widest <= usize::from(width), "{widest} of {width}\n{printed}");
        assert_eq!(printed.lines().count(), 1 + 7 + 1, "{printed}");
        assert!(printed.contains('…') && printed.contains("columns: "), "{printed}");
    }
}

#[test]
fn machines_get_a_line_of_json_for_each_epoch() {
    let printed = print(PrintStyle::Json, 2, &[vec![bids(0, 1), bids(1, 8)], vec![bids(0, 0)]]);
    let expected = "{\"event\":\"rows\",\"sink\":\"bids\",\"epoch\":1,\"total\":9,\"rows\":[\
        {\"auction\":0,\"price\":0.0,\"channel\":\"c0\"},{\"auction\":null,\"price\":0.25,\"channel\":\"c1\"}]}\n";
    assert_eq!(printed, expected);
}

#[test]
fn a_closed_output_is_an_error() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let target = PrintTarget { style: PrintStyle::Json, output: Arc::new(Mutex::new(Closed)) };
    let sink = PrintSink::open("bids", &PrintSpec { rows: 1 }, bids(0, 1).schema(), &target).unwrap();
    let mut writer = sink.writer().unwrap();
    writer.write(sink.encoder().unwrap().encode(&bids(0, 1)).unwrap()).unwrap();
    let error = end_epoch(writer.as_mut(), Epoch::FIRST).unwrap_err();
    let help = error.help().unwrap();
    assert!(help.starts_with("whoever read the output has gone"), "{help}");
}
