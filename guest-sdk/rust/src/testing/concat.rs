//! One column after another: how a test's state and keys grow.

use super::cell;
use crate::{
    bindings::{Field, Node},
    bits,
    loaded::{Conversion, Layout, Loaded},
};

/// The rows of `left`, and then those of `right`. Both are of the type of `field`.
pub fn nodes(field: &Field, left: &Node, right: &Node) -> Result<Node, String> {
    let layout =
        Layout::of(&field.format).ok_or_else(|| format!("column `{}` cannot be a key or state", field.name))?;
    let columns =
        [cell::load(field, left, Conversion::Same(layout))?, cell::load(field, right, Conversion::Same(layout))?];
    let rows: usize = columns.iter().map(|column| column.rows).sum();
    let valid = columns.iter().flat_map(|column| (0..column.rows).map(|row| u8::from(!column.is_null(row))));
    let mut buffers = vec![bits::pack(&valid.collect::<Vec<_>>())];
    match layout {
        Layout::Fixed(size) => {
            let values = |column: &Loaded| column.values.bytes().get(..column.rows * size).unwrap_or_default().to_vec();
            buffers.push(columns.iter().flat_map(values).collect());
        }
        Layout::Bits => {
            let flags = |column: &Loaded| {
                (0..column.rows).map(|row| u8::from(bits::get(column.values.bytes(), row))).collect::<Vec<_>>()
            };
            buffers.push(bits::pack(&columns.iter().flat_map(flags).collect::<Vec<_>>()));
        }
        // Large offsets became small ones when they were loaded.
        Layout::Variable | Layout::LargeVariable => {
            let mut bytes = Vec::new();
            let mut ends = vec![0_u64];
            for column in &columns {
                let offsets = column.values.elements::<i32>(column.rows + 1).unwrap_or_default();
                for (start, end) in offsets.iter().zip(offsets.iter().skip(1)) {
                    bytes.extend_from_slice(
                        column.bytes.bytes().get(*start as usize..*end as usize).unwrap_or_default(),
                    );
                    ends.push(bytes.len() as u64);
                }
            }
            let is_large = layout == Layout::LargeVariable;
            let end =
                |end: &u64| if is_large { end.to_le_bytes().to_vec() } else { (*end as u32).to_le_bytes().to_vec() };
            buffers.push(ends.iter().flat_map(end).collect());
            buffers.push(bytes);
        }
    }
    Ok(Node { rows: rows as u32, buffers })
}
