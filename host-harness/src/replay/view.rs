//! A record in, what Envoy would show a filter out.

use crate::headers::HeaderMap;
use crate::stream::{Completion, Request, Response};
use crate::traffic::Record;
use std::iter;

type Pair<'a> = (&'a [u8], &'a [u8]);

fn plain(headers: &[(Vec<u8>, Vec<u8>)]) -> impl Iterator<Item = Pair<'_>> + Clone {
    headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
}

fn pseudo<'a>(name: &'a [u8], value: Option<&'a Vec<u8>>) -> impl Iterator<Item = Pair<'a>> + Clone {
    value.map(|value| (name, value.as_slice())).into_iter()
}

/// The request: pseudo-headers in Envoy's order, then the headers.
pub(super) fn request(record: &Record, time_ns: u64) -> Request {
    let headers = record.has_request().then(|| {
        let scheme: &[u8] = if record.https { b"https" } else { b"http" };
        let host = Some(&record.host).filter(|host| !host.is_empty());
        let fixed = pseudo(b":authority", host)
            .chain(pseudo(b":path", record.path.as_ref()))
            .chain(pseudo(b":method", record.method.as_ref()))
            .chain(iter::once((&b":scheme"[..], scheme)));
        HeaderMap::new(fixed.chain(plain(&record.request_headers)))
    });
    Request { headers, time_ns, protocol: record.protocol, end_of_stream: record.request_bytes == 0 }
}

/// The response; `None` where none was sent.
pub(super) fn response(record: &Record) -> Option<Response> {
    let code = record.status?;
    let text = code.to_string();
    let headers =
        HeaderMap::new(iter::once((&b":status"[..], text.as_bytes())).chain(plain(&record.response_headers)));
    let end_of_stream = record.response_bytes == 0 && record.response_trailers.is_empty();
    Some(Response { headers, code, end_of_stream })
}

/// The response's trailers; `None` where there are none.
pub(super) fn trailers(record: &Record) -> Option<HeaderMap> {
    let trailers = &record.response_trailers;
    (record.status.is_some() && !trailers.is_empty()).then(|| HeaderMap::new(plain(trailers)))
}

/// The figures of the end.
pub(super) fn completion(record: &Record) -> Completion {
    Completion {
        code: record.status,
        flags: record.flags,
        duration_ns: record.duration_ns,
        request_bytes: record.request_bytes,
        response_bytes: record.response_bytes,
        upstream: record.upstream.clone(),
    }
}
