//! Tables as values and back.

use crate::bindings::pelton::operator::types::{Node, Table};

pub fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect()
}

pub fn longs(bytes: &[u8]) -> Vec<i64> {
    bytes.as_chunks::<8>().0.iter().map(|word| i64::from_le_bytes(*word)).collect()
}

/// A column of 64-bit integers. None: it is not there.
pub fn numbers(table: &Table, column: usize) -> Option<Vec<Option<i64>>> {
    let node = table.nodes.get(column)?;
    let [validity, values] = node.buffers.as_slice() else { return None };
    let is_valid =
        |row: usize| validity.is_empty() || validity.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1);
    Some(
        longs(values)
            .into_iter()
            .take(node.rows as usize)
            .enumerate()
            .map(|(row, value)| is_valid(row).then_some(value))
            .collect(),
    )
}

/// A column of texts without nulls. None: it is not there.
pub fn texts(table: &Table, column: usize) -> Option<Vec<String>> {
    let node = table.nodes.get(column)?;
    let [_, offsets, bytes] = node.buffers.as_slice() else { return None };
    let offsets = words(offsets);
    let pairs = offsets.iter().zip(offsets.iter().skip(1)).take(node.rows as usize);
    pairs.map(|(start, end)| String::from_utf8(bytes.get(*start as usize..*end as usize)?.to_vec()).ok()).collect()
}

pub fn number_node(values: &[Option<i64>]) -> Node {
    let mut validity = vec![0_u8; values.len().div_ceil(8)];
    for (row, _) in values.iter().enumerate().filter(|(_, value)| value.is_some()) {
        if let Some(byte) = validity.get_mut(row / 8) {
            *byte |= 1 << (row % 8);
        }
    }
    // What has no nulls may leave out its validity, and must if its column takes none.
    if values.iter().all(Option::is_some) {
        validity.clear();
    }
    let bytes = values.iter().flat_map(|value| value.unwrap_or_default().to_le_bytes()).collect();
    Node { rows: values.len() as u32, buffers: vec![validity, bytes] }
}

pub fn text_node<'a>(values: impl IntoIterator<Item = &'a str>) -> Node {
    let (mut offsets, mut bytes) = (vec![0_u32], Vec::new());
    for value in values {
        bytes.extend_from_slice(value.as_bytes());
        offsets.push(bytes.len() as u32);
    }
    let rows = offsets.len() as u32 - 1;
    Node { rows, buffers: vec![Vec::new(), offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect(), bytes] }
}

pub fn one_row(nodes: Vec<Node>) -> Table {
    Table { rows: 1, nodes }
}
