//! Parquet files.
pub struct ParquetRange;
