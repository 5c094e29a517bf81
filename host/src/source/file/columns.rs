//! Columns of the columnar formats (Parquet, Arrow IPC): which there are, and which of them a decoder gives.
//!
//! `parquet` and `ipc` call [`agree`] when they open their files and [`Projection`] for each batch.
//! Invariant: a decoder's batches have the plain types of [`plain`], whatever encoding (dictionary, view, 64-bit
//! offsets) the file keeps them in, so that the types of a job's edges do not depend on who wrote a file. A row with a null
//! in a column that was declared without nulls is bad, and costs no other row.

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions},
    buffer::NullBuffer,
    compute::{CastOptions, cast_with_options, filter},
    datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef},
    util::display::FormatOptions,
};
use pelton_core::{
    job::{FILE_COLUMN, OFFSET_COLUMN, OnBadRow},
    types,
};

use crate::source::{BadRow, Decoded, RowPlace, SourceError, metadata};

/// The type in which a column of type `from` is given: one that can cross to a module. None: there is none.
pub fn plain(from: &DataType) -> Option<DataType> {
    let to = match from {
        DataType::Dictionary(_, values) => plain(values)?,
        DataType::RunEndEncoded(_, values) => plain(values.data_type())?,
        // A column of nulls alone, such as of a data frame in which nothing was ever put into it.
        DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Float16 => DataType::Float32,
        DataType::Date64 => DataType::Date32,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal256(precision, scale)
            if *precision <= 38 =>
        {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => {
            DataType::List(Arc::new(Field::new("item", plain(item.data_type())?, item.is_nullable())))
        }
        DataType::Struct(fields) => DataType::Struct(
            fields
                .iter()
                .map(|field| Some(Field::new(field.name(), plain(field.data_type())?, field.is_nullable())))
                .collect::<Option<Fields>>()?,
        ),
        other => other.clone(),
    };
    types::crosses(&to).then_some(to)
}

/// The columns of the first file; one of nulls alone has the type that it has in the first file where it has any.
fn first_fields(first: &Schema, files: &[(Arc<str>, SchemaRef)]) -> Vec<Field> {
    let typed = |name: &str| {
        let mut named = files.iter().filter_map(|(_, schema)| schema.field_with_name(name).ok());
        named.find(|field| !field.data_type().is_null())
    };
    let field = |field: &FieldRef| match field.data_type() {
        DataType::Null => plain_field(typed(field.name()).unwrap_or(field)).with_nullable(true),
        _ => plain_field(field),
    };
    first.fields().iter().map(field).collect()
}

/// A file's column as it is given; columns without a plain type keep their own, and cannot be read.
fn plain_field(field: &Field) -> Field {
    let data_type = plain(field.data_type()).unwrap_or_else(|| field.data_type().clone());
    Field::new(field.name(), data_type, field.is_nullable())
}

/// Whether values of `from` can be given as `to`: the same but for names of list items and nested nullability.
fn fits(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (DataType::List(from), DataType::List(to)) => fits(from.data_type(), to.data_type()),
        (DataType::Struct(from), DataType::Struct(to)) => {
            from.len() == to.len()
                && from
                    .iter()
                    .zip(to)
                    .all(|(from, to)| from.name() == to.name() && fits(from.data_type(), to.data_type()))
        }
        _ => from == to,
    }
}

/// The columns of a source of several files, each with its name and its own columns.
///
/// With `declared`, every file must have these (it may have more). Without, the first file says which columns there are,
/// all files must have the same, and one is nullable when it is in any file. A column of nulls alone is of whatever type is wanted.
pub fn agree(files: &[(Arc<str>, SchemaRef)], declared: Option<&SchemaRef>) -> Result<SchemaRef, SourceError> {
    let mut fields: Vec<Field> = match (declared, files.first()) {
        (Some(declared), _) => declared.fields().iter().map(|field| field.as_ref().clone()).collect(),
        (None, Some((_, first))) => first_fields(first, files),
        (None, None) => Vec::new(),
    };
    for (name, schema) in files {
        let wrong = |reason: String| SourceError::Schema { file: name.to_string(), reason };
        if declared.is_none()
            && let Some(extra) =
                schema.fields().iter().find(|have| !fields.iter().any(|want| want.name() == have.name()))
        {
            return Err(wrong(format!("it has a column `{}`, which the first file does not have", extra.name())));
        }
        for want in &mut fields {
            let mut named = schema.fields().iter().filter(|have| have.name() == want.name());
            let Some(have) = named.next() else {
                return Err(wrong(format!("it has no column `{}`", want.name())));
            };
            if named.next().is_some() {
                return Err(wrong(format!("it has several columns `{}`", want.name())));
            }
            let is_all_null = have.data_type().is_null();
            let have = plain_field(have).with_nullable(have.is_nullable() || is_all_null);
            if !is_all_null && !fits(have.data_type(), want.data_type()) {
                return Err(wrong(format!(
                    "column `{}` is `{}`, not `{}`",
                    want.name(),
                    types::name(have.data_type()),
                    types::name(want.data_type()),
                )));
            }
            if declared.is_none() && have.is_nullable() {
                want.set_nullable(true);
            }
        }
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// The columns that a decoder gives, in their order.
#[derive(Debug, Clone)]
pub struct Projection {
    /// The batches' columns.
    schema: SchemaRef,
    /// Where each comes from.
    origins: Vec<Origin>,
    on_bad_row: OnBadRow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The file's column of the same name.
    Data,
    FileName,
    RowNumber,
}

impl Projection {
    /// Columns of `source` or metadata columns, by name. `name` is the source's, for errors.
    pub fn new(source: &Schema, columns: &[String], name: &str, on_bad_row: OnBadRow) -> Result<Self, SourceError> {
        let (fields, origins): (Vec<_>, Vec<_>) = columns
            .iter()
            .map(|column| match (source.fields().find(column), column.as_str()) {
                (Some((_, field)), _) => Ok((readable(field, name)?, Origin::Data)),
                (None, FILE_COLUMN) => Ok((Arc::new(metadata::file_field()), Origin::FileName)),
                (None, OFFSET_COLUMN) => Ok((Arc::new(metadata::offset_field()), Origin::RowNumber)),
                (None, _) => Err(SourceError::NoColumn { column: column.clone() }),
            })
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .unzip();
        Ok(Self { schema: Arc::new(Schema::new(fields)), origins, on_bad_row })
    }

    /// Whether any column must be read from a file.
    pub fn reads_files(&self) -> bool {
        self.origins.contains(&Origin::Data)
    }

    fn outputs(&self) -> impl Iterator<Item = (&FieldRef, Origin)> {
        self.schema.fields().iter().zip(self.origins.iter().copied())
    }

    /// Positions of the columns to be read among a file's own, ascending.
    pub fn positions(&self, file: &Schema, name: &str) -> Result<Vec<usize>, SourceError> {
        let mut positions = self
            .outputs()
            .filter(|(_, origin)| *origin == Origin::Data)
            .map(|(field, _)| {
                file.index_of(field.name()).map_err(|_| SourceError::Schema {
                    file: name.to_owned(),
                    reason: format!("it has no column `{}`", field.name()),
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        positions.sort_unstable();
        positions.dedup();
        Ok(positions)
    }

    /// What to emit of `rows`: a file's columns in any order, with their own types. `first_row` is the number of the first in
    /// its file.
    pub fn assemble(&self, rows: &RecordBatch, file: &str, first_row: u64) -> Result<Decoded, SourceError> {
        let wrong = |reason: String| SourceError::Schema { file: file.to_owned(), reason };
        let columns = self
            .outputs()
            .map(|(field, origin)| match origin {
                Origin::Data => column(rows, field).map_err(wrong),
                Origin::FileName => Ok(metadata::file_column(file, rows.num_rows())),
                Origin::RowNumber => Ok(metadata::row_number_column(first_row, rows.num_rows())),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let rejected = self.bad_rows(&columns, first_row);
        if self.on_bad_row == OnBadRow::Fail
            && let Some(BadRow { offset, reason, .. }) = rejected.first().cloned()
        {
            return Err(SourceError::BadRow { file: file.to_owned(), place: RowPlace::Row(offset), reason });
        }
        let (columns, count) = if rejected.is_empty() {
            (columns, rows.num_rows())
        } else {
            self.without_bad_rows(&columns).map_err(wrong)?
        };
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Decoded { rows, rejected })
    }

    /// The columns whose nulls make a row bad.
    fn without_nulls<'a>(&'a self, columns: &'a [ArrayRef]) -> impl Iterator<Item = (&'a Field, &'a NullBuffer)> {
        let declared = self.schema.fields().iter().map(AsRef::as_ref).zip(columns);
        declared
            .filter(|(field, array)| !field.is_nullable() && array.null_count() > 0)
            .filter_map(|(field, array)| Some((field, array.nulls()?)))
    }

    /// Each bad row once, in order, with its first column that is at fault. Such files have no text to show of a row.
    fn bad_rows(&self, columns: &[ArrayRef], first_row: u64) -> Vec<BadRow> {
        let mut reasons: BTreeMap<u64, &Field> = BTreeMap::new();
        for (field, nulls) in self.without_nulls(columns) {
            for (row, _) in (0_u64..).zip(nulls.iter()).filter(|(_, valid)| !valid) {
                reasons.entry(row).or_insert(field);
            }
        }
        let bad = |(row, field): (u64, &Field)| BadRow {
            offset: first_row.saturating_add(row),
            reason: format!(
                "column `{0}` is null, and {1} has no nulls (`{1}?` has)",
                field.name(),
                types::name(field.data_type())
            ),
            raw: Vec::new(),
        };
        reasons.into_iter().map(bad).collect()
    }

    fn without_bad_rows(&self, columns: &[ArrayRef]) -> Result<(Vec<ArrayRef>, usize), String> {
        let valid =
            self.without_nulls(columns).fold(None, |all, (_, nulls)| NullBuffer::union(all.as_ref(), Some(nulls)));
        let valid = BooleanArray::new(valid.ok_or("it has no bad row")?.into_inner(), None);
        let kept = columns.iter().map(|column| filter(column, &valid)).collect::<Result<Vec<_>, _>>();
        Ok((kept.map_err(|error| error.to_string())?, valid.true_count()))
    }
}

/// A source's column, if its type can be given.
fn readable(field: &FieldRef, name: &str) -> Result<FieldRef, SourceError> {
    if types::crosses(field.data_type()) {
        return Ok(Arc::clone(field));
    }
    Err(SourceError::Schema {
        file: name.to_owned(),
        reason: format!("column `{}` is of type {}, which cannot be read", field.name(), field.data_type()),
    })
}

/// The column that `field` describes, in its type.
fn column(rows: &RecordBatch, field: &Field) -> Result<ArrayRef, String> {
    let array = rows.column_by_name(field.name()).ok_or_else(|| format!("it has no column `{}`", field.name()))?;
    if array.data_type() == field.data_type() {
        return Ok(Arc::clone(array));
    }
    // Not `safe`, which would turn what does not fit into nulls.
    let options = CastOptions { safe: false, format_options: FormatOptions::default() };
    cast_with_options(array, field.data_type(), &options)
        .map_err(|error| format!("column `{}` cannot be read as {}: {error}", field.name(), types::column(field)))
}

#[cfg(test)]
mod tests {
    use arrow::array::{DictionaryArray, Int64Array, StringArray, StringViewArray, UInt64Array, types::Int8Type};

    use super::*;

    fn schema(columns: &[(&str, &str)]) -> SchemaRef {
        let fields: Vec<_> = columns.iter().map(|(name, text)| types::parse_column(name, text).expect(text)).collect();
        Arc::new(Schema::new(fields))
    }

    fn file(name: &str, columns: &[(&str, &str)]) -> (Arc<str>, SchemaRef) {
        (Arc::from(name), schema(columns))
    }

    #[test]
    fn encodings_have_plain_types() {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::LargeUtf8));
        assert_eq!(plain(&dictionary), Some(DataType::Utf8));
        let list = DataType::LargeList(Arc::new(Field::new("element", DataType::Utf8View, true)));
        assert_eq!(plain(&list).map(|to| types::name(&to)), Some("list<utf8?>".into()));
        assert_eq!(plain(&DataType::Decimal256(50, 2)), None);
        assert_eq!(plain(&DataType::Decimal256(38, 2)), Some(DataType::Decimal128(38, 2)));
        assert_eq!(plain(&DataType::Time64(arrow::datatypes::TimeUnit::Microsecond)), None);
    }

    #[test]
    fn files_with_other_columns_are_refused_by_name() {
        let first = file("a", &[("x", "s64"), ("y", "utf8")]);
        let reason = |other| match agree(&[first.clone(), other], None) {
            Err(SourceError::Schema { file, reason }) => format!("{file}: {reason}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(file("b", &[("x", "s64")])), "b: it has no column `y`");
        assert_eq!(reason(file("b", &[("x", "f64"), ("y", "utf8")])), "b: column `x` is `f64`, not `s64`");
        assert_eq!(
            reason(file("b", &[("x", "s64"), ("y", "utf8"), ("z", "utf8")])),
            "b: it has a column `z`, which the first file does not have"
        );
        assert_eq!(reason(file("b", &[("x", "s64"), ("y", "utf8"), ("x", "s64")])), "b: it has several columns `x`");
    }

    #[test]
    fn a_column_is_nullable_when_it_is_in_any_file() {
        let files = [file("a", &[("x", "s64"), ("y", "utf8")]), file("b", &[("y", "utf8?"), ("x", "s64")])];
        assert_eq!(agree(&files, None).expect("the same columns"), schema(&[("x", "s64"), ("y", "utf8?")]));
    }

    #[test]
    fn a_column_of_nulls_alone_has_the_type_that_it_has_elsewhere() {
        let nulls = |name: &str| -> (Arc<str>, SchemaRef) {
            (Arc::from(name), Arc::new(Schema::new(vec![Field::new("x", DataType::Null, true)])))
        };
        let typed = file("b", &[("x", "s64")]);
        for files in [[nulls("a"), typed.clone()], [typed.clone(), nulls("c")]] {
            assert_eq!(agree(&files, None).expect("they agree"), schema(&[("x", "s64?")]));
        }
        let alone = agree(&[nulls("a")], None).expect("it has a type");
        assert_eq!(alone, schema(&[("x", "utf8?")]));
        let declared = schema(&[("x", "decimal(9, 2)?")]);
        assert_eq!(agree(&[nulls("a")], Some(&declared)).expect("nulls are of any type"), declared);
        let rows = RecordBatch::try_from_iter([("x", Arc::new(arrow::array::NullArray::new(3)) as ArrayRef)]);
        let rows = rows.expect("one column");
        for source in [alone, declared] {
            let projection = Projection::new(&source, &["x".into()], "f", OnBadRow::Reject).expect("known columns");
            let Decoded { rows, rejected } = projection.assemble(&rows, "f", 0).expect("nulls are read");
            assert_eq!((rows.num_rows(), rows.column(0).null_count(), rejected.len()), (3, 3, 0));
            assert_eq!(rows.column(0).data_type(), source.field(0).data_type());
        }
    }

    #[test]
    fn declared_columns_may_be_fewer_than_the_files() {
        let files = [file("a", &[("x", "s64?"), ("y", "list<s64?>?"), ("z", "utf8")])];
        let declared = schema(&[("y", "list<s64>"), ("x", "s64")]);
        assert_eq!(agree(&files, Some(&declared)).expect("it has them"), declared);
        assert!(agree(&files, Some(&schema(&[("x", "s32")]))).is_err());
        assert!(agree(&files, Some(&schema(&[("w", "s64")]))).is_err());
    }

    #[test]
    fn batches_have_the_asked_columns_in_the_asked_order() {
        let source = schema(&[("n", "s64?"), ("word", "utf8?"), ("view", "utf8")]);
        let words: DictionaryArray<Int8Type> = [Some("a"), None, Some("a")].into_iter().collect();
        let rows = RecordBatch::try_from_iter([
            ("n", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef),
            ("word", Arc::new(words)),
            ("view", Arc::new(StringViewArray::from(vec!["p", "q", "a string longer than a view"]))),
        ])
        .expect("equal lengths");
        let columns = ["view", "_offset", "word", "_file"].map(String::from);
        let projection = Projection::new(&source, &columns, "f", OnBadRow::Reject).expect("known columns");
        let batch = projection.assemble(&rows, "f", 10).expect("it fits").rows;
        assert_eq!(batch.schema().fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), columns);
        let views = ["p", "q", "a string longer than a view"].map(Some);
        assert_eq!(batch.column(0).as_ref(), &StringArray::from(views.to_vec()));
        assert_eq!(batch.column(1).as_ref(), &UInt64Array::from(vec![10, 11, 12]));
        assert_eq!(batch.column(2).as_ref(), &StringArray::from(vec![Some("a"), None, Some("a")]));
        assert_eq!(batch.column(3).as_ref(), &StringArray::from(vec!["f", "f", "f"]));
        assert_eq!(projection.positions(&source, "f").expect("all there"), [1, 2]);
    }

    #[test]
    fn a_null_in_a_column_declared_without_them_costs_its_row_alone() {
        let source = schema(&[("n", "s64"), ("m", "utf8"), ("free", "s64?")]);
        let rows = RecordBatch::try_from_iter_with_nullable([
            ("n", Arc::new(Int64Array::from(vec![Some(1), None, None, Some(4)])) as ArrayRef, true),
            ("m", Arc::new(StringArray::from(vec![None, Some("b"), None, Some("d")])), true),
            ("free", Arc::new(Int64Array::from(vec![None::<i64>; 4])), true),
        ])
        .expect("equal lengths");
        let columns = ["n", "_offset", "free", "m"].map(String::from);
        let project = |on_bad_row| {
            let projection = Projection::new(&source, &columns, "f", on_bad_row).expect("known columns");
            projection.assemble(&rows, "f", 100)
        };
        let Decoded { rows, rejected } = project(OnBadRow::Reject).expect("bad rows are no errors");
        assert_eq!(rows.num_rows(), 1);
        assert_eq!(rows.column(0).as_ref(), &Int64Array::from(vec![4]));
        assert_eq!(rows.column(1).as_ref(), &UInt64Array::from(vec![103]));
        let reasons: Vec<_> = rejected.iter().map(|bad| (bad.offset, bad.reason.as_str())).collect();
        let (n, m) = (
            "column `n` is null, and s64 has no nulls (`s64?` has)",
            "column `m` is null, and utf8 has no nulls (`utf8?` has)",
        );
        assert_eq!(reasons, [(100, m), (101, n), (102, n)]);
        let error = project(OnBadRow::Fail).expect_err("a bad row");
        assert_eq!(error.to_string(), format!("bad row in f at row 100: {m}"));
    }

    #[test]
    fn columns_that_cannot_cross_are_refused_only_when_they_are_asked_for() {
        let fields = vec![Field::new("t", DataType::Time32(arrow::datatypes::TimeUnit::Second), false)];
        let source = agree(&[("f".into(), Arc::new(Schema::new(fields)))], None).expect("a schema");
        let error = Projection::new(&source, &["t".into()], "f", OnBadRow::Reject).expect_err("no such type");
        assert!(error.to_string().contains("column `t` is of type Time32(s)"), "{error}");
        assert!(Projection::new(&source, &[], "f", OnBadRow::Reject).is_ok());
        assert!(matches!(
            Projection::new(&source, &["u".into()], "f", OnBadRow::Reject),
            Err(SourceError::NoColumn { .. })
        ));
    }
}
