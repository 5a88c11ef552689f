//! One record: length, checksum, sequence number, payload.
//!
//! | bytes | content (little endian) |
//! |---|---|
//! | 0..4 | length of the payload, 1 to 65,536 |
//! | 4..8 | CRC-32 of payload, sequence and length, in this order |
//! | 8..16 | sequence, 1 to 2^48 - 1 |
//! | 16.. | payload |
//!
//! A record tells by itself whether it is whole, so it can be found again after damage by trying every offset.

use std::ops::Range;

use crc32fast::Hasher;

/// Bytes of the largest payload.
pub const MAX_PAYLOAD: usize = 65_536;
/// The largest sequence: identities of events leave 48 bits to it.
pub const MAX_SEQUENCE: u64 = (1 << 48) - 1;
/// Bytes before the payload.
pub(super) const HEAD: usize = 16;
/// Bytes of the largest record.
pub(super) const MAX_RECORD: usize = HEAD + MAX_PAYLOAD;

/// The checksum of a payload, to be finished once its sequence is known: the long part needs no lock.
pub(super) fn digest(payload: &[u8]) -> Hasher {
    let mut hasher = Hasher::new();
    hasher.update(payload);
    hasher
}

fn finish(mut digest: Hasher, sequence: u64, length: u32) -> u32 {
    let mut tail = [0; 12];
    tail[..8].copy_from_slice(&sequence.to_le_bytes());
    tail[8..].copy_from_slice(&length.to_le_bytes());
    digest.update(&tail);
    digest.finalize()
}

/// Appends a record to `buffer`. `digest` is that of `payload`, which holds at most [`MAX_PAYLOAD`] bytes.
pub(super) fn push(buffer: &mut Vec<u8>, digest: Hasher, sequence: u64, payload: &[u8]) {
    debug_assert!(!payload.is_empty() && payload.len() <= MAX_PAYLOAD && sequence <= MAX_SEQUENCE);
    let length = payload.len() as u32;
    buffer.reserve(HEAD + payload.len());
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&finish(digest, sequence, length).to_le_bytes());
    buffer.extend_from_slice(&sequence.to_le_bytes());
    buffer.extend_from_slice(payload);
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// A whole record, `size` bytes long.
    Record { sequence: u64, payload: Range<usize>, size: usize },
    /// Perhaps a record, of which there are too few bytes to tell.
    Short,
    /// No record.
    Bad,
}

/// Looks at the beginning of `bytes`.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let Some(head) = bytes.first_chunk::<HEAD>() else { return Parsed::Short };
    let [l0, l1, l2, l3, c0, c1, c2, c3, sequence @ ..] = *head;
    let (length, sequence) = (u32::from_le_bytes([l0, l1, l2, l3]), u64::from_le_bytes(sequence));
    let size = HEAD + length as usize;
    if length == 0 || size > MAX_RECORD || sequence == 0 || sequence > MAX_SEQUENCE {
        return Parsed::Bad;
    }
    let Some(payload) = bytes.get(HEAD..size) else { return Parsed::Short };
    if finish(digest(payload), sequence, length) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Parsed::Bad;
    }
    Parsed::Record { sequence, payload: HEAD..size, size }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whole_is_read_and_any_flipped_bit_is_seen(
            payload in prop::collection::vec(any::<u8>(), 1..300),
            sequence in 1..=MAX_SEQUENCE,
            flip: prop::sample::Index,
            cut: prop::sample::Index,
        ) {
            let mut bytes = vec![];
            push(&mut bytes, digest(&payload), sequence, &payload);
            let size = bytes.len();
            prop_assert_eq!(parse(&bytes), Parsed::Record { sequence, payload: HEAD..size, size });
            prop_assert_eq!(parse(&bytes[..cut.index(size)]), Parsed::Short);
            let bit = flip.index(size * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let damaged = parse(&bytes);
            prop_assert!(!matches!(damaged, Parsed::Record { .. }), "{:?}", damaged);
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            parse(&bytes);
        }
    }
}
