//! The laws of keyed operators: a key's rows, its state and its timers decide what comes of it, and nothing else does.
//!
//! Rows of a few keys go through the engine's own reduce side, in some epochs; what leaves and what is kept is compared key by key.

use super::{
    Answered, Asked, Broken, Law, Trial, an_answer,
    epochs::{Course, Keyed, Lines, Numbered},
    given::Given,
    migrate, no_answer,
    sample::{self, Values, Words},
};

fn laws<'a>() -> [Law<Keyed<'a>>; 13] {
    [
        Law {
            name: "answers",
            says: "a call gives no answer",
            ways: ["expected", "got"],
            one: |_, _| an_answer(),
            other: answers,
            asked: Asked::Always,
        },
        Law {
            name: "twice",
            says: "the same calls, made again, give another answer",
            ways: ["the first time", "once more in the same instance"],
            one: whole,
            other: twice,
            asked: Asked::Always,
        },
        Law {
            name: "after-others",
            says: "calls give another answer after other calls",
            ways: ["in a fresh instance", "after other calls"],
            one: whole,
            other: after_others,
            asked: Asked::Always,
        },
        Law {
            name: "fresh-instance",
            says: "the answer is another when instances come and go between epochs",
            ways: ["one instance for all epochs", "one for each"],
            one: whole,
            other: |keyed, given| on(keyed, given, Course { is_fresh: true, ..Course::default() }),
            asked: Asked::Always,
        },
        Law {
            name: "batch-split",
            says: "rows of a key cut into calls otherwise give another answer",
            ways: ["a key's rows in one call", "each row in a call of its own"],
            one: whole,
            other: |keyed, given| on(keyed, given, Course { rows_max: 1, ..Course::default() }),
            asked: Asked::Always,
        },
        Law {
            name: "key-order",
            says: "keys in another order give another answer",
            ways: ["in the order of their rows", "the last key first"],
            one: whole,
            other: backwards,
            asked: Asked::Always,
        },
        Law {
            name: "other-keys",
            says: "a key gives another answer when there are other keys",
            ways: ["among others", "each key by itself"],
            one: whole,
            other: alone,
            asked: Asked::Always,
        },
        Law {
            name: "partitions",
            says: "the answer depends on the number of partitions",
            ways: ["one partition", "seven"],
            one: whole,
            other: |keyed, given| on(keyed, given, Course { partitions: 7, ..Course::default() }),
            asked: Asked::Always,
        },
        Law {
            name: "timers",
            says: "timers that are due together give another answer than one after the other",
            ways: ["the end at once", "the end in steps"],
            one: |keyed, given| in_any_order(whole(keyed, given)),
            other: |keyed, given| in_any_order(on(keyed, given, Course { steps: 64, ..Course::default() })),
            asked: Asked::WithTime,
        },
        Law {
            name: "reload",
            says: "a side table that was another before gives another answer",
            ways: ["with the tables", "with others first"],
            one: whole,
            other: reloaded,
            asked: Asked::WithTables,
        },
        Law {
            name: "epochs",
            says: "rows cut into epochs otherwise give another answer",
            ways: ["two epochs", "one"],
            one: |keyed, given| on(keyed, given, Course { is_still: true, ..Course::default() }),
            other: |keyed, given| on(keyed, given, Course { is_still: true, cuts: 1, ..Course::default() }),
            asked: Asked::Told,
        },
        Law {
            name: "clock",
            says: "the same rows give another answer at another time",
            ways: ["on a day", "on the next day"],
            one: whole,
            other: |keyed, given| on(keyed, given, Course { later: (86_400_000_000, 1_000), ..Course::default() }),
            asked: Asked::Told,
        },
        Law {
            name: "seed",
            says: "the same rows give another answer with other random numbers",
            ways: ["with a seed", "with another"],
            one: whole,
            other: |keyed, given| on(keyed, given, Course { seed: 4_711, ..Course::default() }),
            asked: Asked::Told,
        },
    ]
}

pub(super) fn check(trial: &mut Trial<'_>) -> Result<(), Broken> {
    let laws = laws();
    let subject = trial.subject;
    let own = laws.each_ref().map(|law| law.name);
    let of_older: &[&'static str] = if subject.older.is_some() { &migrate::NAMES } else { &[] };
    trial.knows(&[own.as_slice(), of_older].concat())?;
    let opened = |error| Broken::Open(Box::new(error));
    let keyed = Keyed::open(subject, &subject.module, &subject.options).map_err(opened)?;
    let has_tables = !keyed.signature.tables.is_empty();
    trial.all(&laws, &keyed, has_tables)?;
    match &subject.older {
        Some(older) => migrate::check(trial, keyed, older),
        None => Ok(()),
    }
}

fn whole(keyed: &Keyed<'_>, given: &Given) -> Answered {
    on(keyed, given, Course::default())
}

fn on(keyed: &Keyed<'_>, given: &Given, course: Course) -> Answered {
    keyed.run(given, course).whole(&Numbered::new(given.input(0))).map_or_else(no_answer, answered)
}

pub(super) fn answered(lines: Lines) -> Answered {
    let of_key = |key: &str| if key.is_empty() { String::new() } else { format!("{key}: ") };
    let lines = lines
        .into_iter()
        .flat_map(|((key, place), lines)| lines.into_iter().map(move |line| format!("{}{place} {line}", of_key(&key))));
    lines.collect()
}

/// Timers of one moment and another may take turns otherwise.
fn in_any_order(mut lines: Answered) -> Answered {
    lines.sort();
    lines
}

/// Also where keys end, and where all of them are called in each epoch.
fn answers(keyed: &Keyed<'_>, given: &Given) -> Answered {
    let rows = Numbered::new(given.input(0));
    let courses = [Course::default(), Course { calls_all: true, ..Course::default() }];
    let failed = courses.into_iter().find_map(|course| keyed.run(given, course).whole(&rows).err());
    failed.map_or_else(an_answer, no_answer)
}

fn twice(keyed: &Keyed<'_>, given: &Given) -> Answered {
    let rows = Numbered::new(given.input(0));
    let mut run = keyed.run(given, Course::default());
    // An error is one the second time as well.
    let _ = run.whole(&rows);
    run.again(given.tables(), 1);
    run.whole(&rows).map_or_else(no_answer, answered)
}

fn after_others(keyed: &Keyed<'_>, given: &Given) -> Answered {
    let Some(others) = others(keyed) else { return whole(keyed, given) };
    let mut run = keyed.run(given, Course::default());
    let _ = run.whole(&Numbered::new(others.input(0)));
    run.again(given.tables(), 1);
    run.whole(&Numbered::new(given.input(0))).map_or_else(no_answer, answered)
}

fn reloaded(keyed: &Keyed<'_>, given: &Given) -> Answered {
    let Some(others) = others(keyed) else { return whole(keyed, given) };
    let mut run = keyed.run(&given.with_tables_of(&others), Course::default());
    let _ = run.whole(&Numbered::new(given.input(0)));
    run.again(given.tables(), 2);
    run.whole(&Numbered::new(given.input(0))).map_or_else(no_answer, answered)
}

fn others(keyed: &Keyed<'_>) -> Option<Given> {
    sample::given(keyed.subject, 40, Values::Edges, &mut Words(99)).ok()
}

fn backwards(keyed: &Keyed<'_>, given: &Given) -> Answered {
    let rows = Numbered::new(given.input(0));
    let mut keys = rows.by_key(keyed.input());
    keys.reverse();
    let rows = Numbered::all(&keys).unwrap_or(rows);
    keyed.run(given, Course::default()).whole(&rows).map_or_else(no_answer, answered)
}

fn alone(keyed: &Keyed<'_>, given: &Given) -> Answered {
    let mut lines = Lines::new();
    for rows in Numbered::new(given.input(0)).by_key(keyed.input()) {
        match keyed.run(given, Course::default()).whole(&rows) {
            Ok(of_key) => lines.extend(of_key),
            Err(error) => return no_answer(error),
        }
    }
    answered(lines)
}
