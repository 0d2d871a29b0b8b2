//! What a filter answers itself in, the response that Envoy makes of it out.

use crate::headers::HeaderMap;

/// What a filter answered itself, with `proxy_send_local_response`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalReply {
    /// The code.
    pub code: u16,
    /// Headers that the filter adds.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// What the filter says of the reason; in Envoy's log, blanks are `_`.
    pub details: String,
    /// The gRPC status, for gRPC requests; the code's where there is none.
    pub grpc_status: Option<u32>,
}

impl LocalReply {
    /// What is sent: code, headers, body. A gRPC client gets its status in headers and no body.
    pub(crate) fn response(&self, request: Option<&HeaderMap>) -> (u16, HeaderMap, Vec<u8>) {
        let grpc = request.and_then(|headers| headers.get(b"content-type")).is_some_and(|value| {
            value.strip_prefix(b"application/grpc").is_some_and(|rest| matches!(rest, [] | [b'+', ..]))
        });
        let code = if grpc { 200 } else { self.code };
        let mut pairs: Vec<(&[u8], Vec<u8>)> = vec![(b":status", code.to_string().into_bytes())];
        if grpc {
            let status = self.grpc_status.map_or_else(|| grpc_status(self.code), u64::from);
            pairs.push((b"content-type", b"application/grpc".to_vec()));
            pairs.push((b"grpc-status", status.to_string().into_bytes()));
            if !self.body.is_empty() {
                pairs.push((b"grpc-message", self.body.clone()));
            }
        } else if !self.body.is_empty() {
            pairs.push((b"content-length", self.body.len().to_string().into_bytes()));
            pairs.push((b"content-type", b"text/plain".to_vec()));
        }
        let standard = pairs.iter().map(|(name, value)| (*name, value.as_slice()));
        let headers = HeaderMap::new(standard.chain(self.headers.iter()));
        (code, headers, if grpc { Vec::new() } else { self.body.clone() })
    }
}

/// The gRPC status that Envoy derives from an HTTP code.
pub(crate) fn grpc_status(code: u16) -> u64 {
    match code {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => 14,
        _ => 2,
    }
}
