//! The command line: what people type, and what they see.
//!
//! Each command has its file. Results go to standard output, messages to standard error; `--output json` makes both
//! machine-readable. The exit code says how it ended ([`Exit`]).

mod build;
mod check;
mod checkpoint;
mod client;
mod compile;
pub mod config;
mod dlq;
mod excerpt;
mod inspect;
mod job;
mod kept;
mod lint;
mod logs;
mod module;
mod new;
mod plan;
mod replay;
pub mod report;
mod run;
mod savepoint;
mod serve;
mod shadow;
mod state;
mod swap;
mod tap;
mod terminal;
mod test;
mod time;
mod token;
mod top;
mod trace;
mod verify;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use pelton_core::job::Overrides;

use self::{
    config::{ColorChoice, Config, Flags, OutputMode},
    terminal::Terminal,
};
use crate::{error::Coded, job::diagnostic::Diagnostics, telemetry::Traces};

/// Below the options of commands that run jobs.
const TRACES_HELP: &str = "With OTEL_EXPORTER_OTLP_ENDPOINT in the environment, each epoch is a trace for that \
                           OpenTelemetry collector (OTLP over HTTP); OTEL_SERVICE_NAME and the others of its specification hold too.";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    /// The job failed.
    Failed = 1,
    /// Wrong usage, or a wrong job file.
    Usage = 2,
    /// By the engine; or a module or a plan that cannot be used.
    Refused = 3,
    /// Ended by Ctrl-C or SIGTERM, cleanly.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A stream processor whose operators are sandboxed WebAssembly components.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    global: GlobalFlags,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  pelton run examples/to-euro/job.toml        run a job until its input ends
  pelton plan job.toml --format mermaid       draw it
  pelton lint job.toml                        every mistake at its line and column
  pelton inspect to_euro.wasm                 what a module is and wants
  pelton serve                                the engine: many jobs, pushed modules, an HTTP interface
  pelton job submit job.toml                  hand it a job

Exit codes: 0 done, 1 the job failed, 2 wrong usage or job file, 3 refused, 130 interrupted.";

#[derive(Debug, Args)]
struct GlobalFlags {
    /// What output is for: people or machines.
    #[arg(long, global = true, value_name = "FORMAT", value_parser = ["text", "json"])]
    output: Option<String>,
    /// Colours: as the terminal can, always, or never.
    #[arg(long, global = true, value_name = "WHEN", value_parser = ["auto", "always", "never"])]
    color: Option<String>,
    /// What is logged: off, error, warn, info, debug or trace, or a filter such as `warn,pelton=debug`.
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    /// Where compiled modules are kept.
    #[arg(long, global = true, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// The engine that commands speak to.
    #[arg(long, global = true, value_name = "URL")]
    engine: Option<String>,
    /// The certificates (PEM) of the authorities that vouch for an engine that speaks TLS.
    #[arg(long, global = true, value_name = "FILE")]
    engine_ca: Option<PathBuf>,
    /// What the engine knows you by. Other users of the machine see flags: PELTON_TOKEN and pelton.toml are safer.
    #[arg(long, global = true, value_name = "TOKEN")]
    token: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a job here until its input ends, or Ctrl-C.
    #[command(after_help = "Example:\n  pelton run job.toml --set operator.to-euro.options.rate=0.9 --output json")]
    Run(run::RunArgs),
    /// Show a job: its graph, the columns on every edge, what its modules import.
    #[command(after_help = "Example:\n  pelton plan job.toml --format svg > job.svg")]
    Plan(plan::PlanArgs),
    /// Report every mistake in a job file at its line and column.
    #[command(after_help = "Example:\n  pelton lint job.toml --output json")]
    Lint(JobArgs),
    /// Show what a module is: its interfaces, size and digest, and its contract for given columns.
    #[command(
        after_help = "Example:\n  pelton inspect to_euro.wasm --columns 'auction: s64, price: f64' --options '{\"rate\": 0.9}'"
    )]
    Inspect(inspect::InspectArgs),
    /// Run the engine: many jobs, a registry of modules, an HTTP interface.
    #[command(
        after_help = "Example:\n  pelton serve --data engine --listen 127.0.0.1:7117\n\ndocs/engine.md shows the rest."
    )]
    Serve(serve::ServeArgs),
    /// Make a project for a module of your own.
    #[command(after_help = "Example:\n  pelton new to-euro --lang python")]
    New(new::NewArgs),
    /// Build a project's module, with the tools of its language.
    #[command(after_help = "Example:\n  pelton build to-euro")]
    Build(build::BuildArgs),
    /// Build a project and run its golden cases.
    #[command(after_help = "Example:\n  pelton test to-euro --bless")]
    Test(test::TestArgs),
    /// Try the laws of the contract on a module, with rows that are made up.
    #[command(
        after_help = "Example:\n  pelton check to-euro/to-euro.wasm --columns 'auction: s64, price: f64?' --options '{\"rate\": 0.9}'"
    )]
    Check(check::CheckArgs),
    /// The engine's jobs: submit, look, pause, resume, stop; the schema of job files.
    #[command(subcommand, after_help = "Example:\n  pelton job submit job.toml")]
    Job(job::JobCommand),
    /// Show what a job of the engine says.
    #[command(after_help = "Example:\n  pelton logs hot-items --follow --level warn")]
    Logs(logs::LogsArgs),
    /// Show rows that leave an operator or a source of a job at the moment.
    #[command(
        after_help = "Example:\n  pelton tap hot-items to-euro --rows 20\n  pelton tap hot-items bids.rejected --follow"
    )]
    Tap(tap::TapArgs),
    /// Watch what the engine's jobs do: rows a second, busy time, lag, state, traps.
    #[command(after_help = "Example:\n  pelton top\n  pelton top hot-items --sort busy\n  pelton top --once")]
    Top(top::TopArgs),
    /// Look at the state of a job's operators, as it was committed: keys, windows, rows that wait; or write it to a file.
    #[command(
        subcommand,
        after_help = "Example:\n  pelton state list visits\n  pelton state get visits per-user ada\n  pelton state export job.toml per-user --to state.parquet\n\ndocs/looking-in.md tells the whole story."
    )]
    State(state::StateCommand),
    /// Put another module into an operator's place while its job runs; tried as a shadow or a canary first, if you like.
    #[command(
        after_help = "Example:\n  pelton swap prices price prices@2.0.0 --dry-run\n  pelton swap prices price prices@2.0.0 --shadow 50\n  pelton swap prices price prices@2.0.0 --canary 1/8\n  pelton promote prices\n\ndocs/swap.md tells the whole story."
    )]
    Swap(swap::SwapArgs),
    /// Have a shadow or a canary take its operator's place.
    #[command(after_help = "Example:\n  pelton promote prices --watch 5m")]
    Promote(swap::PromoteArgs),
    /// Take the last change of a job back.
    #[command(after_help = "Example:\n  pelton rollback prices")]
    Rollback(swap::ChangedJobArgs),
    /// Show every revision of a job: what made it, who, and when.
    #[command(after_help = "Example:\n  pelton history prices")]
    History(swap::ChangedJobArgs),
    /// Show what the shadows and canaries of a job have shown so far.
    #[command(after_help = "Example:\n  pelton shadow prices")]
    Shadow(swap::ChangedJobArgs),
    /// Compute a committed epoch again: bit for bit, or with another module; here, beside the job, or from a bundle.
    #[command(
        after_help = "Example:\n  pelton replay job.toml --epoch 1207\n  pelton replay job.toml --epoch 1207 --with price=mended.wasm --diff\n  pelton replay prices --epoch 1207 --save 1207.bundle\n  pelton replay --bundle 1207.bundle --with price=mended.wasm --diff\n\ndocs/replay.md tells the whole story. Exit code 1: it came to something else."
    )]
    Replay(replay::ReplayArgs),
    /// Compute committed epochs again with fresh instances, and name the operator that is not a function.
    #[command(
        after_help = "Example:\n  pelton verify job.toml --all\n\nExit code 1: some epoch came to something else."
    )]
    Verify(verify::VerifyArgs),
    /// Follow a row of a sink back: through the operators that made it, to the file, offset and line where it was read.
    #[command(
        after_help = "Example:\n  pelton trace job.toml --row auction=17 --row euro=11.35\n  pelton trace job.toml --part out/part-00003.csv --line 17\n  pelton trace hot-items --sink out --row auction=17 --epoch 1207\n\nThe row's epoch is computed again, so it must be kept (`replay = { retain = \"24h\" }`) and its input still there. Through transforms each row is followed by itself; of windows, keyed operators and joins those rows are shown that have the row's key, window or values, also of earlier epochs as far as `--back` goes. docs/trace.md says what is not seen. Exit code 1: there is no such row."
    )]
    Trace(trace::TraceArgs),
    /// Modules that jobs can name: the engine's, and those that come with Pelton.
    #[command(subcommand, after_help = "Example:\n  pelton module push to_euro.wasm --name to-euro --version 1.2.0")]
    Module(module::ModuleCommand),
    /// Who may ask an engine for what.
    #[command(subcommand, after_help = "Example:\n  pelton token create ci --role operate")]
    Token(token::TokenCommand),
    /// Dead letters: rows on which a job's modules failed. Look at them, put them in again, or forget them.
    #[command(subcommand, after_help = "Example:\n  pelton dlq list prices\n  pelton dlq list state --offline")]
    Dlq(dlq::DlqCommand),
    /// Savepoints: one epoch of a job, kept by name; to go back to, to move, or to go on from with other partitions.
    #[command(
        subcommand,
        after_help = "Example:\n  pelton savepoint create job.toml --name before-2.0\n  pelton savepoint restore job.toml before-2.0 --dry-run\n\ndocs/savepoints.md tells the whole story."
    )]
    Savepoint(savepoint::SavepointCommand),
    /// About checkpoint directories: what jobs have committed.
    #[command(subcommand, after_help = "Example:\n  pelton checkpoint verify state")]
    Checkpoint(checkpoint::CheckpointCommand),
    #[command(hide = true)]
    CompileModule(compile::CompileArgs),
    /// Show each setting and where it came from.
    #[command(after_help = "Example:\n  PELTON_THREADS=2 pelton config")]
    Config,
}

/// A job file, and what replaces parts of it.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// The job file (TOML); docs/job-file.md has every key.
    #[arg(value_name = "JOB")]
    job: PathBuf,
    /// Replace a value of the job file; may be given again.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_override)]
    overrides: Vec<(String, String)>,
}

impl JobArgs {
    fn overrides(&self) -> Overrides {
        self.overrides.iter().cloned().collect::<BTreeMap<_, _>>()
    }
}

fn parse_override(text: &str) -> Result<(String, String), String> {
    let (path, value) = text.split_once('=').ok_or("it has the form PATH=VALUE, such as batch.rows=4096")?;
    Ok((path.trim().to_owned(), value.trim().to_owned()))
}

/// What a command works with.
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) terminal: Terminal,
}

impl Context {
    pub(crate) fn is_json(&self) -> bool {
        self.config.output.value == OutputMode::Json
    }

    /// Shows mistakes of a job file; answers with how the command ends.
    pub(crate) fn mistakes(&self, mistakes: &Diagnostics) -> Exit {
        if self.is_json() {
            self.terminal.line(&report::to_json(mistakes).to_string());
        } else {
            self.terminal.message(&report::render(mistakes, self.terminal.style));
        }
        Exit::Usage
    }

    /// The way to a collector, as the environment has it; says what is wrong with that.
    pub(crate) fn traces(&self) -> Result<Option<Traces>, Exit> {
        Traces::from_env().map_err(|error| {
            self.terminal.message(&error.to_string());
            Exit::Usage
        })
    }

    /// Shows an error.
    pub(crate) fn error(&self, error: &dyn Coded) {
        if self.is_json() {
            self.terminal.line(&report::error_to_json(error).to_string());
        } else {
            self.terminal.message(&report::render_error(error, self.terminal.style));
        }
    }
}

/// Parses the arguments of this process and carries them out.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let flags = match cli.global.flags(&cli.command) {
        Ok(flags) => flags,
        Err(exit) => return exit.into(),
    };
    let fallback = Terminal::new(flags.color.unwrap_or_default());
    let config = match Config::load(flags) {
        Ok(config) => config,
        Err(mistakes) => {
            fallback.message(&report::render(&mistakes, fallback.style));
            return Exit::Usage.into();
        }
    };
    let terminal = Terminal::new(config.color.value);
    terminal.start_log(&config);
    let context = Context { config, terminal };
    match cli.command {
        Command::Run(args) => run::run(&context, &args),
        Command::Plan(args) => plan::plan(&context, &args),
        Command::Lint(args) => lint::lint(&context, &args),
        Command::Inspect(args) => inspect::inspect(&context, &args),
        Command::Serve(args) => serve::serve(&context, &args),
        Command::New(args) => new::new(&context, &args),
        Command::Build(args) => build::build(&context, &args),
        Command::Check(args) => check::check(&context, &args),
        Command::Test(args) => test::test(&context, &args),
        Command::Job(command) => job::job(&context, &command),
        Command::Logs(args) => logs::logs(&context, &args),
        Command::Tap(args) => tap::tap(&context, &args),
        Command::Top(args) => top::top(&context, &args),
        Command::State(command) => state::state(&context, &command),
        Command::Swap(args) => swap::swap(&context, &args),
        Command::Promote(args) => swap::promote(&context, &args),
        Command::Rollback(args) => swap::rollback(&context, &args),
        Command::History(args) => swap::history(&context, &args),
        Command::Shadow(args) => swap::show_shadow(&context, &args),
        Command::Replay(args) => replay::replay(&context, &args),
        Command::Verify(args) => verify::verify(&context, &args),
        Command::Trace(args) => trace::trace(&context, &args),
        Command::Token(command) => token::token(&context, &command),
        Command::Module(command) => module::module(&context, &command),
        Command::Dlq(command) => dlq::dlq(&context, &command),
        Command::Savepoint(command) => savepoint::savepoint(&context, &command),
        Command::Checkpoint(command) => checkpoint::checkpoint(&context, &command),
        Command::CompileModule(args) => compile::compile(&context, &args),
        Command::Config => config_command(&context),
    }
    .into()
}

impl GlobalFlags {
    fn flags(&self, command: &Command) -> Result<Flags, Exit> {
        let threads = match command {
            Command::Run(args) => args.threads(),
            Command::Replay(args) => args.threads(),
            Command::Verify(args) => args.threads(),
            Command::Trace(args) => args.threads(),
            _ => None,
        };
        let data_dir = match command {
            Command::Serve(args) => args.data.data.clone(),
            Command::Token(command) => command.data().data.clone(),
            _ => None,
        };
        Ok(Flags {
            threads,
            engine: self.engine.clone(),
            engine_ca: self.engine_ca.clone(),
            token: self.token.clone(),
            data_dir,
            cache_dir: self.cache_dir.clone(),
            log: self.log.clone(),
            color: self.color.as_deref().map(|color| match color {
                "always" => ColorChoice::Always,
                "never" => ColorChoice::Never,
                _ => ColorChoice::Auto,
            }),
            output: self
                .output
                .as_deref()
                .map(|output| if output == "json" { OutputMode::Json } else { OutputMode::Text }),
        })
    }
}

fn config_command(context: &Context) -> Exit {
    if context.is_json() {
        context.terminal.line(&context.config.to_json().to_string());
        return Exit::Done;
    }
    let mut table = terminal::plain_table();
    table.set_header(["setting", "value", "from"]);
    for row in context.config.rows() {
        table.add_row(row);
    }
    context.terminal.line(&table.to_string());
    Exit::Done
}
