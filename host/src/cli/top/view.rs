//! How samples are drawn: a list of jobs, or the operators of one. Columns are as wide as what is in them.
//!
//! Called by `top` for each frame, and for the one that `--once` prints. What comes from outside is shown without what a terminal would act on.

use indicatif::{HumanBytes, HumanCount};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};
use unicode_width::UnicodeWidthStr;

use super::sample::{JobSample, OperatorSample, Sample};
use crate::{
    cli::{terminal::counted, time::shown_time},
    job::diagnostic::plain,
};

/// What is looked at, and how.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) page: Page,
    pub(super) sort: Sort,
    /// The line of it, from the top.
    pub(super) selected: usize,
    /// Its address.
    pub(super) engine: String,
    /// Why there is nothing newer.
    pub(super) trouble: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Page {
    Jobs,
    /// Of the job of this name.
    Operators(String),
}

/// What lines are ordered by: names from the first, figures from the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Name,
    In,
    Out,
    Busy,
    State,
    Rejected,
}

impl Sort {
    const ALL: [(Self, char, &'static str); 6] = [
        (Self::Name, 'n', "name"),
        (Self::In, 'i', "in"),
        (Self::Out, 'o', "out"),
        (Self::Busy, 'b', "busy"),
        (Self::State, 's', "state"),
        (Self::Rejected, 'r', "rejected"),
    ];

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(_, _, name)| *name == text);
        known.map(|(sort, ..)| *sort).ok_or_else(|| "it is one of name, in, out, busy, state, rejected".into())
    }

    pub(super) fn of_key(letter: char) -> Option<Self> {
        Self::ALL.iter().find(|(_, key, _)| *key == letter).map(|(sort, ..)| *sort)
    }
}

/// A line of the table: what it is ordered by, and its cells.
struct Line {
    name: String,
    /// As [`Sort`] has them, but for the name.
    figures: [f64; 5],
    cells: Vec<String>,
}

const OF_JOBS: [&str; 14] = [
    "job", "state", "revision", "in/s", "out/s", "busy", "lag", "held", "rejected", "dead", "traps", "restarts",
    "epoch", "trial",
];
const OF_OPERATORS: [&str; 11] =
    ["operator", "in/s", "out/s", "busy", "keys", "held", "rejected", "late", "dead", "traps", "trial"];
/// Columns whose cells begin on the left: names and words.
const LEFT: [&str; 4] = ["job", "operator", "state", "trial"];

const KEYS: &str =
    "q quit  ↑↓ choose  enter operators  esc jobs  order: n name  i in  o out  b busy  s state  r rejected";

impl View {
    #[cfg(test)]
    pub(super) fn of_jobs(engine: &str) -> Self {
        Self { page: Page::Jobs, sort: Sort::Name, selected: 0, engine: engine.into(), trouble: None }
    }

    /// Keeps the choice on a line that is there.
    pub(super) fn keep_within(&mut self, sample: &Sample) {
        self.selected = self.selected.min(self.lines(sample).len().saturating_sub(1));
    }

    /// Goes to the operators of the job that is chosen.
    pub(super) fn enter(&mut self, sample: &Sample) {
        if self.page == Page::Jobs
            && let Some(line) = self.lines(sample).get(self.selected)
        {
            self.page = Page::Operators(line.name.clone());
            self.selected = 0;
        }
    }

    /// Goes back to the jobs, where there are several.
    pub(super) fn leave(&mut self, sample: &Sample) {
        if let Page::Operators(name) = &self.page
            && sample.jobs.len() > 1
        {
            let name = name.clone();
            self.page = Page::Jobs;
            self.selected = self.lines(sample).iter().position(|line| line.name == name).unwrap_or(0);
        }
    }

    fn header(&self) -> &'static [&'static str] {
        match self.page {
            Page::Jobs => &OF_JOBS,
            Page::Operators(_) => &OF_OPERATORS,
        }
    }

    /// In order.
    fn lines(&self, sample: &Sample) -> Vec<Line> {
        let mut lines: Vec<Line> = match &self.page {
            Page::Jobs => sample.jobs.iter().map(of_job).collect(),
            Page::Operators(name) => {
                let job = sample.job(name);
                job.map(|job| job.figures.operators.iter().map(|operator| of_operator(job, operator)).collect())
                    .unwrap_or_default()
            }
        };
        let at = match self.sort {
            // Operators stand in the order of the graph.
            Sort::Name if self.page != Page::Jobs => return lines,
            Sort::Name => {
                lines.sort_by(|left, right| left.name.cmp(&right.name));
                return lines;
            }
            Sort::In => 0,
            Sort::Out => 1,
            Sort::Busy => 2,
            Sort::State => 3,
            Sort::Rejected => 4,
        };
        let figure = |line: &Line| line.figures.get(at).copied().unwrap_or_default();
        lines.sort_by(|left, right| figure(right).total_cmp(&figure(left)));
        lines
    }

    /// What stands above the table.
    fn titles(&self, sample: &Sample) -> Vec<String> {
        let running = sample.jobs.iter().filter(|job| job.state == "running").count();
        let mut titles = vec![match (&self.page, sample.jobs.len()) {
            (Page::Operators(_), _) => format!("pelton top  {}", self.engine),
            (Page::Jobs, count) => {
                format!("pelton top  {}  {}, {running} running", self.engine, counted(count as u64, "job"))
            }
        }];
        if let Page::Operators(name) = &self.page {
            match sample.job(name) {
                Some(job) => titles.extend(about(job)),
                None => titles.push(format!("{name}: there is no such job any more")),
            }
        }
        titles.extend(self.trouble.iter().map(|why| format!("not up to date: {why}")));
        titles.into_iter().map(|title| clean(&title)).collect()
    }
}

fn clean(text: &str) -> String {
    text.chars().flat_map(plain).collect()
}

/// A job in words.
fn about(job: &JobSample) -> Vec<String> {
    let figures = &job.figures;
    let mut first = format!("{}: {}, revision {}", job.name, job.state, job.revision);
    if let Some(epoch) = figures.epoch {
        first += &format!(", epoch {}", HumanCount(epoch));
    }
    if let Some(watermark) = figures.watermark {
        first += &format!(", watermark {}", shown_time(watermark));
    }
    if !lag(job).is_empty() {
        first += &format!(", {} behind", lag(job));
    }
    let queue = figures.letters.filter(|letters| *letters > 0);
    let second = [
        (figures.restarts > 0).then(|| format!("{} restarts", HumanCount(figures.restarts))),
        (figures.traps > 0).then(|| format!("{} traps", HumanCount(figures.traps))),
        queue.map(|letters| format!("{} dead letters in the queue", HumanCount(letters))),
        job.reason.as_ref().map(|reason| format!("{} ({})", reason.message, reason.code)),
    ];
    let second: Vec<String> = second.into_iter().flatten().collect();
    let trials = job.trials.iter().map(|trial| format!("{} of {}: {}", trial.kind, trial.operator, trial.module));
    let second = (!second.is_empty()).then(|| second.join(", "));
    std::iter::once(first).chain(second).chain(trials).collect()
}

fn lag(job: &JobSample) -> String {
    job.figures.lag_ms.map(|lag| format!("{:.1} s", lag as f64 / 1e3)).unwrap_or_default()
}

fn rate(rows: f64) -> String {
    HumanCount(rows as u64).to_string()
}

/// Cores, as a share of one.
fn busy(cores: f64) -> String {
    // A sum of nothing is -0.
    format!("{:.0} %", cores.abs() * 100.0)
}

fn held(bytes: u64) -> String {
    if bytes == 0 { String::new() } else { HumanBytes(bytes).to_string() }
}

/// Figures that are mostly 0 are left out then.
fn some(count: u64) -> String {
    if count == 0 { String::new() } else { HumanCount(count).to_string() }
}

fn trials(job: &JobSample, of: impl Fn(&str) -> bool) -> String {
    let kinds = job.trials.iter().filter(|trial| of(&trial.operator)).map(|trial| trial.kind.as_str());
    kinds.collect::<Vec<_>>().join(", ")
}

fn of_job(job: &JobSample) -> Line {
    let figures = &job.figures;
    let sums = |of: fn(&OperatorSample) -> u64| figures.operators.iter().map(of).sum::<u64>();
    let cells = vec![
        clean(&job.name),
        clean(&job.state),
        job.revision.to_string(),
        rate(figures.rows_per_second),
        rate(figures.rows_out_per_second),
        busy(job.busy()),
        lag(job),
        held(job.state_bytes()),
        some(figures.rejected),
        some(sums(|operator| operator.dead + operator.skipped)),
        some(figures.traps),
        some(figures.restarts),
        figures.epoch.map(|epoch| HumanCount(epoch).to_string()).unwrap_or_default(),
        clean(&trials(job, |_| true)),
    ];
    let ordered = [
        figures.rows_per_second,
        figures.rows_out_per_second,
        job.busy(),
        job.state_bytes() as f64,
        figures.rejected as f64,
    ];
    Line { name: job.name.clone(), figures: ordered, cells }
}

fn of_operator(job: &JobSample, operator: &OperatorSample) -> Line {
    let cells = vec![
        clean(&operator.name),
        rate(operator.rows_in_per_second),
        rate(operator.rows_out_per_second),
        busy(operator.busy),
        some(operator.state_keys),
        held(operator.state_bytes),
        some(operator.rejected),
        some(operator.late),
        some(operator.dead + operator.skipped),
        some(operator.traps),
        clean(&trials(job, |name| name == operator.name)),
    ];
    let ordered = [
        operator.rows_in_per_second,
        operator.rows_out_per_second,
        operator.busy,
        operator.state_bytes as f64,
        operator.rejected as f64,
    ];
    Line { name: operator.name.clone(), figures: ordered, cells }
}

/// The table as lines of text, the header first.
fn table(header: &[&str], lines: &[Line]) -> Vec<String> {
    let width = |at: usize, name: &str| {
        let cells = lines.iter().filter_map(|line| line.cells.get(at)).map(|cell| cell.width());
        cells.max().unwrap_or(0).max(name.width())
    };
    let widths: Vec<usize> = header.iter().enumerate().map(|(at, name)| width(at, name)).collect();
    let row = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for ((cell, width), name) in cells.zip(&widths).zip(header) {
            let room = " ".repeat(width.saturating_sub(cell.width()));
            let (before, after) = if LEFT.contains(name) { ("", room.as_str()) } else { (room.as_str(), "") };
            text += &format!("{before}{cell}{after}  ");
        }
        text.trim_end().to_owned()
    };
    let first = row(&mut header.iter().copied());
    std::iter::once(first).chain(lines.iter().map(|line| row(&mut line.cells.iter().map(String::as_str)))).collect()
}

/// Draws a frame. Of more lines than there is room for, those around the chosen one.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, sample: &Sample, view: &View) {
    let (bold, dim) = (Style::new().add_modifier(Modifier::BOLD), Style::new().add_modifier(Modifier::DIM));
    let chosen = Style::new().add_modifier(Modifier::REVERSED);
    let mut next = area.y;
    let mut put = |text: &str, style: Style| {
        if next < area.bottom() {
            buffer.set_stringn(area.x, next, text, usize::from(area.width), style);
            next += 1;
        }
        area.bottom().saturating_sub(next)
    };
    for (at, title) in view.titles(sample).iter().enumerate() {
        put(title, if at == 0 { bold } else { Style::new() });
    }
    put("", Style::new());
    let lines = view.lines(sample);
    let mut table = table(view.header(), &lines).into_iter();
    let header = table.next().unwrap_or_default();
    // The last line is for the keys.
    let room = usize::from(put(&header, bold.add_modifier(Modifier::UNDERLINED))).saturating_sub(1);
    let skipped = (view.selected + 1).saturating_sub(room.max(1));
    for (at, line) in table.enumerate().skip(skipped).take(room) {
        put(&line, if at == view.selected { chosen } else { Style::new() });
    }
    if area.height > 0 {
        buffer.set_stringn(area.x, area.bottom() - 1, KEYS, usize::from(area.width), dim);
    }
}

/// A frame as text, as wide and as high as it needs to be.
pub(super) fn text(sample: &Sample, view: &View) -> String {
    let mut lines = view.titles(sample);
    lines.push(String::new());
    lines.extend(table(view.header(), &view.lines(sample)));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};
    use serde_json::json;

    use super::*;

    fn sample() -> Sample {
        let operator = |name: &str, rate: f64, busy: f64, keys: u64| {
            json!({
                "name": name, "rows_in_per_second": rate, "rows_out_per_second": rate / 2.0, "busy": busy,
                "state_keys": keys, "state_bytes": keys * 100, "rejected": 3, "traps": 0,
            })
        };
        Sample::of(&json!({ "jobs": [
            { "name": "hot-items", "state": "running", "revision": 3,
              "trials": [{ "operator": "to-euro", "kind": "canary", "module": "to-euro@1.3.0" }],
              "figures": {
                  "epoch": 1207, "rows_per_second": 911_402.0, "rows_out_per_second": 4_100.0, "rejected": 12,
                  "watermark": 1_769_860_805_000_000_i64, "lag_ms": 5200, "letters": 2,
                  "operators": [operator("to-euro", 911_402.0, 0.85, 0), operator("hot", 455_701.0, 0.512, 20_480)],
              } },
            { "name": "audit", "state": "paused", "revision": 1, "reason": { "code": "PELTON-0307", "message": "a trap" },
              "figures": { "traps": 4, "restarts": 3, "rejected": 40, "lag_ms": null, "epoch": null, "operators": [] } },
        ]}))
    }

    /// What a terminal of this size shows.
    fn frame(view: &View, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame.buffer_mut(), Rect::new(0, 0, width, height), &sample(), view)).unwrap();
        let shown = terminal.backend().to_string();
        shown.lines().map(|line| line.trim_matches('"').trim_end()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn jobs_are_drawn_in_a_table() {
        let expected = "\
pelton top  http://127.0.0.1:7117  2 jobs, 1 running

job        state    revision     in/s  out/s   busy    lag      held  rejected  dead  traps  restarts  epoch  trial
audit      paused          1        0      0    0 %                         40            4         3
hot-items  running         3  911,402  4,100  136 %  5.2 s  1.95 MiB        12                         1,207  canary

q quit  ↑↓ choose  enter operators  esc jobs  order: n name  i in  o out  b busy  s state  r rejected";
        assert_eq!(frame(&View::of_jobs("http://127.0.0.1:7117"), 120, 7), expected);
    }

    #[test]
    fn the_operators_of_a_job_stand_below_what_it_does() {
        let view = View { page: Page::Operators("hot-items".into()), ..View::of_jobs("http://127.0.0.1:7117") };
        let expected = "\
pelton top  http://127.0.0.1:7117
hot-items: running, revision 3, epoch 1,207, watermark 2026-01-31T12:00:05Z, 5.2 s behind
2 dead letters in the queue
canary of to-euro: to-euro@1.3.0

operator     in/s    out/s  busy    keys      held  rejected  late  dead  traps  trial
to-euro   911,402  455,701  85 %                           3                     canary
hot       455,701  227,850  51 %  20,480  1.95 MiB         3";
        assert_eq!(text(&sample(), &view), expected);
    }

    #[test]
    fn lines_are_ordered_as_asked_and_the_chosen_one_is_in_sight() {
        let first = |sort| {
            let view = View { sort, ..View::of_jobs("") };
            view.lines(&sample()).first().map(|line| line.name.clone()).unwrap()
        };
        assert_eq!([Sort::Name, Sort::In, Sort::Rejected].map(first), ["audit", "hot-items", "audit"]);
        let view = View { selected: 1, ..View::of_jobs("") };
        let shown = frame(&view, 120, 5);
        assert!(shown.contains("hot-items") && !shown.contains("audit"), "{shown}");
        // No size is too small.
        for (width, height) in [(1, 1), (3, 2), (200, 1), (1, 50)] {
            frame(&view, width, height);
        }
    }

    #[test]
    fn nothing_that_an_engine_says_moves_the_cursor() {
        let hostile = json!({ "name": "x\u{1b}[2J", "state": "a\nb", "reason": { "message": "\u{7}", "code": "" } });
        let sample = Sample::of(&hostile);
        for page in [Page::Jobs, Page::Operators("x\u{1b}[2J".into())] {
            let shown = text(&sample, &View { page, trouble: Some("\u{1b}c".into()), ..View::of_jobs("") });
            assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
        }
    }
}
