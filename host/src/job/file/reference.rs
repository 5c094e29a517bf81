//! The tables of docs/job-file.md: every key with its type, default and meaning.
//!
//! Made from the same [`Keys`] that the reader goes by. A test holds the page against [`tables`], and writes it anew
//! when it is asked to.

use super::{
    keys::{Keys, Need, Shape},
    tables::JOB,
};

/// All descriptions, each once, outer ones before those inside them.
pub fn all_keys() -> Vec<&'static Keys> {
    let mut all: Vec<&'static Keys> = vec![&JOB];
    let mut next = 0;
    while let Some(keys) = all.get(next).copied() {
        next += 1;
        for inner in keys.keys.iter().flat_map(|key| inside(&key.shape)) {
            if !all.iter().any(|known| std::ptr::eq(*known, inner)) {
                all.push(inner);
            }
        }
    }
    all
}

fn inside(shape: &Shape) -> Vec<&'static Keys> {
    match shape {
        Shape::Table(keys) | Shape::ChoiceOr(_, keys) => vec![keys],
        Shape::Rules => vec![&super::tables::RULE],
        Shape::Named(named) => named.variants.iter().map(|(_, keys)| *keys).collect(),
        _ => Vec::new(),
    }
}

/// One section of Markdown for each table of a job file.
pub fn tables() -> String {
    all_keys().into_iter().map(section).collect::<Vec<_>>().join("\n")
}

fn section(keys: &Keys) -> String {
    let mut section = format!("## {}\n\n", keys.title);
    if !keys.about.is_empty() {
        section += &format!("{}\n\n", keys.about);
    }
    section += "| key | type | default | meaning |\n|---|---|---|---|\n";
    for key in keys.keys {
        let default = match key.need {
            Need::Required => "**required**".to_owned(),
            Need::Default(value) => format!("`{value}`"),
            Need::Optional(words) => words.to_owned(),
        };
        section += &format!("| `{}` | {} | {default} | {} |\n", key.name, key.shape.expected(), key.about);
    }
    section
}
