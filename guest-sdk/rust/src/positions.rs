//! Where the ones are in a list of zeros and ones, without a branch.
//!
//! Called by [`crate::run`] for each block that lost rows. A branch on random data is mispredicted every other time, which
//! costs more than all the rest of the loop; so four flags at a time look up their positions in a table.

use crate::block::BLOCK;

/// For each set of four flags, the positions of its ones: as four u16, the first in the lowest bits.
const ONES: [u64; 16] = {
    let mut table = [0; 16];
    let mut flags = 0;
    while flags < 16 {
        let mut position = 0;
        let mut shift = 0;
        while position < 4 {
            if flags >> position & 1 == 1 {
                #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
                {
                    table[flags] |= position << shift;
                }
                shift += 16;
            }
            position += 1;
        }
        flags += 1;
    }
    table
};

/// The positions in `flags`, at most [`BLOCK`] bytes of 0 or 1, that are 1. Four slots beyond the answer may be written.
#[inline(always)]
pub fn of<'a>(flags: &[u8], positions: &'a mut [u16; BLOCK + 4]) -> &'a [u16] {
    let (fours, rest) = flags.as_chunks::<4>();
    let mut count = 0;
    let mut base = 0_u64;
    for four in fours {
        // Multiplying gathers the lowest bits of four bytes, the first byte's lowest.
        let set = u32::from_le_bytes(*four).wrapping_mul(0x0102_0408) >> 24 & 15;
        // The table has 16 entries, and at most as many ones were found as flags were seen: the masks tell the
        // compiler so, which then leaves out the checks.
        let ones = ONES.get(set as usize).copied().unwrap_or_default() + base;
        if let Some(slots) = positions.get_mut(count % BLOCK..count % BLOCK + 4) {
            slots.copy_from_slice(&[ones as u16, (ones >> 16) as u16, (ones >> 32) as u16, (ones >> 48) as u16]);
        }
        count += set.count_ones() as usize;
        base += 0x0004_0004_0004_0004;
    }
    for (at, flag) in (fours.len() * 4..).zip(rest) {
        if let Some(slot) = positions.get_mut(count % BLOCK) {
            *slot = at as u16;
        }
        count += usize::from(*flag);
    }
    positions.get(..count).unwrap_or_default()
}

/// For each set of eight flags, the positions of its ones: two vectors, which are found, moved and written as such.
static EIGHTS: [[u32; 8]; 256] = {
    let mut table = [[0; 8]; 256];
    let mut flags = 0;
    while flags < 256 {
        let (mut position, mut found) = (0, 0);
        while position < 8 {
            if flags >> position & 1 == 1 {
                #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
                {
                    table[flags][found] = position;
                }
                found += 1;
            }
            position += 1;
        }
        flags += 1;
    }
    table
};

/// The same as the numbers of rows, of which the first flag's is `start`. Eight slots beyond the answer may be written.
#[inline(always)]
pub fn rows<'a>(flags: &[u8], start: u32, rows: &'a mut [u32; BLOCK + 8]) -> &'a [u32] {
    let (eights, rest) = flags.as_chunks::<8>();
    let mut count = 0;
    let mut base = start;
    for eight in eights {
        let set = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        let ones = EIGHTS.get(set as usize).copied().unwrap_or_default();
        if let Some(slots) = rows.get_mut(count % BLOCK..count % BLOCK + 8) {
            slots.copy_from_slice(&ones.map(|at| at + base));
        }
        count += set.count_ones() as usize;
        base += 8;
    }
    for (row, flag) in (base..).zip(rest) {
        if let Some(slot) = rows.get_mut(count % BLOCK) {
            *slot = row;
        }
        count += usize::from(*flag);
    }
    rows.get(..count).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_the_ones() {
        let mut state = 1_u32;
        for rows in (0..70).chain([BLOCK - 1, BLOCK]) {
            for density in [0, 1, 4, 7, 8] {
                let flags: Vec<u8> = std::iter::repeat_with(|| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    u8::from(state >> 29 < density)
                })
                .take(rows)
                .collect();
                let want: Vec<u16> = (0..).zip(&flags).filter(|(_, flag)| **flag == 1).map(|(at, _)| at).collect();
                assert_eq!(of(&flags, &mut [9; BLOCK + 4]), want, "{flags:?}");
                let want: Vec<u32> = want.into_iter().map(|at| 1_000 + u32::from(at)).collect();
                assert_eq!(super::rows(&flags, 1_000, &mut [9; BLOCK + 8]), want, "{flags:?}");
            }
        }
    }
}
