//! What streams need while they last: taken, and given back to be used again, so that a stream costs no allocation.

use super::stream::Open;

/// Most of each kind that are kept. More are needed only while so many streams wait.
const MOST: usize = 64;
/// Most bytes that a kept buffer may have: one stream with huge headers does not cost memory for ever.
const LARGEST: usize = 16 * 1024;

/// What nobody uses at present.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// For what the host hands over.
    bytes: Vec<Vec<u8>>,
    #[expect(clippy::vec_box, reason = "streams hold the boxes: moving what is in them is what they save")]
    open: Vec<Box<Open>>,
}

impl Buffers {
    /// A buffer that was used before, or a new one; whatever it holds is nobody's.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.bytes.pop().unwrap_or_default()
    }

    /// Takes one back.
    pub(super) fn give(&mut self, buffer: Vec<u8>) {
        if self.bytes.len() < MOST && buffer.capacity() > 0 && buffer.capacity() <= LARGEST {
            self.bytes.push(buffer);
        }
    }

    /// Room for a stream that begins: nothing is known of it.
    pub(super) fn take_open(&mut self) -> Box<Open> {
        self.open.pop().unwrap_or_default()
    }

    /// Takes it back.
    pub(super) fn give_open(&mut self, mut open: Box<Open>) {
        if self.open.len() < MOST {
            *open = Open::default();
            self.open.push(open);
        }
    }
}
