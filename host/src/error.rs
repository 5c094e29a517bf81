//! The codes of all errors that a user can meet.
//!
//! A code is for ever: it is what people search for, and `docs/errors/PELTON-NNNN.md` explains it
//! (a test holds the two against each other). An error type of a module says which code each of its cases has, and
//! what to do next, through [`Coded`].

use std::fmt;

use serde_json::{Value, json};

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $number:literal, $title:literal;)*) => {
        /// What went wrong, as a number that never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])* $name,)* }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            pub fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// One line: the page's title.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    // 01xx: the job file and the plan
    JobSyntax = 101, "the job file is not TOML";
    UnknownKey = 102, "unknown key";
    MissingKey = 103, "a key is missing";
    WrongValue = 104, "a value has the wrong type or is out of range";
    UnknownName = 105, "an input names nothing in the job";
    Cycle = 106, "operators form a cycle";
    ColumnMismatch = 107, "columns do not fit";
    NoSink = 108, "the job has no sink, or an output goes nowhere";
    DuplicateName = 109, "two things have the same name";
    JobUnreadable = 110, "the job file cannot be read";
    ModuleRefused = 111, "the module's `open` refused its input or options";
    UnknownEnv = 112, "an environment variable is not set";
    BadOverride = 113, "`--set` cannot be applied";
    EdgeMode = 114, "an input's rows are changes that its reader does not take";
    NotRetractable = 115, "a module cannot take rows back";
    Endless = 116, "a sort has an input without an end";
    EndpointUnusable = 117, "an endpoint cannot be asked";

    // 02xx: sources
    SourceMissing = 201, "no file matches the source's path";
    SourceUnreadable = 202, "a source cannot be read";
    BadRow = 203, "a row cannot be decoded";
    SchemaInference = 204, "the schema cannot be inferred";
    SchemaMismatch = 205, "a file does not have the columns that the source declares";
    SourceListen = 206, "a source cannot listen where it should";
    SourceBusy = 207, "a source takes no more rows for now";

    // 03xx: modules
    ModuleUnreadable = 301, "a module cannot be read";
    NotAModule = 302, "a file is not a WebAssembly component";
    WrongWorld = 303, "a component does not export an operator of pelton:operator@0.1.0";
    ForbiddenImport = 304, "a component imports something that no module may use";
    ModuleTooLarge = 305, "a module is larger than its limit";
    BadContract = 306, "a contract breaks a law";
    Trap = 307, "a module trapped";
    LimitHit = 308, "a module hit a limit";
    InvalidAnswer = 309, "a module's answer breaks a law";
    ModuleFailed = 310, "a module said that it cannot go on";
    CompileFailed = 311, "a module cannot be compiled";

    // 04xx: sinks
    SinkExists = 401, "the sink's directory holds parts of an earlier run";
    SinkUnwritable = 402, "a sink cannot write";
    SinkUnsupported = 403, "a format cannot hold a column's type";
    SinkBusy = 404, "the sink's directory is in use by another writer";
    SinkUnreachable = 405, "a sink's server cannot be used";
    SinkTable = 406, "a sink's table does not fit";
    SinkRowRefused = 407, "a row does not fit into a sink's table";
    SinkMarker = 408, "a sink's marker is not the one that the job left";

    // 05xx: the run
    RunFailed = 501, "the job failed";
    NotReplayable = 502, "a job with a checkpoint has a source that cannot be read again";
    JobChanged = 503, "the job cannot go on where it was";
    NotAFunction = 504, "an epoch, computed again, came to something else";
    StateUnreadable = 505, "the saved state of an operator cannot be used";
    ChangeRefused = 506, "a running job cannot change in this way";
    TooMuchPoison = 507, "a module fails on too many rows";
    NotRetained = 508, "an epoch cannot be computed again";
    StateNotShown = 509, "state cannot be shown as it was asked for";
    NoSuchRow = 510, "a row cannot be traced as it was asked for";

    // 06xx: the command line
    BadConfig = 601, "pelton.toml or a PELTON_ variable is wrong";

    // 07xx: checkpoints
    CheckpointUnwritable = 701, "a checkpoint cannot be written or read";
    CheckpointBusy = 702, "another process has the job";
    CheckpointDamaged = 703, "a checkpoint is damaged";
    CheckpointNewer = 704, "a checkpoint was written by a newer Pelton";
    CheckpointMissing = 705, "a directory holds no checkpoints";
    BundleUnusable = 706, "a bundle cannot be used or made";
    CheckpointUnusable = 707, "no checkpoint can be kept at a place";
    SavepointUnusable = 708, "a savepoint is damaged, or cannot be made";
    SavepointUnfit = 709, "a savepoint does not fit the job";
    SavepointUnknown = 710, "there is no such savepoint, or there is one already";
    RestoreUnfinished = 711, "a savepoint was being restored into a checkpoint";

    // 08xx: the engine
    EngineUnreachable = 801, "no engine answers";
    Unauthorised = 802, "a token is missing or unknown";
    Forbidden = 803, "a token's role does not allow it";
    NotFound = 804, "the engine knows no such thing";
    Conflict = 805, "it cannot be done as things are";
    BadRequest = 806, "a request cannot be understood";
    TooLarge = 807, "a request is too large";
    EngineBusy = 808, "another engine has the data directory";
    DataUnusable = 809, "the data directory cannot be used";
    ListenRefused = 810, "the engine cannot listen there";

    // 09xx: the author's tools
    ProjectUnreadable = 901, "a directory is no module's project";
    NameTaken = 902, "a new module cannot be put there";
    ToolMissing = 903, "a tool that builds modules is missing";
    BuildFailed = 904, "a module cannot be built";
    CaseUnreadable = 905, "a golden case cannot be used";
    CaseDiffers = 906, "a golden case gives another answer";
    LawBroken = 907, "a module breaks a law";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PELTON-{:04}", self.number())
    }
}

impl Code {
    /// The code of a text such as `PELTON-0804`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.to_string() == text)
    }
}

/// An error that a user can meet. `Display` is one sentence about what happened to which thing.
pub trait Coded: std::error::Error + Send + Sync + 'static {
    fn code(&self) -> Code;

    /// What to do next.
    fn help(&self) -> Option<String>;
}

/// An error for machines: `{"errors": [{code, message, causes, help, labels}]}`, as mistakes of a job have it.
pub fn to_json(error: &dyn Coded) -> Value {
    json!({ "errors": [{
        "code": error.code().to_string(),
        "message": error.to_string(),
        "causes": causes(error),
        "help": error.help(),
        "labels": [],
    }] })
}

/// What stands behind an error, the nearest first.
pub fn causes(error: &dyn Coded) -> Vec<String> {
    let first: Option<&dyn std::error::Error> = error.source();
    let causes = std::iter::successors(first, |error| error.source()).map(ToString::to_string);
    // A limit of the host's own has no backtrace of a guest; others say again what stands before them.
    let mut said = error.to_string();
    let mut is_news = |cause: &String| {
        let is_news = !cause.is_empty() && !said.ends_with(cause.as_str());
        said.clone_from(cause);
        is_news
    };
    causes.filter(|cause| is_news(cause)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_ordered() {
        assert!(Code::ALL.is_sorted_by(|a, b| a.number() < b.number()));
    }
}
