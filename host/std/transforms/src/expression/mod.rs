//! Expressions: `price > 100 and channel != 'x'`. docs/expressions.md has the language.
//!
//! ```text
//! text ─► token ─► parse (a tree) ─► bind (columns, types, constants) ─► node ─► evaluate
//! ```
//!
//! All of it but evaluation happens when a job is planned; a [`Mistake`] says where the text is wrong and what to do.

mod bind;
mod coerce;
pub mod functions;
mod mistake;
mod node;
mod parse;
mod syntax;
mod token;

use self::parse::parse;
pub use self::{
    bind::{Binder, is_utc},
    coerce::cast_to,
    mistake::Mistake,
    node::{Node, Operation},
    syntax::{Arithmetic, Comparison},
};

/// Reads and binds the expression in option `option`. The error is a sentence for the owner of the job.
pub fn compile(binder: &mut Binder<'_>, text: &str, option: &str) -> Result<Node, String> {
    let explain = |mistake: Mistake| mistake.explain(option, text);
    let expression = parse(text).map_err(explain)?;
    binder.bind(&expression, text).map_err(explain)
}

/// The column that an expression is no more than.
pub fn column_name(text: &str) -> Option<String> {
    match parse(text).ok()?.form {
        syntax::Form::Column(name) => Some(name),
        _ => None,
    }
}
