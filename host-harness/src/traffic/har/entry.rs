//! One entry of a HAR in, one record out: a browser's view becomes a gateway's.
//!
//! * `time` is milliseconds; where it is missing, null or negative there is no duration.
//! * no response, no status, status 0, or -1 as Playwright writes it, is an exchange that was aborted or blocked, or had
//!   not ended: flag `DC`.
//! * body sizes of -1 are unknown: the request's is then the length of `postData.text`, the response's
//!   `content.size`, else 0.
//! * pseudo-headers and `host` come from the URL and the method. A header without a value, or with a name that HTTP
//!   does not know, is left out.
//! * a time without an offset is UTC.

use super::loose::{Number, Text};
use crate::stream::{Protocol, ResponseFlags};
use crate::traffic::record::{Headers, Record};
use crate::traffic::{fields, url};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: String,
    #[serde(default)]
    time: Number,
    request: Request,
    #[serde(default)]
    response: Option<Response>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    http_version: Option<Text>,
    #[serde(default)]
    headers: Option<Vec<Header>>,
    #[serde(default)]
    body_size: Number,
    #[serde(default)]
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
struct PostData {
    #[serde(default)]
    text: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Response {
    status: Number,
    http_version: Option<Text>,
    headers: Option<Vec<Header>>,
    body_size: Number,
    content: Option<Content>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    size: Number,
}

#[derive(Deserialize)]
struct Header {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    value: Option<Text>,
}

/// One entry; `None` where it is no traffic. The error is the line within the entry, from 0, and the reason.
pub(super) fn entry(json: &str) -> Result<Option<Record>, (u64, String)> {
    let entry: Entry = serde_json::from_str(json).map_err(|error| {
        let words = error.to_string();
        let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
        ((error.line() as u64).saturating_sub(1), format!("entry: {words}"))
    })?;
    let Some(url) = url::split(entry.request.url.as_bytes()) else { return Ok(None) };
    record(&entry, &url).map(Some).map_err(|reason| (0, format!("entry: {reason}")))
}

fn record(entry: &Entry, url: &url::Url<'_>) -> Result<Record, String> {
    let nothing = Response::default();
    let (request, response) = (&entry.request, entry.response.as_ref().unwrap_or(&nothing));
    fields::no_control(&url.path).map_err(|reason| format!("url {reason}"))?;
    if !fields::is_token(request.method.as_bytes()) {
        return Err(format!("{:?} is not an HTTP method", request.method));
    }
    let posted =
        || request.post_data.as_ref().and_then(|data| data.text.as_ref()).map(|text| text.0.len() as u64);
    let shown = || response.content.as_ref().and_then(|content| content.size.size());
    let status = match response.status.0 {
        None | Some(-1.0) => None,
        Some(code) => fields::status(if code.fract() == 0.0 { code as i64 } else { -1 })?,
    };
    let version = |version: &Option<Text>| version.as_ref().and_then(|v| Protocol::parse(&v.0));
    Ok(Record {
        time_ns: time(&entry.started_date_time).map_err(|reason| format!("startedDateTime: {reason}"))?,
        method: Some(request.method.as_bytes().to_vec()),
        path: Some(url.path.clone()),
        host: url.authority.to_vec(),
        https: url.https,
        request_headers: headers(&request.headers)?,
        status,
        response_headers: headers(&response.headers)?,
        response_trailers: Vec::new(),
        request_bytes: fields::size(request.body_size.size().or_else(posted).unwrap_or(0))?,
        response_bytes: fields::size(response.body_size.size().or_else(shown).unwrap_or(0))?,
        duration_ns: match entry.time.0.filter(|time| *time >= 0.0) {
            Some(time) => Some(fields::nanoseconds(time, 1e6, "time")?),
            None => None,
        },
        flags: if status.is_none() { ResponseFlags::DOWNSTREAM_DISCONNECT } else { ResponseFlags::default() },
        protocol: version(&request.http_version).or_else(|| version(&response.http_version)),
        upstream: None,
    })
}

fn time(text: &str) -> Result<u64, String> {
    match text.parse::<jiff::civil::DateTime>() {
        Ok(_) if text.parse::<jiff::Timestamp>().is_err() => fields::timestamp(&format!("{text}Z")),
        _ => fields::timestamp(text),
    }
}

fn headers(headers: &Option<Vec<Header>>) -> Result<Headers, String> {
    let known = |header: &&Header| header.name.as_ref().is_some_and(|name| fields::is_token(name.as_bytes()));
    let mut list = Headers::new();
    for Header { name, value } in headers.iter().flatten().filter(known) {
        if let (Some(name), Some(Text(value))) = (name, value) {
            let line = value.iter().map(|byte| if matches!(byte, 0 | b'\r' | b'\n') { b' ' } else { *byte });
            list.push(fields::header(name, line.collect())?);
        }
    }
    fields::take(&mut list, b"host");
    Ok(list)
}
