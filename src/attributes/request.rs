//! Serialised request headers in, what the filter asks of them out, in one pass and without copies.

use super::header_pairs;
use crate::config::{Config, Exclude, ValueSource};
use crate::exchange::Method;

/// Which request headers matter.
#[derive(Debug, Default)]
pub struct RequestInterests {
    /// Any of these keeps the request out of every metric.
    excluding: Vec<Vec<u8>>,
    /// Any of these may name the tenant, first choice first.
    tenant: Vec<Vec<u8>>,
}

/// What the request headers say.
#[derive(Debug, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// Label `method`.
    pub method: Method,
    /// `:path` as it came in.
    pub path: Option<&'a [u8]>,
    /// The tenant's value as it came in, never empty.
    pub tenant: Option<&'a [u8]>,
    /// Whether a header says that the request is to be counted nowhere.
    pub excluded: bool,
    /// Whether it is a gRPC call.
    pub grpc: bool,
}

impl RequestInterests {
    /// What a configuration asks for.
    pub fn new(config: &Config) -> Self {
        let mut interests = Self::default();
        for exclude in &config.endpoints.exclude {
            match exclude {
                Exclude::Header(name) => interests.excluding.push(name.clone().into_bytes()),
                Exclude::Template(_) => {}
            }
        }
        for source in &config.tenant.sources {
            match source {
                ValueSource::Header(name) => interests.tenant.push(name.clone().into_bytes()),
                // Refused by the configuration of this version.
                ValueSource::Jwt { .. }
                | ValueSource::Path(_)
                | ValueSource::Host(_)
                | ValueSource::Query(_) => {}
            }
        }
        interests
    }

    /// Reads serialised request headers (see [`header_pairs`]).
    pub fn read<'a>(&self, headers: &'a [u8]) -> RequestHead<'a> {
        let mut head =
            RequestHead { method: Method::Other, path: None, tenant: None, excluded: false, grpc: false };
        let mut best_rank = usize::MAX;
        for (name, value) in header_pairs(headers) {
            match name {
                b":method" => head.method = Method::from_bytes(value),
                b":path" => head.path = Some(value),
                b"content-type" => head.grpc = is_grpc(value),
                _ => {}
            }
            if self.excluding.iter().any(|header| header == name) {
                head.excluded = true;
            }
            let rank = self.tenant.iter().position(|header| header == name);
            if let Some(rank) = rank.filter(|rank| *rank < best_rank && !value.is_empty()) {
                best_rank = rank;
                head.tenant = Some(value);
            }
        }
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
