//! Why a row is bad, in one sentence for its owner.
//!
//! Called when a row is rejected. Values are shown escaped and cut short: they come from anyone.

use pelton_core::types::with_article;

use super::{value::Fault, writer::Read};

/// Characters of a value that are shown.
const SHOWN_MAX: usize = 64;

pub fn bad_value(read: &Read, fault: Fault, text: &[u8]) -> String {
    let Read { name, type_name, field, .. } = read;
    let shown = shown(text);
    let place = format!("column `{name}` (field {})", field + 1);
    match fault {
        Fault::Shape => format!("{place}: `{shown}` is not {}", with_article(type_name)),
        Fault::Range => format!("{place}: `{shown}` is out of range for {type_name}"),
        Fault::Null if text.is_empty() => {
            format!("{place} is empty, and {type_name} has no nulls (`{type_name}?` has)")
        }
        Fault::Null => format!("{place}: `{shown}` means null, and {type_name} has no nulls (`{type_name}?` has)"),
        Fault::NotUtf8 => format!("{place}: `{shown}` is not UTF-8"),
    }
}

pub fn wrong_number(got: usize, want: usize) -> String {
    let fields = if got == 1 { "field" } else { "fields" };
    format!("the row has {got} {fields} instead of {want}")
}

pub fn unclosed(quote: Option<u8>) -> String {
    format!("a quoted field lacks its closing {}: the input ends within it", shown(&[quote.unwrap_or_default()]))
}

fn shown(text: &[u8]) -> String {
    let start = text.get(..4 * SHOWN_MAX).unwrap_or(text);
    let mut shown = String::new();
    let mut count = 0;
    for piece in start.utf8_chunks() {
        let invalid = piece.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
        for character in piece.valid().chars().map(|c| c.escape_debug().to_string()).chain(invalid) {
            count += 1;
            if count > SHOWN_MAX {
                return shown + "…";
            }
            shown += &character;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_values_are_escaped_and_short() {
        assert_eq!(shown(b"a\n\xff\x1b[2J"), "a\\n\\xff\\u{1b}[2J");
        assert_eq!(shown("é".repeat(64).as_bytes()), "é".repeat(64));
        assert_eq!(shown("é".repeat(65).as_bytes()), "é".repeat(64) + "…");
        assert_eq!(shown(&vec![b'x'; 1 << 20]).len(), 64 + "…".len());
    }
}
