//! A line of Envoy's JSON access log in, one record out.
//!
//! Keys are those of Envoy's, Envoy Gateway's and Istio's default formats, whichever way they are written: `:path`,
//! `path`, `START_TIME`, `x-envoy-upstream-service-time` and `upstream_service_time`. Of two paths the original one counts,
//! which is what a filter sees. Any other key with a hyphen in it (`x-tenant-id`) is a request header; the rest are
//! passed over. Values are text or numbers; null, `-` and the empty text mean that Envoy had none.
//!
//! * time: `start_time` (also `time`, `timestamp`, `@timestamp`), RFC 3339 or seconds since 1970;
//! * `duration` (`duration_ms`) in milliseconds, also `duration_us` and `duration_ns`; without any there is none;
//! * `response_code` 0 or absent: no response was sent;
//! * `grpc_status`: a number or gRPC's name, a trailer of the response.

use super::{Headers, Record};
use crate::stream::{Protocol, ResponseFlags};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A value of the log.
enum Field<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    /// Null, a truth value, a list, an object.
    Nothing,
}

impl<'de> Deserialize<'de> for Field<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Field<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<'de>, E> {
                Ok(Field::Text(text.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Field<'de>, E> {
                Ok(Field::Text(text.to_owned().into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Field<'de>, E> {
                Ok(Field::Number(number as f64))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Field<'de>, E> {
                Ok(Field::Number(number as f64))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Field<'de>, E> {
                Ok(Field::Number(number))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Field<'de>, E> {
                Ok(Field::Nothing)
            }

            fn visit_unit<E>(self) -> Result<Field<'de>, E> {
                Ok(Field::Nothing)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Field<'de>, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Field::Nothing)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Field::Nothing)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl<'a> Field<'a> {
    /// Its text, where it says something; a whole number as it is written.
    fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) if !matches!(text.trim(), "" | "-") => Some(text),
            Self::Number(number) => Some(number.to_string().into()),
            _ => None,
        }
    }

    fn number(self, key: &str) -> Result<Option<f64>, String> {
        match self {
            Self::Number(number) => Ok(Some(number)),
            other => match other.text() {
                None => Ok(None),
                Some(text) => match text.trim().parse::<f64>() {
                    Ok(number) if number.is_finite() => Ok(Some(number)),
                    _ => Err(format!("{key}: {text:?} is not a number")),
                },
            },
        }
    }

    fn count(self, key: &str) -> Result<u64, String> {
        let number = self.number(key)?.unwrap_or(0.0);
        // Numbers of JSON are exact up to here.
        if (0.0..9.1e15).contains(&number) {
            Ok(number as u64)
        } else {
            Err(format!("{key}: {number} is not a number of bytes"))
        }
    }
}

/// Fields that are looked at once all are known.
#[derive(Default)]
struct Line {
    record: Record,
    time_ns: Option<u64>,
    original_path: Option<Vec<u8>>,
}

/// A key as it is compared: `:path`, `PATH` and `path` are one, `-` and `_` too.
fn plain(key: &str) -> String {
    let key = key.trim_start_matches([':', '@']);
    key.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Whether a JSON object's keys are those of Envoy's log.
pub(super) fn is_key(key: &str) -> bool {
    matches!(plain(key).as_str(), "start_time" | "response_code" | "response_flags" | "bytes_received")
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
    let mut line = read.map_err(|error| super::exchanges::reason(&error))??;
    line.record.time_ns = line.time_ns.ok_or("there is no start_time")?;
    line.record.path = line.original_path.or(line.record.path);
    super::take(&mut line.record.request_headers, b"host")
        .filter(|_| line.record.host.is_empty())
        .into_iter()
        .for_each(|host| line.record.host = host);
    Ok(line.record)
}

impl Line {
    fn set(&mut self, key: &str, field: Field<'_>) -> Result<(), String> {
        let record = &mut self.record;
        match plain(key).as_str() {
            "start_time" | "time" | "timestamp" => self.time_ns = time(key, field)?.or(self.time_ns),
            "method" | "request_method" => record.method = bytes(key, field)?,
            "path" | "request_path" => record.path = bytes(key, field)?,
            "x_envoy_original_path" | "x_envoy_origin_path" | "original_path" => {
                self.original_path = bytes(key, field)?;
            }
            "authority" | "host" => record.host = bytes(key, field)?.unwrap_or_default(),
            "scheme" | "x_forwarded_proto" => record.https = field.text().is_some_and(|text| text == "https"),
            "protocol" => record.protocol = field.text().and_then(|text| Protocol::parse(text.as_bytes())),
            "response_code" | "status" | "status_code" => {
                let code = field.number(key)?.unwrap_or(0.0);
                record.status = super::status(if code.fract() == 0.0 { code as i64 } else { -1 })?;
            }
            "response_flags" => {
                record.flags = ResponseFlags::parse(field.text().as_deref().unwrap_or(""))
                    .map_err(|flag| format!("{key}: Envoy has no response flag {flag:?}"))?;
            }
            "bytes_received" => record.request_bytes = field.count(key)?,
            "bytes_sent" => record.response_bytes = field.count(key)?,
            "duration" | "duration_ms" => self.lasted(key, field, 1e6)?,
            "duration_us" => self.lasted(key, field, 1e3)?,
            "duration_ns" => self.lasted(key, field, 1.0)?,
            "grpc_status" | "grpc_status_number" => {
                if let Some(code) = field.text().and_then(|text| grpc_code(&text)) {
                    push(&mut record.response_trailers, "grpc-status", &code.to_string())?;
                }
            }
            "upstream_service_time" | "x_envoy_upstream_service_time" => {
                header(&mut record.response_headers, "x-envoy-upstream-service-time", field)?;
            }
            "x_envoy_attempt_count" => {
                header(&mut record.response_headers, "x-envoy-attempt-count", field)?;
            }
            "user_agent" => header(&mut record.request_headers, "user-agent", field)?,
            "content_type" => header(&mut record.request_headers, "content-type", field)?,
            "request_id" | "x_request_id" => header(&mut record.request_headers, "x-request-id", field)?,
            "x_forwarded_for" => header(&mut record.request_headers, "x-forwarded-for", field)?,
            _ if key.contains('-') => header(&mut record.request_headers, key, field)?,
            _ => {}
        }
        Ok(())
    }

    fn lasted(&mut self, key: &str, field: Field<'_>, unit: f64) -> Result<(), String> {
        if let Some(value) = field.number(key)? {
            self.record.duration_ns = Some(super::nanoseconds(value, unit, key)?);
        }
        Ok(())
    }
}

fn time(key: &str, field: Field<'_>) -> Result<Option<u64>, String> {
    let Some(text) = field.text() else { return Ok(None) };
    match text.parse::<f64>() {
        // Of such a number the microseconds are exact, and no more.
        Ok(seconds) if (0.0..1e10).contains(&seconds) => Ok(Some((seconds * 1e6).round() as u64 * 1000)),
        _ => super::timestamp(&text).map(Some).map_err(|reason| format!("{key}: {reason}")),
    }
}

fn bytes(key: &str, field: Field<'_>) -> Result<Option<Vec<u8>>, String> {
    let text = field.text().map(|text| text.into_owned().into_bytes());
    text.as_deref().map_or(Ok(()), super::no_control).map_err(|reason| format!("{key} {reason}"))?;
    Ok(text)
}

fn header(headers: &mut Headers, name: &str, field: Field<'_>) -> Result<(), String> {
    field.text().map_or(Ok(()), |value| push(headers, name, &value))
}

fn push(headers: &mut Headers, name: &str, value: &str) -> Result<(), String> {
    headers.push(super::header(name, value.as_bytes().to_vec())?);
    Ok(())
}

/// gRPC's codes by their names, in the order of their numbers; Envoy writes them in snake or camel case.
const GRPC: [&str; 17] = [
    "ok",
    "canceled",
    "unknown",
    "invalidargument",
    "deadlineexceeded",
    "notfound",
    "alreadyexists",
    "permissiondenied",
    "resourceexhausted",
    "failedprecondition",
    "aborted",
    "outofrange",
    "unimplemented",
    "internal",
    "unavailable",
    "dataloss",
    "unauthenticated",
];

fn grpc_code(text: &str) -> Option<u64> {
    let name: String = text.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect();
    let name = if name == "cancelled" { "canceled" } else { &name };
    name.parse().ok().or_else(|| GRPC.iter().position(|known| *known == name).map(|at| at as u64))
}
