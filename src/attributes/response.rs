//! Serialised response headers and trailers in, what Envoy's router and gRPC say in them out.

use super::{Attributes, HeaderMap, HostStatus, header_pairs};
use crate::config::Config;
use crate::exchange::{GrpcCode, UpstreamFacts, decimal};
use crate::metric::Metric;

const SERVICE_TIME: &str = "x-envoy-upstream-service-time";
const ATTEMPTS: &str = "x-envoy-attempt-count";
const GRPC_STATUS: &str = "grpc-status";

/// What is asked of response headers one by one.
#[derive(Debug, Clone, Copy)]
pub struct UpstreamInterests {
    service_time: bool,
    attempts: bool,
}

impl UpstreamInterests {
    /// What the metrics of a configuration need.
    pub fn new(config: &Config) -> Self {
        Self {
            service_time: config.emits(Metric::HttpUpstreamDuration),
            attempts: config.emits(Metric::HttpRetries),
        }
    }

    /// Reads what Envoy's router says of the upstream, and the code of a gRPC call that fails at once. Of a header that
    /// repeats, the first value that is not empty counts; what cannot be understood is as good as absent.
    pub fn read(
        self,
        grpc: bool,
        buffer: &mut Vec<u8>,
        host: &mut impl Attributes,
    ) -> Result<(UpstreamFacts, Option<GrpcCode>), HostStatus> {
        let (mut facts, mut grpc_code) = (UpstreamFacts::default(), None);
        for (wanted, name) in
            [(self.service_time, SERVICE_TIME), (self.attempts, ATTEMPTS), (grpc, GRPC_STATUS)]
        {
            if !wanted {
                continue;
            }
            match host.header(HeaderMap::Response, name, buffer) {
                // Nobody sends that, but another value may follow.
                Ok(()) if buffer.is_empty() => {
                    host.headers(HeaderMap::Response, buffer)?;
                    let grpc_code = if grpc { grpc_status(buffer) } else { None };
                    return Ok((upstream_facts(buffer, |_| {}), grpc_code));
                }
                Ok(()) => match name {
                    SERVICE_TIME => facts.service_time_ms = decimal(buffer),
                    ATTEMPTS => facts.attempts = decimal(buffer),
                    _ => grpc_code = Some(GrpcCode::from_header(buffer)),
                },
                Err(status) if status.is_absent() => {}
                Err(status) => return Err(status),
            }
        }
        Ok((facts, grpc_code))
    }
}

/// What Envoy's router says of the upstream; what cannot be read is as good as absent. Of a header that repeats, the
/// first value that is not empty counts. Each name is shown to `visit` on the way: a pass of its own costs more.
pub fn upstream_facts(headers: &[u8], mut visit: impl FnMut(&[u8])) -> UpstreamFacts {
    let (mut service_time, mut attempts) = (None, None);
    for (name, value) in header_pairs(headers) {
        visit(name);
        let filled = Some(value).filter(|value| !value.is_empty());
        match name {
            name if name == SERVICE_TIME.as_bytes() => service_time = service_time.or(filled),
            name if name == ATTEMPTS.as_bytes() => attempts = attempts.or(filled),
            _ => {}
        }
    }
    UpstreamFacts { service_time_ms: service_time.and_then(decimal), attempts: attempts.and_then(decimal) }
}

/// The code in response trailers, or in the headers of a response that has none.
pub fn grpc_status(headers: &[u8]) -> Option<GrpcCode> {
    header_pairs(headers)
        .find(|(name, _)| *name == GRPC_STATUS.as_bytes())
        .map(|(_, value)| GrpcCode::from_header(value))
}
