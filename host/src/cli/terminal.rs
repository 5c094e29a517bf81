//! Standard output and standard error: the only place that writes to them.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex},
};

use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{LevelFilter, Targets},
    fmt::MakeWriter,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use super::{
    config::{ColorChoice, Config, OutputMode},
    report::Style,
};
use crate::{
    log::Heard,
    sink::print::{PrintStyle, PrintTarget},
};

pub(crate) struct Terminal {
    pub(crate) style: Style,
    /// What is said on standard error of a job, for the job's own log.
    pub(crate) heard: Heard,
}

impl Terminal {
    pub(crate) fn new(color: ColorChoice) -> Self {
        Self { style: Style::of_stderr(color), heard: Heard::default() }
    }

    /// A result, with a newline. A reader that has gone away (`pelton plan | head`) is not an error.
    pub(crate) fn line(&self, text: &str) {
        let _ = writeln!(io::stdout().lock(), "{}", text.trim_end_matches('\n'));
    }

    /// A message for people, with a newline.
    pub(crate) fn message(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{}", text.trim_end_matches('\n'));
    }

    /// Asks a question on the terminal; without one the answer is no.
    pub(crate) fn confirm(&self, question: &str) -> bool {
        if !io::stdin().is_terminal() || !self.is_interactive() {
            return false;
        }
        let _ = write!(io::stderr().lock(), "{question} [y/N] ");
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    }

    /// A progress line can be drawn.
    pub(crate) fn is_interactive(&self) -> bool {
        io::stderr().is_terminal()
    }

    pub(crate) fn start_log(&self, config: &Config) {
        let filter = EnvFilter::try_new(&config.log.value).unwrap_or_else(|_| EnvFilter::new("warn"));
        let lines = tracing_subscriber::fmt::layer().with_writer(Stderr).with_ansi(self.style.color);
        let lines = match config.output.value {
            OutputMode::Json => lines.json().boxed(),
            OutputMode::Text => lines.with_target(false).boxed(),
        };
        // A job's own log has its warnings whatever is said here.
        let heard = self.heard.clone().with_filter(Targets::new().with_target("pelton", LevelFilter::WARN));
        let started = tracing_subscriber::registry().with(lines.with_filter(filter)).with(heard).try_init();
        // Only the second start in one process fails, and then the first one serves.
        drop(started);
    }

    /// Where print sinks print.
    pub(crate) fn print_target(&self, output: OutputMode) -> PrintTarget {
        let style = match output {
            OutputMode::Json => PrintStyle::Json,
            OutputMode::Text => PrintStyle::Table { width: table_width() },
        };
        PrintTarget { style, output: Arc::new(Mutex::new(io::stdout())) }
    }
}

struct Stderr;

/// Columns for tables of rows: the terminal's; else `$COLUMNS`, or more than most have.
fn table_width() -> u16 {
    const ELSEWHERE: u16 = 160;
    const LEAST: u16 = 40;
    let terminal = rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col);
    let variable = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal.filter(|columns| *columns > 0).or_else(variable).unwrap_or(ELSEWHERE).max(LEAST)
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = io::Stderr;

    fn make_writer(&'a self) -> Self::Writer {
        io::stderr()
    }
}

/// `1 row`, `2,000 rows`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", indicatif::HumanCount(count), if count == 1 { "" } else { "s" })
}

/// Columns side by side, without lines.
pub(crate) fn plain_table() -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table
}
