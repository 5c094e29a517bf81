use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, ListArray, StringArray,
        TimestampMillisecondArray,
    },
    datatypes::{Field, Int64Type},
};

use super::*;

fn format(dialect: &CsvDialect, columns: Vec<(&str, ArrayRef)>) -> Result<String, SinkError> {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array.clone(), array.null_count() > 0)),
    )
    .unwrap();
    let formatter = CsvFormatter::new(dialect, &batch.schema())?;
    let mut out = formatter.header(&batch.schema())?;
    formatter.format(&batch, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn every_type_has_its_golden_text() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("n", Arc::new(Int64Array::from(vec![Some(1), None, Some(-3)]))),
        ("f", Arc::new(Float64Array::from(vec![0.1, f64::NAN, -1e21]))),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ("t", Arc::new(TimestampMillisecondArray::from(vec![1_436_918_400_010, 0, -1]).with_timezone("UTC"))),
        ("d", Arc::new(Decimal128Array::from(vec![1_250, -5, 0]).with_precision_and_scale(10, 2).unwrap())),
        ("x", Arc::new(BinaryArray::from(vec![&b"\x00,"[..], b"", b"z"]))),
        ("s", text(&[Some("plain"), Some("a \"b\", c\nd"), Some("Zoë")])),
    ];
    let dialect = CsvDialect { header: true, ..CsvDialect::default() };
    let expected = "n,f,b,t,d,x,s\n\
        1,0.1,true,2015-07-15T00:00:00.010Z,12.50,\"\0,\",plain\n\
        ,NaN,false,1970-01-01T00:00:00.000Z,-0.05,,\"a \"\"b\"\", c\nd\"\n\
        -3,-1e+21,,1969-12-31T23:59:59.999Z,0.00,z,Zoë\n";
    assert_eq!(format(&dialect, columns).unwrap(), expected);
}

#[test]
fn null_and_the_empty_string_differ() {
    let columns = vec![("a", text(&[None, Some(""), Some("x")])), ("b", text(&[Some("y"); 3]))];
    assert_eq!(format(&CsvDialect::default(), columns).unwrap(), ",y\n\"\",y\nx,y\n");
}

#[test]
fn null_tokens_are_written_and_values_like_them_quoted() {
    let dialect = CsvDialect { null_tokens: vec!["NA".into(), "-1".into()], ..CsvDialect::default() };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("a", text(&[None, Some("NA"), Some("-1")])),
        ("n", Arc::new(Int64Array::from(vec![Some(-1), Some(1), None]))),
    ];
    assert_eq!(format(&dialect, columns).unwrap(), "NA,\"-1\"\n\"NA\",1\n\"-1\",NA\n");
}

#[test]
fn dialects_quote_what_their_readers_would_misread() {
    let fields = [Some("a;b"), Some("# no"), Some(" blank "), Some("it's"), Some("back\\slash")];
    let dialect = CsvDialect {
        delimiter: b';',
        quote: Some(b'\''),
        escape: Some(b'\\'),
        comment: Some(b'#'),
        trim: true,
        ..CsvDialect::default()
    };
    let out = format(&dialect, vec![("s", text(&fields))]).unwrap();
    assert_eq!(out, "'a;b'\n'# no'\n' blank '\n'it\\'s'\n'back\\\\slash'\n");
}

#[test]
fn numbers_are_quoted_where_their_bytes_end_fields() {
    let dialect = CsvDialect { delimiter: b'.', ..CsvDialect::default() };
    let columns: Vec<(&str, ArrayRef)> =
        vec![("f", Arc::new(Float64Array::from(vec![1.5]))), ("n", Arc::new(Int64Array::from(vec![7])))];
    assert_eq!(format(&dialect, columns).unwrap(), "\"1.5\".7\n");
}

#[test]
fn a_lone_empty_field_is_still_a_row() {
    let lone: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
    assert_eq!(format(&CsvDialect::default(), vec![("n", lone)]).unwrap(), "1\n\"\"\n");
}

#[test]
fn without_quotes_a_field_that_needs_them_is_an_error() {
    let dialect = CsvDialect { quote: None, ..CsvDialect::default() };
    assert_eq!(format(&dialect, vec![("s", text(&[Some("a\"b")]))]).unwrap(), "a\"b\n");
    let error = format(&dialect, vec![("s", text(&[Some("a,b")]))]).unwrap_err();
    assert!(error.to_string().contains("a,b"), "{error}");
}

#[test]
fn hostile_column_names_are_quoted_in_the_header() {
    let dialect = CsvDialect { header: true, ..CsvDialect::default() };
    let columns = vec![("a,b", text(&[Some("x")])), ("c\n", text(&[Some("y")]))];
    assert_eq!(format(&dialect, columns).unwrap(), "\"a,b\",\"c\n\"\nx,y\n");
}

#[test]
fn lists_are_refused_by_name() {
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1)])]);
    let schema = Schema::new(vec![Field::new("tags", list.data_type().clone(), true)]);
    let error = CsvFormatter::new(&CsvDialect::default(), &schema).unwrap_err();
    assert_eq!(error.to_string(), "csv cannot hold column `tags` of type list<s64?>");
}
