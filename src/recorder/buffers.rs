//! Buffers for what the host hands over: taken, and given back to be used again, so that a stream costs no allocation.

/// Most buffers that are kept. More are needed only while so many streams wait whose headers custom metrics read.
const MOST: usize = 64;
/// Most bytes that a kept buffer may have: one stream with huge headers does not cost memory for ever.
const LARGEST: usize = 16 * 1024;

/// Buffers that nobody uses at present.
#[derive(Debug, Default)]
pub(super) struct Buffers(Vec<Vec<u8>>);

impl Buffers {
    /// One of them, or a new one; whatever it holds is nobody's.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    /// Takes one back.
    pub(super) fn give(&mut self, buffer: Vec<u8>) {
        if self.0.len() < MOST && buffer.capacity() > 0 && buffer.capacity() <= LARGEST {
            self.0.push(buffer);
        }
    }
}
