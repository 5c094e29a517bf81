//! Rows as a table that fits the terminal.
//!
//! Numbers stand to the right, nulls are `null`, long values end with `…`, and columns for which there is no room are counted
//! below the table. Invariant: no line is wider than the terminal, and no value changes its state.

use arrow::{
    array::{Array, RecordBatch},
    datatypes::{DataType, Schema},
};
use comfy_table::{CellAlignment, ContentArrangement, Row, Table, presets::UTF8_FULL_CONDENSED};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::sink::value::{
    json::JsonColumn,
    plain::{Plain, TimeFormats},
    strings::Strings,
};

/// Columns of the terminal that one value may take.
const CELL_WIDTH_MAX: usize = 100;
/// A column is left out rather than made narrower than this (or than its longest value).
const CELL_WIDTH_MIN: usize = 10;
/// Two blanks and a line.
const FRAME_WIDTH: usize = 3;

/// The heading, the table, and what was left out. None: a batch has other types than `schema`.
pub fn render_table(heading: &str, schema: &Schema, batches: &[RecordBatch], width: u16) -> Option<String> {
    let mut text = clip(heading, usize::from(width));
    text.push('\n');
    if batches.is_empty() || schema.fields().is_empty() {
        return Some(text);
    }
    let mut columns = schema.fields().iter().map(|field| vec![cell_text(field.name())]).collect::<Vec<_>>();
    for batch in batches {
        for (cells, array) in columns.iter_mut().zip(batch.columns()) {
            append_cells(array, cells)?;
        }
    }
    let shown = fitting(&columns, usize::from(width));
    text.push_str(&draw(schema, columns.get(..shown).unwrap_or_default(), width));
    text.push('\n');
    let hidden = schema.fields().get(shown..).unwrap_or_default();
    if !hidden.is_empty() {
        let names: Vec<_> = hidden.iter().map(|field| cell_text(field.name())).collect();
        text.push_str(&clip(&format!("+ {} columns: {}", hidden.len(), names.join(", ")), usize::from(width)));
        text.push('\n');
    }
    Some(text)
}

fn draw(schema: &Schema, columns: &[Vec<String>], width: u16) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.set_truncation_indicator("…");
    let line = |row: usize| Row::from(columns.iter().filter_map(|cells| cells.get(row)).collect::<Vec<_>>());
    let one_line = |mut row: Row| {
        row.max_height(1);
        row
    };
    table.set_header(one_line(line(0)));
    let rows = columns.first().map_or(0, Vec::len);
    table.add_rows((1..rows).map(line).map(one_line));
    for (column, field) in table.column_iter_mut().zip(schema.fields()) {
        if is_number(field.data_type()) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// How many of the first columns have room, one at least.
fn fitting(columns: &[Vec<String>], width: usize) -> usize {
    let mut left = width.saturating_sub(1);
    let fits = |cells: &&Vec<String>| {
        let longest = cells.iter().map(|cell| cell.width()).max().unwrap_or(0);
        let needed = longest.min(CELL_WIDTH_MIN) + FRAME_WIDTH;
        let fits = needed <= left;
        left = left.saturating_sub(needed);
        fits
    };
    columns.iter().take_while(fits).count().max(1)
}

fn append_cells(array: &dyn Array, cells: &mut Vec<String>) -> Option<()> {
    let formats = TimeFormats::default();
    let json = JsonColumn::bind(array, &formats)?;
    let (strings, plain) = (Strings::bind(array), Plain::bind(array, &formats));
    for row in 0..array.len() {
        let mut bytes = Vec::new();
        match (&strings, &plain) {
            _ if json.is_null(row) => bytes.extend_from_slice(b"null"),
            (Some(strings), _) => bytes.extend_from_slice(strings.value(row).as_bytes()),
            (_, Some(plain)) => plain.write(row, &mut bytes),
            (None, None) => json.write(row, &mut bytes),
        }
        cells.push(cell_text(&String::from_utf8_lossy(&bytes)));
    }
    Some(())
}

/// A value for a cell: escaped, and clipped to [`CELL_WIDTH_MAX`].
fn cell_text(value: &str) -> String {
    // No character is narrower than none: this bounds the work for a value of many megabytes.
    let head: String = value.chars().take(4 * CELL_WIDTH_MAX).collect();
    let mut text = clip(&escape(&head), CELL_WIDTH_MAX);
    if head.len() < value.len() && !text.ends_with('…') {
        text.push('…');
    }
    text
}

/// Makes visible what could change a terminal's state or the order of what it shows.
fn escape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        if character.is_control() || is_format(character) {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

/// Characters that have no look of their own: direction marks, joiners, separators, tags, and the byte order mark.
fn is_format(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text, or its beginning and `…`, in at most `width` columns of the terminal.
fn clip(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let fits = |character: &char| {
        let needed = character.width().unwrap_or(0);
        let fits = needed <= room;
        room = room.saturating_sub(needed);
        fits
    };
    let mut clipped: String = text.chars().take_while(fits).collect();
    clipped.push('…');
    clipped
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}
