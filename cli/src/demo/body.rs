//! Bodies of a given size, with content-length or without.

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Bytes are sent in pieces of this size.
const PIECE: usize = 16 << 10;
static ZEROS: [u8; PIECE] = [b'.'; PIECE];

/// As many bytes as asked for.
#[derive(Debug)]
pub struct Sized {
    left: usize,
    declared: bool,
}

impl Sized {
    /// `size` bytes; where it is not `declared`, the receiver learns the size at the end only.
    pub fn new(size: usize, declared: bool) -> Self {
        Self { left: size, declared }
    }
}

impl Body for Sized {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = ZEROS.get(..self.left.min(PIECE)).filter(|piece| !piece.is_empty());
        self.left = self.left.saturating_sub(PIECE);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(Bytes::from_static(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && self.declared
    }

    fn size_hint(&self) -> SizeHint {
        match (self.declared, u64::try_from(self.left)) {
            (true, Ok(size)) => SizeHint::with_exact(size),
            (true, Err(_)) | (false, _) => SizeHint::default(),
        }
    }
}
