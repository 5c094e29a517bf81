//! `pelton top`: what an engine's jobs do at the moment, drawn on the terminal once a second.
//!
//! ```text
//!  a thread that asks the engine ─► samples ─┐
//!  keys ─────────────────────────────────────┴► view ─► frame
//! ```
//!
//! Invariant: the terminal is as it was when this ends, whether by a key, a signal, an error or a panic.

mod sample;
mod view;

use std::{
    io::{self, IsTerminal},
    thread,
    time::Duration,
};

use clap::Args;
use crossbeam_channel::{Receiver, Sender, bounded};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use serde_json::Value;

use self::{
    sample::Sample,
    view::{Page, Sort, View},
};
use super::{
    Context, Exit,
    client::{Client, ClientError, escaped},
    run::watch_signals,
};
use crate::job::run::Stop;

#[derive(Debug, Args)]
pub(super) struct TopArgs {
    /// A job, whose operators are shown; all jobs without it.
    #[arg(value_name = "JOB")]
    job: Option<String>,
    /// Print one frame, and end.
    #[arg(long)]
    once: bool,
    /// By what lines are ordered: name, in, out, busy, state, rejected.
    #[arg(long, value_name = "COLUMN", default_value = "name", value_parser = Sort::parse)]
    sort: Sort,
    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
}

/// How long the keys are waited for before it is looked whether there is something new to show.
const KEY_PATIENCE: Duration = Duration::from_millis(100);

pub(super) fn top(context: &Context, args: &TopArgs) -> Exit {
    let client = Client::new(context);
    let first = ask(&client, args.job.as_deref());
    if context.is_json() {
        return context.answer(first, |_| String::new());
    }
    let first = match first {
        Ok(first) => Sample::of(&first),
        Err(error) => return context.answer(Err(error), |_| String::new()),
    };
    let page = args.job.clone().map_or(Page::Jobs, Page::Operators);
    let view = View { page, sort: args.sort, selected: 0, engine: context.config.engine.value.clone(), trouble: None };
    if args.once {
        context.terminal.line(&view::text(&first, &view));
        return Exit::Done;
    }
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        context.terminal.message("`pelton top` draws on a terminal, and this is none: `--once` prints one frame, `--output json` the figures");
        return Exit::Usage;
    }
    match watch(client, args, first, view) {
        Ok(()) => Exit::Done,
        Err(error) => {
            context.terminal.message(&format!("the terminal cannot be drawn on: {error}"));
            Exit::Failed
        }
    }
}

fn ask(client: &Client, job: Option<&str>) -> Result<Value, ClientError> {
    match job {
        Some(job) => client.get(&format!("/v1/jobs/{}", escaped(job))),
        None => client.get("/v1/jobs"),
    }
}

/// Gives the terminal back.
struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

fn watch(client: Client, args: &TopArgs, first: Sample, view: View) -> io::Result<()> {
    let stop = Stop::default();
    watch_signals(stop.clone());
    let (out, samples) = bounded(1);
    let (job, every) = (args.job.clone(), Duration::from_secs(args.every));
    // It ends with the process: an engine that does not answer must not hold a key up.
    thread::Builder::new().name("samples".into()).spawn(move || sample(&client, job.as_deref(), every, &out))?;
    let mut terminal = ratatui::try_init()?;
    let _restore = Restore;
    let mut shown = (first, view);
    while !stop.is_requested() {
        let (sample, view) = &mut shown;
        receive(&samples, sample, view);
        view.keep_within(sample);
        terminal.draw(|frame| {
            let area = frame.area();
            view::draw(frame.buffer_mut(), area, sample, view);
        })?;
        if event::poll(KEY_PATIENCE)?
            && let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
            && pressed(key, sample, view) == Next::End
        {
            break;
        }
    }
    Ok(())
}

/// Asks the engine until nobody listens any more.
fn sample(client: &Client, job: Option<&str>, every: Duration, out: &Sender<Result<Sample, String>>) {
    loop {
        thread::sleep(every);
        let asked = ask(client, job).map(|answer| Sample::of(&answer)).map_err(|error| error.to_string());
        if out.send(asked).is_err() {
            return;
        }
    }
}

/// Takes what is new. What was seen last stays when the engine does not answer.
fn receive(samples: &Receiver<Result<Sample, String>>, sample: &mut Sample, view: &mut View) {
    match samples.try_recv() {
        Ok(Ok(new)) => {
            *sample = new;
            view.trouble = None;
        }
        Ok(Err(why)) => view.trouble = Some(why),
        Err(_) => {}
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    On,
    End,
}

fn pressed(key: KeyEvent, sample: &Sample, view: &mut View) -> Next {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c' | 'd') if is_control => return Next::End,
        KeyCode::Char('q') => return Next::End,
        KeyCode::Up | KeyCode::Char('k') => view.selected = view.selected.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => view.selected += 1,
        KeyCode::Enter => view.enter(sample),
        KeyCode::Esc | KeyCode::Backspace => view.leave(sample),
        KeyCode::Char(letter) => {
            if let Some(sort) = Sort::of_key(letter) {
                view.sort = sort;
            }
        }
        _ => {}
    }
    Next::On
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(code: KeyCode) -> KeyEvent {
        KeyEvent::new(code, KeyModifiers::NONE)
    }

    #[test]
    fn keys_go_through_the_jobs_and_into_them() {
        let sample = Sample::of(&json!({ "jobs": [{ "name": "a" }, { "name": "b" }] }));
        let mut view = View::of_jobs("http://127.0.0.1:7117");
        let press = |code, view: &mut View| pressed(key(code), &sample, view);
        assert_eq!(press(KeyCode::Down, &mut view), Next::On);
        press(KeyCode::Down, &mut view);
        view.keep_within(&sample);
        assert_eq!(view.selected, 1, "there are two");
        press(KeyCode::Enter, &mut view);
        assert_eq!((&view.page, view.selected), (&Page::Operators("b".into()), 0));
        press(KeyCode::Char('b'), &mut view);
        assert_eq!(view.sort, Sort::Busy);
        press(KeyCode::Esc, &mut view);
        assert_eq!(press(KeyCode::Char('q'), &mut view), Next::End);
        assert_eq!(view.page, Page::Jobs);
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(pressed(control_c, &sample, &mut view), Next::End);
    }

    #[test]
    fn what_was_seen_stays_when_the_engine_does_not_answer() {
        let (out, samples) = bounded(2);
        let (mut sample, mut view) = (Sample::default(), View::of_jobs(""));
        out.send(Ok(Sample::of(&json!({ "jobs": [{ "name": "a" }] })))).unwrap();
        receive(&samples, &mut sample, &mut view);
        out.send(Err("no engine answers".into())).unwrap();
        receive(&samples, &mut sample, &mut view);
        receive(&samples, &mut sample, &mut view);
        assert_eq!((sample.jobs.len(), view.trouble.as_deref()), (1, Some("no engine answers")));
    }
}
