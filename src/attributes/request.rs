//! Serialised request headers in, what the filter asks of them out, in one pass and without copies.

use super::header_pairs;
use crate::config::{Config, Exclude, MAX_SOURCES};
use crate::exchange::Method;

/// Most headers that one configuration can look for: the sources of tenant and user, and isolation's two.
const MAX_HEADERS: usize = 2 * MAX_SOURCES + 2;

/// A header's place in [`HeaderValues`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderSlot(pub usize);

/// The first value that is not empty of each header that is looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeaderValues<'a>([Option<&'a [u8]>; MAX_HEADERS]);

impl<'a> HeaderValues<'a> {
    /// A header's value, never empty.
    pub fn get(&self, HeaderSlot(slot): HeaderSlot) -> Option<&'a [u8]> {
        self.0.get(slot).copied().flatten()
    }

    fn offer(&mut self, slot: usize, value: &'a [u8]) {
        if let Some(place @ None) = self.0.get_mut(slot).filter(|_| !value.is_empty()) {
            *place = Some(value);
        }
    }
}

/// Which request headers matter.
#[derive(Debug, Default)]
pub struct RequestInterests {
    /// Any of these keeps the request out of every metric.
    excluding: Vec<Vec<u8>>,
    /// The place of each is its slot.
    wanted: Vec<Vec<u8>>,
}

/// What the request headers say. Of a header that repeats, the first value that is not empty counts.
#[derive(Debug, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// Label `method`.
    pub method: Method,
    /// `:path` as it came in.
    pub path: Option<&'a [u8]>,
    /// The headers that are looked for.
    pub values: HeaderValues<'a>,
    /// Whether a header says that the request is to be counted nowhere.
    pub excluded: bool,
    /// Whether it is a gRPC call.
    pub grpc: bool,
}

impl RequestInterests {
    /// What a configuration asks for; `wanted` are the names of the headers in their slots.
    pub fn new(config: &Config, wanted: &[Vec<u8>]) -> Self {
        let header = |exclude: &Exclude| match exclude {
            Exclude::Header(name) => Some(name.clone().into_bytes()),
            Exclude::Template(_) => None,
        };
        let excluding = config.endpoints.exclude.iter().filter_map(header).collect();
        Self { excluding, wanted: wanted.to_vec() }
    }

    /// Reads serialised request headers (see [`header_pairs`]).
    pub fn read<'a>(&self, headers: &'a [u8]) -> RequestHead<'a> {
        let mut head = RequestHead {
            method: Method::Other,
            path: None,
            values: HeaderValues::default(),
            excluded: false,
            grpc: false,
        };
        let (mut method, mut content_type) = (None, None);
        for (name, value) in header_pairs(headers) {
            let filled = Some(value).filter(|value| !value.is_empty());
            match name {
                b":method" => method = method.or(filled),
                b":path" => head.path = head.path.or(filled),
                b"content-type" => content_type = content_type.or(filled),
                _ => {}
            }
            if self.excluding.iter().any(|header| header == name) {
                head.excluded = true;
            }
            if let Some(slot) = self.wanted.iter().position(|header| header == name) {
                head.values.offer(slot, value);
            }
        }
        head.method = method.map_or(Method::Other, Method::from_bytes);
        head.grpc = content_type.is_some_and(is_grpc);
        head
    }
}

/// `application/grpc` and `application/grpc+…`, as Envoy tells gRPC calls, and with parameters, which Envoy does not
/// expect; gRPC-Web is another type.
fn is_grpc(content_type: &[u8]) -> bool {
    match content_type.strip_prefix(b"application/grpc") {
        Some(rest) => matches!(rest.first(), None | Some(b'+' | b';')),
        None => false,
    }
}
