//! Two stacks against recomputation.
