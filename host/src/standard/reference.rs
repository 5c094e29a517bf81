//! A reference to a shipped module: `std:NAME`, or `std:NAME(argument, …, name = argument)`.
//!
//! An argument is a bare word or number, or text in single or double quotes. Which of them it may be is the
//! catalog's to say: [`Call::options`] makes options of them. Of a function that takes an expression, all that stands in the
//! brackets is that expression.

use serde_json::{Map, Value};

use super::{
    PREFIX, StdError,
    catalog::{Argument, Function, Kind},
};

/// More come from no one's typing.
const ARGUMENTS_MAX: usize = 100;

/// A reference, taken apart.
#[derive(Debug)]
pub struct Call<'a> {
    pub name: &'a str,
    reference: &'a str,
    /// What stands in the brackets.
    inside: Option<&'a str>,
}

#[derive(Debug)]
struct Given {
    name: Option<String>,
    value: Token,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A name, a number, true or false.
    Bare(String),
    Quoted(String),
}

pub fn parse(reference: &str) -> Result<Call<'_>, StdError> {
    let syntax = |why: String| StdError::Syntax(why);
    let text = reference.strip_prefix(PREFIX).unwrap_or(reference);
    let (name, arguments) = match text.split_once('(') {
        None if text.contains(')') => return Err(syntax(format!("`{reference}` has a `)` without a `(`"))),
        None => (text, None),
        Some((name, rest)) => match rest.trim_end().strip_suffix(')') {
            Some(inside) => (name, Some(inside)),
            None => return Err(syntax(format!("`{reference}` has no `)` at its end"))),
        },
    };
    if name.is_empty() {
        return Err(syntax(format!("`{reference}` names no module")));
    }
    Ok(Call { name, reference, inside: arguments.map(str::trim).filter(|inside| !inside.is_empty()) })
}

fn arguments_of(inside: &str) -> Result<Vec<Given>, String> {
    let mut arguments: Vec<Given> = Vec::new();
    for part in split(inside, ',')? {
        if arguments.len() == ARGUMENTS_MAX {
            return Err(format!("there are more than {ARGUMENTS_MAX} arguments"));
        }
        let mut sides = split(part, '=')?.into_iter();
        let (left, right) = (sides.next().unwrap_or_default().trim(), sides.next().map(str::trim));
        let given = match right {
            None if arguments.last().is_some_and(|last| last.name.is_some()) => {
                return Err(format!("`{left}` has no name, but follows arguments that have"));
            }
            None => Given { name: None, value: token(left)? },
            Some(_) if sides.next().is_some() => return Err(format!("`{}` has two `=`", part.trim())),
            Some(value) => match token(left)? {
                Token::Bare(name) => Given { name: Some(name), value: token(value)? },
                Token::Quoted(name) => return Err(format!("`{name}` before a `=` is in quotes")),
            },
        };
        arguments.push(given);
    }
    Ok(arguments)
}

/// Cuts at `separator` outside of quotes.
fn split(text: &str, separator: char) -> Result<Vec<&str>, String> {
    let mut parts = Vec::new();
    let mut quote = None;
    let mut start = 0;
    for (at, letter) in text.char_indices() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None if letter == '\'' || letter == '"' => quote = Some(letter),
            None if letter == separator => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + letter.len_utf8();
            }
            None => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    if quote.is_some() { Err("a quote is not closed".to_owned()) } else { Ok(parts) }
}

fn token(text: &str) -> Result<Token, String> {
    if text.is_empty() {
        return Err("an argument is empty".to_owned());
    }
    for quote in ['\'', '"'] {
        if let Some(inside) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            // Text in the other kind of quotes may hold this one, but not end and begin again.
            if !inside.contains(quote) {
                return Ok(Token::Quoted(inside.to_owned()));
            }
        }
    }
    if text.chars().all(|letter| letter.is_alphanumeric() || "_-.+".contains(letter)) {
        return Ok(Token::Bare(text.to_owned()));
    }
    Err(format!("`{text}` is no argument; a column with such a name is written in quotes"))
}

impl Call<'_> {
    /// The arguments as options of `function`.
    pub fn options(&self, function: &'static Function) -> Result<Map<String, Value>, StdError> {
        let mut options = Map::new();
        let Some(inside) = self.inside else { return Ok(options) };
        if let Some(expression) = function.expression() {
            options.insert(expression.name.to_owned(), inside.into());
            return Ok(options);
        }
        let arguments =
            arguments_of(inside).map_err(|why| StdError::Syntax(format!("in `{}`: {why}", self.reference)))?;
        let mut places = function.arguments.iter().filter(|argument| argument.has_place);
        let mut rest = None;
        for given in &arguments {
            let argument = match &given.name {
                Some(name) => function
                    .arguments
                    .iter()
                    .find(|argument| argument.name == name)
                    .ok_or_else(|| StdError::no_argument(function, name))?,
                // The last place may take all that is left.
                None => match rest.or_else(|| places.next()) {
                    Some(argument) => argument,
                    None => return Err(StdError::TooMany { function }),
                },
            };
            let value = given.value.read(argument, function)?;
            if given.name.is_none() && argument.is_list() {
                rest = Some(argument);
            }
            match options.get_mut(argument.name) {
                Some(Value::Array(list)) if argument.is_list() => list.push(value),
                Some(_) => return Err(StdError::Twice { function, argument: argument.name.to_owned() }),
                None => {
                    let value = if argument.is_list() { Value::Array(vec![value]) } else { value };
                    options.insert(argument.name.to_owned(), value);
                }
            }
        }
        Ok(options)
    }
}

impl Token {
    fn read(&self, argument: &'static Argument, function: &'static Function) -> Result<Value, StdError> {
        let (Self::Bare(text) | Self::Quoted(text)) = self;
        let is_bare = matches!(self, Self::Bare(_));
        let value = match argument.kind {
            // A number is more likely a slip than a column's name; quotes make it one.
            Kind::Column | Kind::Columns => {
                Some(text.as_str()).filter(|text| !is_bare || text.parse::<f64>().is_err()).map(Value::from)
            }
            Kind::Number | Kind::Numbers => {
                text.parse::<f64>().ok().filter(|number| is_bare && number.is_finite()).map(Value::from)
            }
            Kind::Integer => text.parse::<u64>().ok().filter(|_| is_bare).map(Value::from),
            Kind::Bool => text.parse::<bool>().ok().filter(|_| is_bare).map(Value::from),
            Kind::Text => Some(Value::from(text.as_str())),
            // An expression without a place, and a table, are the job's options'.
            Kind::Expression | Kind::Table(_) => None,
        };
        value.ok_or_else(|| StdError::WrongType {
            function,
            argument: argument.name,
            expected: argument.kind.expected(),
            found: text.clone(),
        })
    }
}
