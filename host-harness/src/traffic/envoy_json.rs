//! A line of Envoy's JSON access log in, one record out.
//!
//! Keys are those of Envoy's, Envoy Gateway's and Istio's default formats, whichever way they are written: `:path`,
//! `path`, `START_TIME`, `x-envoy-upstream-service-time` and `upstream_service_time`. Of two paths the original one counts,
//! which is what a filter sees. Values are text or numbers; null, `-` and the empty text mean that Envoy had none.
//!
//! * time, the first of these that says one: `start_time`, `time`, `timestamp`, `@timestamp`; RFC 3339 or a number since
//!   1970. The last two are often the collector's;
//! * `duration` (`duration_ms`) in milliseconds, also `duration_us` and `duration_ns`; without any there is none;
//! * `response_code`, else `status_code` or `status`: one must be there. 0, `-` and null: no response was sent;
//! * `grpc_status`: a number or gRPC's name, a trailer of the response;
//! * headers: objects `request_headers`, `response_headers`, `response_trailers`, or keys that are Envoy's own operators
//!   (`REQ(x-tenant-id)`, `RESP(server-timing)`, `TRAILER(grpc-message)`). Any other key with a hyphen in it is a header:
//!   of the response where only responses have it (`server-timing`), else of the request (`x-tenant-id`).
//!
//! Other keys are passed over.

mod field;
mod grpc;
mod key;

use super::fields;
use super::record::{Headers, Record};
use crate::stream::{Protocol, ResponseFlags};
use field::Field;
use key::Key;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

pub(super) use key::is_envoys as is_key;

/// A line, as far as it is read.
#[derive(Default)]
struct Line {
    record: Record,
    /// How much its key counts, and what it says.
    time: Option<(u8, Result<u64, String>)>,
    status: Option<(u8, Result<Option<u16>, String>)>,
    /// Nanoseconds to the unit of its key: the finest counts.
    duration: Option<(u32, Result<u64, String>)>,
    original_path: Option<Vec<u8>>,
}

/// Reads one line; the error is the reason.
pub(super) fn parse(line: &[u8]) -> Result<Record, String> {
    struct Object(Line);
    impl<'de> Visitor<'de> for Object {
        type Value = Result<Line, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut wrong = None;
            while let Some((key, field)) = map.next_entry::<Cow<'de, str>, Field<'de>>()? {
                if let Err(reason) = self.0.set(&key, field) {
                    wrong.get_or_insert(reason);
                }
            }
            Ok(wrong.map_or(Ok(self.0), Err))
        }
    }
    let mut json = serde_json::Deserializer::from_slice(line);
    let read = json.deserialize_map(Object(Line::default())).and_then(|read| json.end().map(|()| read));
    read.map_err(|error| super::exchanges::reason(&error))??.finished()
}

impl Line {
    fn set(&mut self, key: &str, field: Field<'_>) -> Result<(), String> {
        let record = &mut self.record;
        match Key::read(key) {
            Key::Time(rank) => counts(&mut self.time, rank, field.time(key).transpose()),
            Key::Status(rank) => counts(&mut self.status, rank, Some(status(key, field))),
            Key::Duration(unit) => {
                let lasted = field.number(key).transpose();
                let nanoseconds = |value: f64| fields::nanoseconds(value, f64::from(unit), key);
                counts(&mut self.duration, unit, lasted.map(|value| value.and_then(nanoseconds)));
            }
            Key::Method => record.method = bytes(key, field)?,
            Key::Path => record.path = bytes(key, field)?,
            Key::OriginalPath => self.original_path = bytes(key, field)?,
            Key::Host => record.host = bytes(key, field)?.unwrap_or_default(),
            Key::Scheme => record.https = field.text().is_some_and(|text| text == "https"),
            Key::Protocol => record.protocol = field.text().and_then(|text| Protocol::parse(text.as_bytes())),
            Key::Flags => {
                record.flags = ResponseFlags::parse(field.text().as_deref().unwrap_or(""))
                    .map_err(|flag| format!("{key}: Envoy has no response flag {flag:?}"))?;
            }
            Key::RequestBytes => record.request_bytes = field.count(key)?,
            Key::ResponseBytes => record.response_bytes = field.count(key)?,
            Key::GrpcStatus => {
                if let Some(code) = field.text().and_then(|text| grpc::code(&text)) {
                    push(&mut record.response_trailers, "grpc-status", &code.to_string())?;
                }
            }
            Key::RequestHeaders => all(&mut record.request_headers, field)?,
            Key::ResponseHeaders => all(&mut record.response_headers, field)?,
            Key::ResponseTrailers => all(&mut record.response_trailers, field)?,
            Key::RequestHeader(name) => header(&mut record.request_headers, name, field)?,
            Key::ResponseHeader(name) => header(&mut record.response_headers, name, field)?,
            Key::ResponseTrailer(name) => header(&mut record.response_trailers, name, field)?,
            Key::Unknown => {}
        }
        Ok(())
    }

    /// The record, once every key is known.
    fn finished(self) -> Result<Record, String> {
        let Self { mut record, time, status, duration, original_path } = self;
        let (_, time) = time.ok_or("there is no start_time")?;
        record.time_ns = time?;
        let (_, status) =
            status.ok_or("there is no response_code (0 or - is an exchange without a response)")?;
        record.status = status?;
        record.duration_ns = duration.map(|(_, lasted)| lasted).transpose()?;
        record.path = original_path.or(record.path);
        let host = fields::take(&mut record.request_headers, b"host");
        if record.host.is_empty() {
            record.host = host.unwrap_or_default();
        }
        Ok(record)
    }
}

/// Keeps what counts more; of keys that count the same, the last.
fn counts<R: Ord, T>(kept: &mut Option<(R, T)>, rank: R, value: Option<T>) {
    if let Some(value) = value
        && kept.as_ref().is_none_or(|(known, _)| rank <= *known)
    {
        *kept = Some((rank, value));
    }
}

fn status(key: &str, field: Field<'_>) -> Result<Option<u16>, String> {
    let code = field.number(key)?.unwrap_or(0.0);
    fields::status(if code.fract() == 0.0 { code as i64 } else { -1 })
}

fn bytes(key: &str, field: Field<'_>) -> Result<Option<Vec<u8>>, String> {
    let text = field.text().map(|text| text.into_owned().into_bytes());
    text.as_deref().map_or(Ok(()), fields::no_control).map_err(|reason| format!("{key} {reason}"))?;
    Ok(text)
}

/// Every header of an object, without pseudo-headers.
fn all(headers: &mut Headers, field: Field<'_>) -> Result<(), String> {
    let Field::Object(fields) = field else { return Ok(()) };
    let own = fields.into_iter().filter(|(name, _)| !name.starts_with(':'));
    own.into_iter().try_for_each(|(name, value)| header(headers, &name, value))
}

fn header(headers: &mut Headers, name: &str, field: Field<'_>) -> Result<(), String> {
    field.text().map_or(Ok(()), |value| push(headers, name, &value))
}

fn push(headers: &mut Headers, name: &str, value: &str) -> Result<(), String> {
    headers.push(fields::header(name, value.as_bytes().to_vec())?);
    Ok(())
}
