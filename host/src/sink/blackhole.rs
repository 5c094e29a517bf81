//! The `blackhole` sink: reads every value, keeps a checksum of each column, and forgets the rows.
//!
//! For benchmarks and for comparing runs: the checksums show that the same rows arrived, whatever the batch
//! cuts and the number of threads. The algorithm is in [`super::checksum`].

use arrow::{
    array::{RecordBatch, new_empty_array},
    datatypes::SchemaRef,
};
use pelton_core::checkpoint::record::SinkState;

use crate::checkpoint::CommitPermit;

use super::{Closing, Encoded, Encoder, Payload, Prepared, Sink, SinkError, SinkSummary, Writer, checksum::checksum};

const FORMAT: &str = "blackhole";

#[derive(Debug)]
pub struct BlackholeSink {
    schema: SchemaRef,
}

impl BlackholeSink {
    /// Refuses types that have no checksum.
    pub fn open(schema: SchemaRef) -> Result<Self, SinkError> {
        for field in schema.fields() {
            if checksum(&new_empty_array(field.data_type())).is_none() {
                return Err(SinkError::unsupported(FORMAT, field));
            }
        }
        Ok(Self { schema })
    }
}

impl Sink for BlackholeSink {
    fn encoder(&self) -> Result<Box<dyn Encoder>, SinkError> {
        Ok(Box::new(BlackholeEncoder))
    }

    fn writer(&self) -> Result<Box<dyn Writer>, SinkError> {
        let sums = vec![0; self.schema.fields().len()];
        Ok(Box::new(BlackholeWriter { schema: self.schema.clone(), sums, rows: 0 }))
    }

    fn describe(&self) -> Vec<(String, String)> {
        vec![("checksums".to_owned(), self.schema.fields().len().to_string())]
    }
}

struct BlackholeEncoder;

impl Encoder for BlackholeEncoder {
    fn encode(&mut self, rows: &RecordBatch) -> Result<Encoded, SinkError> {
        let sum = |array| checksum(array).ok_or_else(|| mismatch("a batch has a type without a checksum"));
        let sums = rows.columns().iter().map(AsRef::as_ref).map(sum).collect::<Result<_, _>>()?;
        Ok(Encoded { rows: rows.num_rows() as u64, payload: Payload::Checksums(sums) })
    }
}

struct BlackholeWriter {
    schema: SchemaRef,
    sums: Vec<u64>,
    rows: u64,
}

impl Writer for BlackholeWriter {
    fn write(&mut self, encoded: Encoded) -> Result<(), SinkError> {
        match encoded.payload {
            Payload::Checksums(sums) if sums.len() == self.sums.len() => {
                self.sums.iter_mut().zip(sums).for_each(|(total, sum)| *total = total.wrapping_add(sum));
                self.rows += encoded.rows;
                Ok(())
            }
            _ => Err(mismatch("a batch has another number of columns than the sink")),
        }
    }

    fn prepare(&mut self, _end: Closing) -> Result<Prepared, SinkError> {
        let state = SinkState::Checksums { rows: self.rows, sums: self.sums.clone() };
        Ok(Prepared { state, ..Prepared::default() })
    }

    fn publish(&mut self, _permit: &CommitPermit, _prepared: &Prepared) -> Result<(), SinkError> {
        Ok(())
    }

    fn recover(&mut self, last: &SinkState) -> Result<(), SinkError> {
        if let SinkState::Checksums { rows, sums } = last
            && sums.len() == self.sums.len()
        {
            (self.rows, self.sums) = (*rows, sums.clone());
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<SinkSummary, SinkError> {
        let line = |(field, sum): (&arrow::datatypes::FieldRef, &u64)| {
            (format!("checksum {}", field.name()), format!("{sum:016x}"))
        };
        let details = self.schema.fields().iter().zip(&self.sums).map(line).collect();
        Ok(SinkSummary { rows: self.rows, bytes: 0, details })
    }
}

fn mismatch(reason: &str) -> SinkError {
    SinkError::Encode { format: FORMAT, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{Int64Array, StringArray},
        datatypes::{DataType, Field, IntervalUnit, Schema},
    };

    use super::*;

    #[test]
    fn the_summary_does_not_depend_on_cuts_or_order_of_arrival() {
        let schema =
            Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true), Field::new("s", DataType::Utf8, false)]));
        let numbers = Int64Array::from_iter((0..1000).map(|n| (n % 7 != 0).then_some(n)));
        let strings = StringArray::from_iter_values((0..1000).map(|n| "x".repeat(n % 40)));
        let rows = RecordBatch::try_new(schema.clone(), vec![Arc::new(numbers), Arc::new(strings)]).unwrap();
        let run = |cuts: &[(usize, usize)]| {
            let sink = BlackholeSink::open(schema.clone()).unwrap();
            let (mut encoder, mut writer) = (sink.encoder().unwrap(), sink.writer().unwrap());
            for (start, len) in cuts {
                writer.write(encoder.encode(&rows.slice(*start, *len)).unwrap()).unwrap();
            }
            writer.finish().unwrap()
        };
        let whole = run(&[(0, 1000)]);
        let cut = run(&[(777, 223), (0, 1), (1, 63), (64, 0), (64, 713)]);
        assert_eq!(whole.details, cut.details);
        assert_eq!((whole.rows, cut.rows), (1000, 1000));
        assert_eq!(whole.details[0].0, "checksum n");
        assert_ne!(whole.details, run(&[(0, 999)]).details);
    }

    #[test]
    fn a_type_without_checksum_is_refused_by_name() {
        let field = Field::new("gap", DataType::Interval(IntervalUnit::DayTime), true);
        let error = BlackholeSink::open(Arc::new(Schema::new(vec![field]))).unwrap_err();
        assert!(error.to_string().contains("`gap`"), "{error}");
    }
}
