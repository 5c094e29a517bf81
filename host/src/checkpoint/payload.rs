//! Payloads of frames: records and claims as MessagePack with named fields, and the outboxes beside a record as they are.
//!
//! ```text
//!  epoch   0            4               8                        8 + 8n
//!          │ record: u32 │ outboxes: u32 │ n lengths: u64 each    │ record │ outbox 0 │ outbox 1 │ …
//! ```
//!
//! Fields that are not known are left out of account, so that an older Pelton reads what a newer one wrote within one format version.

use pelton_core::{
    checkpoint::{claim::Claim, record::Record},
    model::Epoch,
};
use serde::de::DeserializeOwned;

/// An epoch's payload.
pub(super) fn encode_epoch(record: &Record, outboxes: &[Vec<u8>]) -> Result<Vec<u8>, String> {
    let record = rmp_serde::to_vec_named(record).map_err(|error| error.to_string())?;
    let outbox_bytes: usize = outboxes.iter().map(Vec::len).sum();
    let mut payload = Vec::with_capacity(8 + 8 * outboxes.len() + record.len() + outbox_bytes);
    payload.extend((record.len() as u32).to_le_bytes());
    payload.extend((outboxes.len() as u32).to_le_bytes());
    payload.extend(outboxes.iter().flat_map(|outbox| (outbox.len() as u64).to_le_bytes()));
    payload.extend(record);
    outboxes.iter().for_each(|outbox| payload.extend_from_slice(outbox));
    Ok(payload)
}

/// An epoch's payload in its parts. `R` is the record, or its outline.
pub(super) struct EpochPayload<'a, R> {
    pub(super) record: R,
    /// One for each sink.
    pub(super) outboxes: Vec<&'a [u8]>,
}

pub(super) fn decode_epoch<R: DeserializeOwned>(payload: &[u8]) -> Result<EpochPayload<'_, R>, String> {
    let short = || "it is shorter than it says".to_owned();
    let (record_bytes, rest) = payload.split_first_chunk().ok_or_else(short)?;
    let (outboxes, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let lengths_bytes = (u32::from_le_bytes(*outboxes) as usize).checked_mul(8).ok_or_else(short)?;
    let (lengths, rest) = rest.split_at_checked(lengths_bytes).ok_or_else(short)?;
    let (record, mut rest) = rest.split_at_checked(u32::from_le_bytes(*record_bytes) as usize).ok_or_else(short)?;
    let mut outboxes = Vec::with_capacity(lengths_bytes / 8);
    for length in lengths.as_chunks::<8>().0 {
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| short())?;
        let (outbox, behind) = rest.split_at_checked(length).ok_or_else(short)?;
        outboxes.push(outbox);
        rest = behind;
    }
    if !rest.is_empty() {
        return Err("it is longer than it says".into());
    }
    let record = rmp_serde::from_slice(record).map_err(|error| error.to_string())?;
    Ok(EpochPayload { record, outboxes })
}

pub(super) fn encode_claim(claim: &Claim) -> Result<Vec<u8>, String> {
    rmp_serde::to_vec_named(claim).map_err(|error| error.to_string())
}

pub(super) fn decode_claim(payload: &[u8]) -> Result<Claim, String> {
    rmp_serde::from_slice(payload).map_err(|error| error.to_string())
}

pub(super) fn encode_published(epoch: Epoch) -> Vec<u8> {
    epoch.0.to_le_bytes().to_vec()
}

pub(super) fn decode_published(payload: &[u8]) -> Result<Epoch, String> {
    let bytes = payload.try_into().map_err(|_| format!("it has {} bytes instead of 8", payload.len()))?;
    Ok(Epoch(u64::from_le_bytes(bytes)))
}
