//! Serialised response headers and trailers in, what Envoy's router and gRPC say in them out.

use super::header_pairs;
use crate::exchange::{GrpcCode, UpstreamFacts, decimal};

/// What Envoy's router says of the upstream; what cannot be read is as good as absent.
pub fn upstream_facts(headers: &[u8]) -> UpstreamFacts {
    let mut facts = UpstreamFacts::default();
    for (name, value) in header_pairs(headers) {
        match name {
            b"x-envoy-upstream-service-time" => facts.service_time_ms = decimal(value),
            b"x-envoy-attempt-count" => facts.attempts = decimal(value),
            _ => {}
        }
    }
    facts
}

/// The code in response trailers, or in the headers of a response that has none.
pub fn grpc_status(headers: &[u8]) -> Option<GrpcCode> {
    header_pairs(headers)
        .find(|(name, _)| *name == b"grpc-status")
        .map(|(_, value)| GrpcCode::from_header(value))
}
