//! What the host said of one exchange, as far as rules read it.

use crate::attributes::header_pairs;

/// The header maps of one exchange as the host serialised them, as far as rules read them.
#[derive(Debug, Default)]
pub struct Messages {
    /// The request's headers.
    pub request: Option<Vec<u8>>,
    /// The response's headers.
    pub response: Option<Vec<u8>>,
    /// The response's trailers.
    pub trailers: Option<Vec<u8>>,
}

impl Messages {
    /// The buffers that they were kept in; then there are none.
    pub fn take_buffers(&mut self) -> impl Iterator<Item = Vec<u8>> {
        [self.request.take(), self.response.take(), self.trailers.take()].into_iter().flatten()
    }
}

/// The first value of a header that is not empty.
pub(super) fn first_value<'m>(headers: &'m [u8], name: &[u8]) -> Option<&'m [u8]> {
    header_pairs(headers).find(|(known, value)| *known == name && !value.is_empty()).map(|(_, value)| value)
}
