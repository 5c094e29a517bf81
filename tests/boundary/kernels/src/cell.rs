//! A fixed-width value as it lies in memory.
//!
//! The kernels are generic over it; both implementations compile to the same loads and stores.

/// How a `T` lies in a slice: as itself, or as its little-endian bytes.
pub trait Cell<T>: Copy {
    /// The value.
    fn load(self) -> T;
    /// A cell that holds `value`.
    fn store(value: T) -> Self;
}

macro_rules! cells {
    ($($number:ty, $width:literal;)*) => {$(
        impl Cell<$number> for $number {
            fn load(self) -> $number {
                self
            }
            fn store(value: $number) -> Self {
                value
            }
        }

        impl Cell<$number> for [u8; $width] {
            fn load(self) -> $number {
                <$number>::from_le_bytes(self)
            }
            fn store(value: $number) -> Self {
                value.to_le_bytes()
            }
        }
    )*};
}

cells! {
    u32, 4;
    i64, 8;
    f64, 8;
}
