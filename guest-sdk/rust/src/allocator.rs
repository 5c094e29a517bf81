//! The module's allocator: the standard one, with every block at 16-byte alignment.
//!
//! The host writes each column into memory that it gets from here as plain bytes. At 16 bytes the
//! column can be seen as `&[f64]` (or any other element type) where it lies, without a copy. Nothing
//! breaks if a buffer is not aligned: it is copied once (see [`crate::buffer`]).

use std::alloc::{GlobalAlloc, Layout, System};

/// What every block is aligned to: the widest element, a 128-bit decimal.
const ALIGNMENT: usize = 16;

struct Aligned;

#[global_allocator]
static ALLOCATOR: Aligned = Aligned;

/// `layout` at an alignment of at least [`ALIGNMENT`]; as it is if that has no valid size.
fn aligned(layout: Layout) -> Layout {
    layout.align_to(ALIGNMENT).unwrap_or(layout)
}

#[expect(unsafe_code, reason = "an allocator cannot be written without it; this is the crate's only use")]
// SAFETY: every call is handed to `System` with the caller's layout at a larger or equal alignment. `aligned` depends
// on the layout alone, so a block is freed and grown with the alignment that it was given; `realloc` keeps
// it, because its result is freed by the same alignment and a new size. A block that satisfies the
// larger alignment satisfies the caller's. `System` upholds the rest of the contract.
unsafe impl GlobalAlloc for Aligned {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc(aligned(layout)) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc_zeroed(aligned(layout)) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, aligned(layout)) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe { System.realloc(block, aligned(layout), size) }
    }
}
