//! The server's table: found, made if the job file says so, and compared with the sink's columns before the job begins.
//!
//! Names are taken as they are written, so that `Orders` is not `orders`: whatever is sent to the server is quoted. Invariant: a [`Layout`] exists only
//! of a table that takes the sink's columns and, for upserts, has the constraint that they need.

use std::fmt;

use arrow::datatypes::{Field, Schema};
use pelton_core::{job::SqlMode, types};
use tokio_postgres::{Client, error::SqlState, types::Type};

use super::{
    PostgresError,
    error::TableFault,
    form::{Form, ServerType, find, made_for},
    session::Failed,
};

/// `TABLE` or `SCHEMA.TABLE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    schema: Option<String>,
    name: String,
}

/// What each column of the sink becomes.
#[derive(Debug)]
pub struct Layout {
    pub columns: Vec<Column>,
}

#[derive(Debug)]
pub struct Column {
    pub name: String,
    pub form: Form,
    /// Nulls are refused.
    pub is_required: bool,
    pub is_key: bool,
}

impl Column {
    pub fn null_reason(&self) -> &'static str {
        if self.is_key { "it is null, and it is part of the key" } else { "it is null, and must not be null" }
    }
}

/// A name as SQL has it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl TableName {
    /// `key`: of the job file, for messages.
    pub fn parse(key: &'static str, text: &str) -> Result<Self, PostgresError> {
        let wrong = |reason: &str| PostgresError::Option { key, reason: reason.to_owned() };
        let parts: Vec<&str> = text.split('.').collect();
        let (schema, name) = match parts.as_slice() {
            [name] => (None, *name),
            [schema, name] => (Some((*schema).to_owned()), *name),
            _ => return Err(wrong("a table is `TABLE` or `SCHEMA.TABLE`")),
        };
        if name.is_empty() || schema.as_deref() == Some("") || text.contains('\0') {
            return Err(wrong("a table is `TABLE` or `SCHEMA.TABLE`"));
        }
        Ok(Self { schema, name: name.to_owned() })
    }

    /// As SQL has it.
    pub fn quoted(&self) -> String {
        let schema = self.schema.as_deref().map(|schema| format!("{}.", quoted(schema))).unwrap_or_default();
        format!("{schema}{}", quoted(&self.name))
    }

    fn fault(&self, fault: TableFault) -> Failed {
        PostgresError::Table { table: self.to_string(), fault }.into()
    }

    /// The server's number of the table. None: there is no such table.
    pub async fn find(&self, client: &Client) -> Result<Option<u32>, tokio_postgres::Error> {
        let found = client
            .query_typed_one("SELECT pg_catalog.to_regclass($1)::pg_catalog.oid", &[(&self.quoted(), Type::TEXT)])
            .await?;
        found.try_get(0)
    }

    /// Makes the table unless it is there, by what follows its name in SQL.
    pub async fn make(&self, client: &Client, definition: &str) -> Result<(), tokio_postgres::Error> {
        if self.find(client).await?.is_some() {
            return Ok(());
        }
        let made = client.batch_execute(&format!("CREATE TABLE IF NOT EXISTS {} {definition}", self.quoted())).await;
        match made {
            // Somebody else makes it at this moment.
            Err(error) if error.code().is_some_and(is_race) => Ok(()),
            other => other,
        }
    }
}

fn is_race(state: &SqlState) -> bool {
    [SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT].contains(state)
}

/// As people write it.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schema = self.schema.as_deref().map(|schema| format!("{schema}.")).unwrap_or_default();
        write!(f, "{schema}{}", self.name)
    }
}

/// What follows the name of a table that is made for a sink.
pub fn definition(schema: &Schema, mode: &SqlMode) -> String {
    let column = |field: &Field| {
        let made = made_for(field.data_type()).expect("types without one are refused when the sink is opened");
        format!("{} {made}", quoted(field.name()))
    };
    let mut parts: Vec<String> = schema.fields().iter().map(|field| column(field)).collect();
    if let SqlMode::Upsert { key } = mode {
        parts.push(format!("PRIMARY KEY ({})", list(key)));
    }
    format!("({})", parts.join(", "))
}

/// `"a", "b"`
pub fn list<T: AsRef<str>>(names: &[T]) -> String {
    names.iter().map(|name| quoted(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// A column as the server has it.
struct Found {
    name: String,
    server: ServerType,
    is_required: bool,
    has_default: bool,
    is_generated: bool,
}

/// Of a domain, the type that it is a domain of.
const COLUMNS: &str = "SELECT a.attname::text, b.oid, b.typname::text, b.typtype = 'e', \
     CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END, \
     pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull OR t.typnotnull, \
     a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL, a.attgenerated <> '' OR a.attidentity = 'a' \
     FROM pg_catalog.pg_attribute a \
     JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
     JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END \
     WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

/// The columns of every index that makes them unique, at once and for all rows.
const UNIQUE: &str = "SELECT pg_catalog.array_agg(a.attname::text) \
     FROM pg_catalog.pg_index i, pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k(attnum, place), \
     pg_catalog.pg_attribute a \
     WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL \
     AND i.indexprs IS NULL AND k.place <= i.indnkeyatts AND a.attrelid = i.indrelid AND a.attnum = k.attnum \
     GROUP BY i.indexrelid";

/// Looks at the table, and answers what the sink's columns become.
pub async fn look(client: &Client, table: &TableName, schema: &Schema, mode: &SqlMode) -> Result<Layout, Failed> {
    let oid = table.find(client).await?.ok_or_else(|| table.fault(TableFault::Missing))?;
    let mut found = Vec::new();
    for row in client.query_typed(COLUMNS, &[(&oid, Type::OID)]).await? {
        found.push(Found {
            name: row.try_get(0)?,
            server: ServerType {
                oid: row.try_get(1)?,
                name: row.try_get(2)?,
                is_enum: row.try_get(3)?,
                modifier: row.try_get(4)?,
                shown: row.try_get(5)?,
            },
            is_required: row.try_get(6)?,
            has_default: row.try_get(7)?,
            is_generated: row.try_get(8)?,
        });
    }
    let key = match mode {
        SqlMode::Insert => [].as_slice(),
        SqlMode::Upsert { key } => key.as_slice(),
    };
    let columns = fit(&found, schema, key).map_err(|fault| table.fault(fault))?;
    if !key.is_empty() {
        let mut wanted = key.to_vec();
        wanted.sort_unstable();
        let mut is_unique = false;
        for row in client.query_typed(UNIQUE, &[(&oid, Type::OID)]).await? {
            let mut unique: Vec<String> = row.try_get(0)?;
            unique.sort_unstable();
            is_unique |= unique == wanted;
        }
        if !is_unique {
            return Err(table.fault(TableFault::NoUnique { columns: key.join(", ") }));
        }
    }
    Ok(Layout { columns })
}

/// What each column of `schema` becomes in a table with the columns `found`.
fn fit(found: &[Found], schema: &Schema, key: &[String]) -> Result<Vec<Column>, TableFault> {
    let mut columns = Vec::new();
    for field in schema.fields() {
        let column = field.name().clone();
        let Some(there) = found.iter().find(|found| found.name == column) else {
            return Err(TableFault::NoColumn { column });
        };
        if there.is_generated {
            return Err(TableFault::Generated { column });
        }
        let form = find(field.data_type(), &there.server).map_err(|fitting| TableFault::Type {
            column: column.clone(),
            server: there.server.shown.clone(),
            own: types::name(field.data_type()),
            fitting,
        })?;
        let is_key = key.contains(&column);
        columns.push(Column { is_required: there.is_required || is_key, is_key, form, name: column });
    }
    let is_ours = |found: &&Found| schema.fields().iter().any(|field| *field.name() == found.name);
    let left = found.iter().filter(|found| !is_ours(found));
    match left.into_iter().find(|found| found.is_required && !found.has_default && !found.is_generated) {
        Some(required) => Err(TableFault::Required { column: required.name.clone() }),
        None => Ok(columns),
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;

    fn found(name: &str, of: &Type) -> Found {
        let shown = of.name().to_owned();
        let server = ServerType { oid: of.oid(), name: shown.clone(), is_enum: false, modifier: -1, shown };
        Found { name: name.into(), server, is_required: false, has_default: false, is_generated: false }
    }

    #[test]
    fn names_are_quoted_as_they_are_written() {
        let table = TableName::parse("table", "Shop.my \"orders\"").unwrap();
        assert_eq!(table.quoted(), "\"Shop\".\"my \"\"orders\"\"\"");
        assert_eq!(table.to_string(), "Shop.my \"orders\"");
        for wrong in ["", "a.b.c", ".t", "s."] {
            assert!(TableName::parse("table", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_table_is_made_with_its_key() {
        let schema =
            Schema::new(vec![Field::new("id", DataType::UInt64, false), Field::new("a name", DataType::Utf8, true)]);
        let upsert = SqlMode::Upsert { key: vec!["id".into()] };
        let made = definition(&schema, &upsert);
        assert_eq!(made, "(\"id\" numeric(20), \"a name\" text, PRIMARY KEY (\"id\"))");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let schema = Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("s", DataType::Utf8, true)]);
        let (id, text) = (found("id", &Type::INT8), found("s", &Type::TEXT));
        let fault = |found: &[Found]| fit(found, &schema, &[]).map(|_| ()).unwrap_err().to_string();
        assert_eq!(fault(&[found("id", &Type::INT8)]), "has no column `s`");
        let wrong = [found("id", &Type::INT8), found("s", &Type::BOOL)];
        assert_eq!(fault(&wrong), "has a column `s` of type bool, which utf8 does not go into");
        let more = [
            found("id", &Type::INT8),
            found("s", &Type::TEXT),
            Found { is_required: true, ..found("at", &Type::DATE) },
        ];
        assert!(fault(&more).contains("`at` that must not be null"));
        let made = [Found { is_generated: true, ..found("id", &Type::INT8) }, found("s", &Type::TEXT)];
        assert!(fault(&made).contains("`id` itself"));
        let columns = fit(&[id, text], &schema, &["id".to_owned()]).unwrap();
        assert_eq!(columns.iter().map(|column| column.is_required).collect::<Vec<_>>(), [true, false]);
    }
}
