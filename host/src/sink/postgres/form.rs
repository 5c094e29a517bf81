//! Which columns of a server take which types, and in which form.
//!
//! | ours | made as | goes into |
//! |---|---|---|
//! | `bool` | boolean | boolean |
//! | `s8` `s16` `u8` / `s32` `u16` / `s64` `u32` / `u64` | smallint / integer / bigint / numeric(20) | every integer type (each value is checked), numeric; up to 32 bits also double precision |
//! | `f32` / `f64` | real / double precision | that, and `f32` double precision |
//! | `utf8` | text | text, varchar, char, citext, enums, json, jsonb, uuid |
//! | `binary` | bytea | bytea |
//! | `date` | date | date |
//! | `timestamp[…]` / with a zone | timestamp / timestamptz | both; zoneless times are UTC |
//! | `decimal(p, s)` | numeric(p, s) | numeric |
//! | lists, structs | jsonb | jsonb, json, text |
//!
//! Called when the job begins, with what the server says of its table. Invariant: a value goes in as it is or not at all; only the nanoseconds of
//! times are cut off.

use arrow::datatypes::DataType;
use tokio_postgres::types::Type;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    /// UTF-8 as it is; so many characters at most.
    Text {
        chars_max: Option<usize>,
    },
    Json,
    Jsonb,
    Uuid,
    Bytea,
    Date,
    Timestamp,
}

/// The type of a server's column.
#[derive(Debug, Clone)]
pub struct ServerType {
    /// Of a domain, that of what it is a domain of.
    pub oid: u32,
    /// `citext`
    pub name: String,
    pub is_enum: bool,
    /// As `varchar(20)` has it; -1: none.
    pub modifier: i32,
    /// As people write it.
    pub shown: String,
}

/// The type of a column that is made for ours. None: there is none.
pub fn made_for(data_type: &DataType) -> Option<String> {
    let name = match data_type {
        DataType::Boolean => "boolean",
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "smallint",
        DataType::Int32 | DataType::UInt16 => "integer",
        DataType::Int64 | DataType::UInt32 => "bigint",
        DataType::UInt64 => "numeric(20)",
        DataType::Float32 => "real",
        DataType::Float64 => "double precision",
        DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "bytea",
        DataType::Date32 => "date",
        DataType::Timestamp(_, None) => "timestamp",
        DataType::Timestamp(_, Some(_)) => "timestamptz",
        DataType::Decimal128(precision, scale) => return Some(format!("numeric({precision}, {scale})")),
        DataType::List(_) | DataType::LargeList(_) | DataType::Struct(_) => "jsonb",
        _ => return None,
    };
    Some(name.to_owned())
}

/// The form in which values of ours go into a column, or what they would go into.
pub fn find(ours: &DataType, server: &ServerType) -> Result<Form, &'static str> {
    let to = Type::from_oid(server.oid).unwrap_or(Type::UNKNOWN);
    let is_small = matches!(
        ours,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 | DataType::UInt32
    );
    let (form, fitting) = match ours {
        DataType::Null => (null(&to), "columns of every common type"),
        DataType::Boolean => ((to == Type::BOOL).then_some(Form::Bool), "boolean"),
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64 => {
            let form = integer(&to).or((is_small && to == Type::FLOAT8).then_some(Form::Float8));
            (form, if is_small { "integers, numeric and double precision" } else { "integers and numeric" })
        }
        DataType::Float32 => (float(&to), "real and double precision"),
        DataType::Float64 => ((to == Type::FLOAT8).then_some(Form::Float8), "double precision"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            (text(&to, server), "text, varchar, char, citext, enums, json, jsonb and uuid")
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            ((to == Type::BYTEA).then_some(Form::Bytea), "bytea")
        }
        DataType::Date32 => ((to == Type::DATE).then_some(Form::Date), "date"),
        DataType::Timestamp(..) => {
            let is_time = to == Type::TIMESTAMP || to == Type::TIMESTAMPTZ;
            (is_time.then_some(Form::Timestamp), "timestamp and timestamptz")
        }
        DataType::Decimal128(..) => ((to == Type::NUMERIC).then_some(Form::Numeric), "numeric"),
        DataType::List(_) | DataType::LargeList(_) | DataType::Struct(_) => (nested(&to), "jsonb, json and text"),
        _ => (None, "no column"),
    };
    form.ok_or(fitting)
}

fn integer(to: &Type) -> Option<Form> {
    match *to {
        Type::INT2 => Some(Form::Int2),
        Type::INT4 => Some(Form::Int4),
        Type::INT8 => Some(Form::Int8),
        Type::NUMERIC => Some(Form::Numeric),
        _ => None,
    }
}

fn float(to: &Type) -> Option<Form> {
    match *to {
        Type::FLOAT4 => Some(Form::Float4),
        Type::FLOAT8 => Some(Form::Float8),
        _ => None,
    }
}

fn text(to: &Type, server: &ServerType) -> Option<Form> {
    // Of `varchar(20)` it is 24.
    let chars_max = usize::try_from(server.modifier - 4).ok().filter(|_| server.modifier > 4);
    match *to {
        Type::TEXT => Some(Form::Text { chars_max: None }),
        Type::VARCHAR | Type::BPCHAR => Some(Form::Text { chars_max }),
        Type::JSON => Some(Form::Json),
        Type::JSONB => Some(Form::Jsonb),
        Type::UUID => Some(Form::Uuid),
        _ if server.is_enum || server.name == "citext" => Some(Form::Text { chars_max: None }),
        _ => None,
    }
}

fn nested(to: &Type) -> Option<Form> {
    match *to {
        Type::JSONB => Some(Form::Jsonb),
        Type::JSON | Type::TEXT => Some(Form::Json),
        _ => None,
    }
}

/// Nothing but nulls: which form does not matter.
fn null(to: &Type) -> Option<Form> {
    (*to != Type::UNKNOWN).then_some(Form::Text { chars_max: None })
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;

    fn server(of: &Type, modifier: i32) -> ServerType {
        let name = of.name().to_owned();
        ServerType { oid: of.oid(), shown: name.clone(), name, is_enum: false, modifier }
    }

    #[test]
    fn values_go_where_nothing_of_them_is_lost() {
        let form = |ours: &DataType, to: &Type| find(ours, &server(to, -1));
        assert_eq!(form(&DataType::Int64, &Type::INT4), Ok(Form::Int4));
        assert_eq!(form(&DataType::UInt64, &Type::NUMERIC), Ok(Form::Numeric));
        assert_eq!(form(&DataType::UInt32, &Type::FLOAT8), Ok(Form::Float8));
        assert!(form(&DataType::Int64, &Type::FLOAT8).is_err(), "it would lose digits");
        assert!(form(&DataType::Float64, &Type::FLOAT4).is_err(), "it would lose digits");
        assert!(form(&DataType::Float64, &Type::NUMERIC).is_err());
        assert_eq!(form(&DataType::Timestamp(TimeUnit::Second, None), &Type::TIMESTAMPTZ), Ok(Form::Timestamp));
        assert!(form(&DataType::Timestamp(TimeUnit::Second, None), &Type::DATE).is_err());
        assert_eq!(find(&DataType::Utf8, &server(&Type::VARCHAR, 24)), Ok(Form::Text { chars_max: Some(20) }));
        assert_eq!(form(&DataType::Utf8, &Type::VARCHAR), Ok(Form::Text { chars_max: None }));
        assert!(form(&DataType::Utf8, &Type::INET).is_err());
    }

    #[test]
    fn what_is_made_for_a_type_takes_it() {
        let made = [
            (DataType::Boolean, Type::BOOL),
            (DataType::UInt8, Type::INT2),
            (DataType::UInt16, Type::INT4),
            (DataType::UInt32, Type::INT8),
            (DataType::UInt64, Type::NUMERIC),
            (DataType::Float32, Type::FLOAT4),
            (DataType::Date32, Type::DATE),
            (DataType::Decimal128(18, 4), Type::NUMERIC),
            (DataType::Binary, Type::BYTEA),
        ];
        for (ours, to) in made {
            assert!(made_for(&ours).is_some() && find(&ours, &server(&to, -1)).is_ok(), "{ours}");
        }
        assert_eq!(made_for(&DataType::Decimal128(18, 4)).as_deref(), Some("numeric(18, 4)"));
    }
}
