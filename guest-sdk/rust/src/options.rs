//! A module's options: the `options = { … }` of its operator in the job file, as a struct.
//!
//! `#[derive(Options)]` implements [`Options`]; the host hands the options over as a JSON object. Messages are for the
//! owner of the job, who wrote the option.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::nearest;

/// All options of a module. Implemented by `#[derive(Options)]`, and by [`NoOptions`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the options of a module",
    label = "not options",
    note = "the options are a struct that names them: put `#[derive(Options)]` on it and take it as `options: &{Self}`"
)]
pub trait Options: Sized {
    fn read(options: &Map<String, Value>) -> Result<Self, String>;
    fn write(&self) -> Map<String, Value>;
}

/// A type that an option can have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an option",
    label = "not a type of option",
    note = "an option is bool, an integer, f32, f64, String, Vec<T>, Option<T>, BTreeMap<String, T>, or a struct with `#[derive(Options)]`"
)]
pub trait OptionValue: Sized {
    /// What it must be, with its article: completes "option `x` must be …".
    fn expected() -> String;
    /// None if it is not what is expected; an error if it is, but something in it is wrong.
    fn read(value: &Value) -> Option<Result<Self, String>>;
    fn write(&self) -> Value;

    /// What an option that is not given is; none if it must be given.
    fn absent() -> Option<Self> {
        None
    }
}

/// A transform without options.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoOptions;

impl Options for NoOptions {
    fn read(options: &Map<String, Value>) -> Result<Self, String> {
        match options.keys().next() {
            None => Ok(Self),
            Some(name) => Err(format!("there is no option `{name}`: this module has no options")),
        }
    }

    fn write(&self) -> Map<String, Value> {
        Map::new()
    }
}

/// Reads the options of `open`.
pub fn parse<O: Options>(json: &str) -> Result<O, String> {
    let json = if json.trim().is_empty() { "{}" } else { json };
    match serde_json::from_str(json) {
        Ok(Value::Object(options)) => O::read(&options),
        Ok(other) => Err(format!("the options must be a table of names and values, not {other}")),
        Err(error) => Err(format!("the options are not JSON: {error}")),
    }
}

/// Reads options of which some were taken out.
pub fn from_map<O: Options>(options: &Map<String, Value>) -> Result<O, String> {
    O::read(options)
}

/// Refuses options that the module does not have.
pub fn check_names(options: &Map<String, Value>, names: &[&str]) -> Result<(), String> {
    match options.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(format!("there is no option `{name}`: {}", nearest::suggest(name, names.iter().copied()))),
    }
}

/// Reads one option; `default` makes its value when it is not given.
pub fn field<T: OptionValue>(
    options: &Map<String, Value>,
    name: &str,
    default: impl FnOnce() -> Option<T>,
) -> Result<T, String> {
    match options.get(name) {
        None => default()
            .or_else(T::absent)
            .ok_or_else(|| format!("option `{name}` is missing: it must be {}", T::expected())),
        Some(value) => match T::read(value) {
            None => Err(format!("option `{name}` must be {}, not {value}", T::expected())),
            Some(read) => read.map_err(|why| format!("in option `{name}`: {why}")),
        },
    }
}

impl<O: Options> OptionValue for O {
    fn expected() -> String {
        "a table".to_owned()
    }

    fn read(value: &Value) -> Option<Result<Self, String>> {
        value.as_object().map(O::read)
    }

    fn write(&self) -> Value {
        Value::Object(O::write(self))
    }
}

impl OptionValue for bool {
    fn expected() -> String {
        "true or false".to_owned()
    }

    fn read(value: &Value) -> Option<Result<Self, String>> {
        value.as_bool().map(Ok)
    }

    fn write(&self) -> Value {
        Value::Bool(*self)
    }
}

impl OptionValue for String {
    fn expected() -> String {
        "a string".to_owned()
    }

    fn read(value: &Value) -> Option<Result<Self, String>> {
        value.as_str().map(|text| Ok(text.to_owned()))
    }

    fn write(&self) -> Value {
        Value::String(self.clone())
    }
}

impl OptionValue for f64 {
    fn expected() -> String {
        "a number".to_owned()
    }

    fn read(value: &Value) -> Option<Result<Self, String>> {
        value.as_f64().map(Ok)
    }

    fn write(&self) -> Value {
        (*self).into()
    }
}

impl OptionValue for f32 {
    fn expected() -> String {
        f64::expected()
    }

    fn read(value: &Value) -> Option<Result<Self, String>> {
        value.as_f64().map(|number| Ok(number as Self))
    }

    fn write(&self) -> Value {
        (*self).into()
    }
}

macro_rules! integer {
    ($($type:ident)*) => {$(
        impl OptionValue for $type {
            fn expected() -> String {
                format!("an integer from {} to {}", Self::MIN, Self::MAX)
            }

            fn read(value: &Value) -> Option<Result<Self, String>> {
                let number = value.as_i64().map(i128::from).or(value.as_u64().map(i128::from))?;
                Self::try_from(number).ok().map(Ok)
            }

            fn write(&self) -> Value {
                (*self).into()
            }
        }
    )*};
}

integer!(i8 i16 i32 i64 u8 u16 u32 u64 usize);

impl<T: OptionValue> OptionValue for Option<T> {
    fn expected() -> String {
        T::expected()
    }

    fn read(value: &Value) -> Option<Result<Self, String>> {
        if value.is_null() { Some(Ok(None)) } else { Some(T::read(value)?.map(Some)) }
    }

    fn write(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::write)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: OptionValue> OptionValue for Vec<T> {
    fn expected() -> String {
        format!("a list in which each is {}", T::expected())
    }

    fn read(value: &Value) -> Option<Result<Self, String>> {
        value.as_array()?.iter().map(T::read).collect()
    }

    fn write(&self) -> Value {
        self.iter().map(T::write).collect()
    }
}

impl<T: OptionValue> OptionValue for BTreeMap<String, T> {
    fn expected() -> String {
        format!("a table in which each value is {}", T::expected())
    }

    fn read(value: &Value) -> Option<Result<Self, String>> {
        value.as_object()?.iter().map(|(name, value)| Some(T::read(value)?.map(|read| (name.clone(), read)))).collect()
    }

    fn write(&self) -> Value {
        Value::Object(self.iter().map(|(name, value)| (name.clone(), value.write())).collect())
    }
}
