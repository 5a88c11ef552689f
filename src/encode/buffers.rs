//! Memory for the parts of a long answer, used again once a part is sent: else each part asks the system for fresh memory.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;

/// Buffers that are kept for the next part; of an answer that is sent there are hardly more.
const KEPT: usize = 4;

/// The buffers of one answer.
#[derive(Debug, Default)]
pub struct Buffers(Arc<Free>);

type Free = Mutex<Vec<Vec<u8>>>;

impl Buffers {
    /// An empty buffer, if there is one with the memory of an earlier part.
    pub fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// A part as it is sent. Its buffer comes back when nobody needs the part any more.
    pub fn part(&self, buffer: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent { buffer, home: Arc::downgrade(&self.0) })
    }
}

/// A buffer that is under way.
struct Lent {
    buffer: Vec<u8>,
    home: Weak<Free>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(home) = self.home.upgrade() else { return };
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let mut free = home.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT {
            free.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_when_their_part_is_gone() {
        let buffers = Buffers::default();
        let mut first = buffers.take();
        first.extend_from_slice(b"part");
        let memory = first.as_ptr();
        let part = buffers.part(first);
        let slice = part.slice(1..3);
        drop(part);
        assert!(buffers.take().capacity() == 0, "somebody still reads it");
        assert_eq!(&slice[..], b"ar");
        drop(slice);
        let again = buffers.take();
        assert_eq!((again.len(), again.as_ptr()), (0, memory));
        let part = buffers.part(again);
        drop(buffers);
        drop(part);
    }
}
