//! Serialised response headers and trailers in, what Envoy's router and gRPC say in them out.

use super::header_pairs;
use crate::exchange::{GrpcCode, UpstreamFacts, decimal};

/// What Envoy's router says of the upstream; what cannot be read is as good as absent. Of a header that repeats, the
/// first value that is not empty counts. Each name is shown to `visit` on the way: a pass of its own costs more.
pub fn upstream_facts(headers: &[u8], mut visit: impl FnMut(&[u8])) -> UpstreamFacts {
    let (mut service_time, mut attempts) = (None, None);
    for (name, value) in header_pairs(headers) {
        visit(name);
        let filled = Some(value).filter(|value| !value.is_empty());
        match name {
            b"x-envoy-upstream-service-time" => service_time = service_time.or(filled),
            b"x-envoy-attempt-count" => attempts = attempts.or(filled),
            _ => {}
        }
    }
    UpstreamFacts { service_time_ms: service_time.and_then(decimal), attempts: attempts.and_then(decimal) }
}

/// The code in response trailers, or in the headers of a response that has none.
pub fn grpc_status(headers: &[u8]) -> Option<GrpcCode> {
    header_pairs(headers)
        .find(|(name, _)| *name == b"grpc-status")
        .map(|(_, value)| GrpcCode::from_header(value))
}
