//! `pelton token …`: who may ask an engine for what. On the engine's machine, in its data directory, also while it runs.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Context, Exit,
    serve::{DataArgs, data_dir},
    terminal::plain_table,
    time::shown_time,
};
use crate::{
    control::{
        ControlError,
        audit::Audit,
        tokens::{Role, Tokens},
    },
    error::Coded,
};

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token and print it: it cannot be seen again. With the first one the engine answers nobody without.
    #[command(after_help = "Example:\n  pelton token create ci --role operate")]
    Create(CreateArgs),
    /// List the tokens, without what they are.
    #[command(after_help = "Example:\n  pelton token list")]
    List(ListArgs),
    /// Revoke a token, at once.
    #[command(after_help = "Example:\n  pelton token revoke ci")]
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// What it is called in lists and in the audit log.
    #[arg(value_name = "NAME")]
    name: String,
    /// read: look at jobs and modules; operate: also push, submit, change, pause, resume, stop, drain,
    /// replay; admin: also remove.
    #[arg(long, value_name = "ROLE", default_value = "read", value_parser = ["read", "operate", "admin"])]
    role: String,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    data: DataArgs,
}

impl TokenCommand {
    pub(super) fn data(&self) -> &DataArgs {
        match self {
            Self::Create(CreateArgs { data, .. })
            | Self::List(ListArgs { data })
            | Self::Revoke(RevokeArgs { data, .. }) => data,
        }
    }
}

pub(super) fn token(context: &Context, command: &TokenCommand) -> Exit {
    let Ok(data) = data_dir(context) else { return Exit::Usage };
    let done = Tokens::open(&data).and_then(|tokens| match command {
        TokenCommand::Create(args) => {
            let role = Role::parse(&args.role).unwrap_or(Role::Read);
            let made = noted(&data, "token.create", &args.name, || tokens.create(&args.name, role))?;
            Ok((json!({ "name": args.name, "role": role, "token": made }), made))
        }
        TokenCommand::List(_) => list(&tokens),
        TokenCommand::Revoke(args) => {
            noted(&data, "token.revoke", &args.name, || tokens.revoke(&args.name))?;
            Ok((json!({ "revoked": args.name }), format!("token {} is revoked", args.name)))
        }
    });
    match done {
        Ok((json, text)) => {
            context.terminal.line(&if context.is_json() { json.to_string() } else { text });
            Exit::Done
        }
        Err(error) => {
            context.error(&error);
            Exit::Refused
        }
    }
}

fn list(tokens: &Tokens) -> Result<(Value, String), ControlError> {
    let tokens = tokens.list()?;
    let mut table = plain_table();
    table.set_header(["token", "role", "made"]);
    for token in &tokens {
        table.add_row([token.name.clone(), token.role.name().to_owned(), shown_time(token.created)]);
    }
    let one = |token: &crate::control::tokens::TokenInfo| json!({ "name": token.name, "role": token.role, "created": token.created });
    Ok((json!({ "tokens": tokens.iter().map(one).collect::<Vec<_>>() }), table.to_string()))
}

/// Carries a change out, and writes it down as the engine does.
fn noted<T>(
    data: &std::path::Path,
    what: &str,
    on: &str,
    work: impl FnOnce() -> Result<T, ControlError>,
) -> Result<T, ControlError> {
    let audit = Audit::open(data)?;
    let done = work();
    audit.note("pelton token", what, on, done.as_ref().err().map(|error| error as &dyn Coded));
    done
}
