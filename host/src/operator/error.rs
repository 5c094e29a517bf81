//! The codes of what can go wrong with a module, and what to do about each.

use pelton_core::{contract::ContractError, limits::LimitName};
use pelton_wasm::{CallError, LoadError};

use crate::{
    error::{Code, Coded},
    nearest::nearest,
};

impl Coded for LoadError {
    fn code(&self) -> Code {
        match self {
            Self::NotWasm | Self::Precompiled | Self::Text(_) | Self::Invalid(_) => Code::NotAModule,
            Self::TooLarge { .. } | Self::Resources { .. } => Code::ModuleTooLarge,
            Self::NoOperator { .. } | Self::SeveralKinds { .. } => Code::WrongWorld,
            Self::Import(_) => Code::ForbiddenImport,
            Self::Compile(_) | Self::Runtime(_) => Code::CompileFailed,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::NotWasm => "build the module for wasm32-unknown-unknown; examples/README.md shows how".into(),
            Self::Precompiled => "give the module as its toolchain made it (.wasm or .wat)".into(),
            Self::Text(_) | Self::Invalid(_) => "build the module again; `pelton inspect` shows what it holds".into(),
            Self::TooLarge { .. } => "build it smaller (`strip`, `opt-level`), or raise `limits.module-bytes`".into(),
            Self::Resources { .. } => "build it to need less, or raise `limits.memory-bytes`".into(),
            Self::NoOperator { .. } => {
                "export one of the interfaces of pelton:operator@0.1.0; an SDK does it for you".into()
            }
            Self::SeveralKinds { .. } => "build one module for each kind of operator".into(),
            Self::Import(_) => {
                "a module reaches nothing but `log` and an inert WASI; build it without that import".into()
            }
            Self::Compile(_) => {
                "build it without features of WebAssembly that Pelton leaves off, and without enormous functions".into()
            }
            Self::Runtime(_) => return None,
        })
    }
}

impl Coded for CallError {
    fn code(&self) -> Code {
        match self {
            Self::Trap { .. } | Self::Instantiate(_) => Code::Trap,
            Self::Limit { .. } => Code::LimitHit,
            Self::Invalid { .. } => Code::InvalidAnswer,
            Self::Contract(ContractError::NotAccepted { .. }) => Code::EdgeMode,
            Self::Contract(_) | Self::ContractChanged | Self::NoTables(_) | Self::NoRetract => Code::BadContract,
            Self::Refused(_) => Code::ModuleRefused,
            Self::Failed(_) | Self::Retry(_) => Code::ModuleFailed,
            Self::Fetch(_) => Code::EndpointUnusable,
            Self::NotRecorded { .. } => Code::NotAFunction,
            Self::Kind { .. } => Code::WrongWorld,
            Self::Undecided { .. } => Code::LimitHit,
            Self::NotIsolated { error, .. } | Self::Migrate { error, .. } => error.code(),
            Self::NoMigrate => Code::BadContract,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::Trap { call: "open", .. } => {
                "mend the module's `open`: it should refuse what does not fit, with a reason, instead of trapping"
                    .into()
            }
            Self::Trap { .. } | Self::Instantiate(_) => {
                "mend the module, or let it reject the row with a reason instead of trapping".into()
            }
            Self::Limit { name, .. } => match name {
                LimitName::CallTime => "look for a loop that does not end, or raise `limits.call-time`".into(),
                name => format!("use less, or raise `limits.{name}` of the operator"),
            },
            Self::Invalid { call: "ask", .. } => {
                "let `ask` look at what rows say before it asks for it, and `answer` reject those that it cannot ask for".into()
            }
            Self::Invalid { .. } => "mend what it answers, or build it with the newest SDK; wit/types.wit has the law".into(),
            Self::Contract(ContractError::NoColumn { .. }) => {
                "give the operator an input with that column, or mend the module's `open`".into()
            }
            Self::Contract(ContractError::NoTable { table, have }) => {
                match nearest(table, have.iter().map(String::as_str)) {
                    Some(near) => format!("did the module mean `{near}`? Give the table the name that it asks for"),
                    None => format!("offer the operator a table of that name: `[table.{table}]` in the job file"),
                }
            }
            Self::NoRetract => {
                "export `retractable` beside the aggregate; an SDK does it for a type with `retract`".into()
            }
            Self::NoTables(_) => "export `tables` beside the operator; an SDK does it for you".into(),
            Self::Contract(_) => "mend the module's `open`; wit/types.wit has the laws of contracts".into(),
            Self::NoMigrate => {
                "export `migrate` beside the operator, for state of another version; an SDK does it for you".into()
            }
            Self::Migrate { .. } => {
                "mend the module's `migrate`, and swap to it again; until then the job can go on with the module before"
                    .into()
            }
            Self::ContractChanged => "`open` must depend on its arguments alone".into(),
            Self::Kind { want, .. } => {
                format!("use a module that exports {want}; `pelton inspect` shows a module's kind")
            }
            Self::Refused(_) => "mend the options or the input of this operator; the reason is the module's own".into(),
            Self::Undecided { .. } => {
                "mend the module, whose instructions take so long; or raise `limits.call-time`".into()
            }
            Self::NotIsolated { error, .. } => return error.help(),
            Self::Retry(_) => "look at the endpoint; or raise its `retries`, or let the module reject the rows".into(),
            Self::Fetch(_) => {
                "mend the endpoint in the job file, or give its secrets to the process that runs the job".into()
            }
            Self::NotRecorded { .. } => {
                "what `ask` asks for must depend on its rows and options alone; `pelton verify` says which epochs are right"
                    .into()
            }
            Self::Failed(_) => "mend the input that it names; the reason is the module's own".into(),
        })
    }
}
