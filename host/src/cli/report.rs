//! Errors as people and machines see them: with the source around them, or as JSON.
//!
//! Every command ends here when it fails. What comes from outside (names, lines of a file, reasons of a module) is
//! stripped of control characters first, so that no file can drive the terminal.

use std::{fmt, io::IsTerminal, ops::Range};

use super::{config::ColorChoice, excerpt::Excerpt};
pub use crate::{error::to_json as error_to_json, job::diagnostic::json::to_json};
use crate::{
    error::{Code, Coded, causes},
    job::{
        diagnostic::{Diagnostic, Diagnostics, SourceText, plain},
        file::reader::MISTAKES_MAX,
    },
};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode, ThemeCharacters, ThemeStyles,
};

/// How reports are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    pub color: bool,
    /// Lines and crosses from beyond ASCII.
    pub unicode: bool,
    /// Columns.
    pub width: usize,
}

impl Style {
    /// For messages, in a file or a test.
    pub const PLAIN: Self = Self { color: false, unicode: true, width: 100 };

    /// What standard error can show.
    pub fn of_stderr(color: ColorChoice) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let columns = rustix::termios::tcgetwinsize(std::io::stderr()).ok().map(|size| usize::from(size.ws_col));
        Self::choose(color, terminal, columns, &|name| std::env::var(name).ok())
    }

    fn choose(
        color: ColorChoice,
        terminal: bool,
        columns: Option<usize>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        let color = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !dumb && set("NO_COLOR").is_none(),
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_lowercase();
        let unicode = !dumb && (locale.contains("utf-8") || locale.contains("utf8"));
        let width = if unicode { columns.unwrap_or(Self::PLAIN.width).clamp(60, 120) } else { 80 };
        Self { color, unicode, width }
    }

    fn handler(self) -> GraphicalReportHandler {
        let theme = GraphicalTheme {
            characters: if self.unicode { ThemeCharacters::unicode() } else { ThemeCharacters::ascii() },
            styles: if self.color { ThemeStyles::ansi() } else { ThemeStyles::none() },
        };
        GraphicalReportHandler::new_themed(theme)
            .with_width(self.width)
            .with_context_lines(1)
            .without_syntax_highlighting()
            // Keys and codes have hyphens: a break there would spoil them.
            .with_word_splitter(textwrap::WordSplitter::NoHyphenation)
    }
}

/// Mistakes shown at once; the rest are counted.
const SHOWN_MAX: usize = 50;

/// All mistakes with the lines that they are in, and how many there are.
pub fn render(diagnostics: &Diagnostics, style: Style) -> String {
    let shown = diagnostics.list.iter().take(SHOWN_MAX);
    let mut text: String = shown.map(|one| draw(&Report::of_diagnostic(one, diagnostics), style) + "\n").collect();
    match diagnostics.list.len() {
        0 | 1 => {}
        count => {
            let more = if count >= MISTAKES_MAX { "at least " } else { "" };
            text += &format!("{more}{count} mistakes in {}", clean(diagnostics.sources.main_name()));
            if count > SHOWN_MAX {
                text += &format!(", of which the first {SHOWN_MAX} are shown");
            }
            text.push('\n');
        }
    }
    text
}

/// One error with its causes.
pub fn render_error(error: &dyn Coded, style: Style) -> String {
    draw(&Report::of_error(error), style)
}

fn draw(report: &Report, style: Style) -> String {
    let mut text = String::new();
    // Only a source that cannot be read makes it fail; ours are strings and the places are within them.
    if style.handler().render_report(&mut text, report).is_err() {
        text = format!("  {report}\n");
    }
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Control characters as escapes, but for line breaks and tabs.
fn clean(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let keep = matches!(c, '\n' | '\t');
            keep.then_some(c).into_iter().chain((!keep).then(|| plain(c)).into_iter().flatten())
        })
        .collect()
}

/// What miette draws.
#[derive(Debug)]
struct Report {
    message: String,
    help: Option<String>,
    cause: Option<Cause>,
    source: Option<NamedSource<Excerpt>>,
    labels: Vec<LabeledSpan>,
}

/// The chain of causes, as text.
#[derive(Debug)]
struct Cause {
    message: String,
    next: Option<Box<Cause>>,
}

impl Report {
    fn of_diagnostic(diagnostic: &Diagnostic, all: &Diagnostics) -> Self {
        let mut report = Self::new(diagnostic.code, &diagnostic.message, diagnostic.help.as_deref());
        let Some((first, _)) = diagnostic.labels.first() else { return report };
        let Some((main, _)) = all.sources.locate(first) else { return report };
        let places = diagnostic.labels.iter().filter_map(|(place, label)| {
            let (source, range) = all.sources.locate(place)?;
            std::ptr::eq(source, main).then_some((range, label.as_str()))
        });
        report.point(main, places.collect());
        report
    }

    fn of_error(error: &dyn Coded) -> Self {
        let mut report = Self::new(error.code(), &error.to_string(), error.help().as_deref());
        report.cause = causes(error)
            .iter()
            .rev()
            .fold(None, |next, message| Some(Cause { message: clean(message), next: next.map(Box::new) }));
        report
    }

    /// The code stands where the eye ends: behind the help, or else behind the message.
    fn new(code: Code, message: &str, help: Option<&str>) -> Self {
        let message = clean(message);
        let (message, help) = match help {
            Some(help) => (message, Some(format!("{} ({code})", clean(help)))),
            None => (format!("{message} ({code})"), None),
        };
        Self { message, help, cause: None, source: None, labels: Vec::new() }
    }

    fn point(&mut self, source: &SourceText, places: Vec<(Range<usize>, &str)>) {
        let excerpt = Excerpt::new(source, &places.iter().map(|(place, _)| place.clone()).collect::<Vec<_>>());
        self.labels = places
            .iter()
            .filter_map(|(place, label)| Some(LabeledSpan::new_with_span(Some(clean(label)), excerpt.place(place)?)))
            .collect();
        self.source = Some(NamedSource::new(clean(&source.name), excerpt));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

impl miette::Diagnostic for Report {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty()).then(|| Box::new(self.labels.iter().cloned()) as _)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.next.as_deref().map(|next| next as _)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{job::diagnostic::Sources, source::SourceError};

    fn one(text: &str, place: Range<usize>) -> Diagnostics {
        let diagnostic = Diagnostic::new(Code::WrongValue, "it is wrong").at(place, "here").help("mend it");
        Diagnostics::new(Sources::new("job.toml", text), vec![diagnostic])
    }

    #[test]
    fn a_mistake_is_drawn_under_its_place() {
        let expected = "  × it is wrong
   ╭─[job.toml:2:5]
 2 │ b = 22
   ·     ─┬
   ·      ╰── here
   ╰────
  help: mend it (PELTON-0104)

";
        assert_eq!(render(&one("a = 1\nb = 22\n", 10..12), Style::PLAIN), expected);
        let ascii = render(&one("a = 1\nb = 22\n", 10..12), Style { unicode: false, ..Style::PLAIN });
        assert!(ascii.is_ascii(), "{ascii}");
        let colored = render(&one("a = 1\nb = 22\n", 10..12), Style { color: true, ..Style::PLAIN });
        assert!(colored.contains('\u{1b}'));
    }

    #[test]
    fn columns_count_characters() {
        let drawn = render(&one("a = \"äöü\", b = 5\n", 18..19), Style::PLAIN);
        assert!(drawn.contains("job.toml:1:16") && drawn.contains("   ·                ┬\n"), "{drawn}");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let text = "a = \u{1b}[2J 5";
        let drawn = render(&one(text, 9..10), Style::PLAIN);
        assert!(!drawn.contains('\u{1b}'), "{drawn}");
        assert!(drawn.contains("\\u{1b}[2J 5"), "{drawn}");
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("{}x{}", "ä".repeat(10_000), "b".repeat(10_000));
        let drawn = render(&one(&text, 20_000..20_001), Style::PLAIN);
        assert!(drawn.len() < 1_000, "{drawn}");
        assert!(drawn.contains("job.toml:1:10001]"), "{drawn}");
    }

    #[test]
    fn any_place_can_be_drawn() {
        for text in ["", "\n", "ä\n\nb", "\u{1b}\u{1b}\r\n"] {
            for start in 0..8 {
                for end in 0..10 {
                    let diagnostics = one(text, start..end);
                    assert!(render(&diagnostics, Style::PLAIN).contains("it is wrong"));
                    to_json(&diagnostics);
                }
            }
        }
    }

    #[test]
    fn json_has_lines_and_columns_of_characters() {
        let json = to_json(&one("a = 1\nä = 22\n", 11..13));
        let label = &json["errors"][0]["labels"][0];
        assert_eq!(
            *label,
            json!({ "file": "job.toml", "line": 2, "column": 5, "end_line": 2, "end_column": 7, "text": "here" })
        );
        assert_eq!(json["errors"][0]["code"], "PELTON-0104");
    }

    #[test]
    fn an_error_shows_its_causes_and_help() {
        let source = std::io::Error::other("disk on fire");
        let error = SourceError::Io { action: "open", file: "a.csv".into(), source };
        let drawn = render_error(&error, Style::PLAIN);
        let expected = "  × failed to open a.csv
  ╰─▶ disk on fire
  help: check that the file exists and may be read (PELTON-0202)
";
        assert_eq!(drawn, expected);
        assert_eq!(error_to_json(&error)["errors"][0]["causes"], json!(["disk on fire"]));
    }

    #[test]
    fn style_follows_the_terminal_and_the_environment() {
        let style = |color, terminal, set: &[(&str, &str)]| {
            Style::choose(color, terminal, Some(200), &|name| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let utf8 = ("LANG", "en_US.UTF-8");
        assert_eq!(style(ColorChoice::Auto, true, &[utf8]), Style { color: true, unicode: true, width: 120 });
        assert!(!style(ColorChoice::Auto, false, &[utf8]).color);
        assert!(!style(ColorChoice::Auto, true, &[("NO_COLOR", "1")]).color);
        assert!(style(ColorChoice::Auto, true, &[("NO_COLOR", "")]).color, "an empty NO_COLOR means nothing");
        assert!(style(ColorChoice::Always, false, &[("NO_COLOR", "1")]).color, "a flag is stronger");
        assert_eq!(
            style(ColorChoice::Never, true, &[("LC_ALL", "C"), utf8]),
            Style { color: false, unicode: false, width: 80 }
        );
    }
}
