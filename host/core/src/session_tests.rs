//! Sessions against naive merging.
