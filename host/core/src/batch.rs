//! How a batch is cut for the calls of an operator.
//!
//! Called before each call. The cut depends on the batch alone, never on threads or timing, so that the same input
//! always makes the same calls.

/// Bytes that one call is handed, about: what fits a core's cache with room for the answer.
pub const CALL_BYTES: usize = 1 << 20;

/// Rows of each piece of a batch of `rows` rows and `bytes` bytes: pieces of equal size (the last may be shorter),
/// of at most `rows_max` rows and about [`CALL_BYTES`] bytes.
pub fn piece_rows(rows: usize, bytes: usize, rows_max: usize) -> usize {
    let pieces = rows.div_ceil(rows_max.max(1)).max(bytes.div_ceil(CALL_BYTES)).max(1);
    rows.div_ceil(pieces).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_batches_stay_whole() {
        assert_eq!(piece_rows(8192, 1 << 20, 8192), 8192);
        assert_eq!(piece_rows(1, 0, 8192), 1);
    }

    #[test]
    fn large_batches_are_cut_evenly_by_rows_or_bytes() {
        assert_eq!(piece_rows(10_000, 0, 8192), 5_000);
        assert_eq!(piece_rows(8192, 80 << 20, 8192), 103);
        assert_eq!(piece_rows(1, 1 << 30, 8192), 1, "a row is never cut");
        assert_eq!(piece_rows(0, 0, 8192), 1);
    }
}
