//! A line of Apache's or nginx's combined log in, one record out.
//!
//! `CLIENT IDENT USER [17/May/2015:10:05:03 +0000] "GET /path HTTP/1.1" 200 512 "REFERER" "USER AGENT"`, also without
//! the last two (common log), and then nginx's `$request_time`: seconds with a decimal point. Other quoted fields
//! may stand between; one that is not closed, as in logs that cut long lines, ends with the line. The time is nginx's of
//! the end where there is a request time, and the start so much earlier; without one it is taken as the start, as Apache
//! writes it, and there is no duration. A request
//! line that cannot be read (`-`, TLS on a plain port) is still a request: method and path are unknown. An absolute
//! URL gives host and path. Status `-` or 000 means that no response was sent; nginx's 499 too: the client left.

use super::record::{Headers, Record};
use super::{fields, url};
use crate::stream::{Protocol, ResponseFlags};

/// Reads one line; the error is the reason.
pub(super) fn parse(line: &[u8]) -> Result<Record, String> {
    let (time_ns, rest) = start(line)?;
    let mut fields = Fields(rest);
    let request = fields.quoted(true)?.ok_or("expected a request line in double quotes after the time")?;
    let status = fields.word().ok_or("expected a status after the request line")?;
    let bytes = fields.word().ok_or("expected a number of bytes, or -, after the status")?;
    let mut record = Record {
        time_ns,
        status: match status {
            b"-" | b"499" => None,
            _ => fields::status(number(status, "status")?.try_into().unwrap_or(i64::MAX))?,
        },
        flags: if status == b"499" {
            ResponseFlags::parse("DC").unwrap_or_default()
        } else {
            ResponseFlags::default()
        },
        response_bytes: if bytes == b"-" { 0 } else { fields::size(number(bytes, "bytes")?)? },
        duration_ns: None,
        ..Record::default()
    };
    read_request_line(&request, &mut record);
    for name in ["referer", "user-agent"] {
        let Some(value) = fields.quoted(false)? else { break };
        push(&mut record.request_headers, name, value)?;
    }
    while fields.quoted(false)?.is_some() {}
    if let Some(time) = fields.word() {
        record.duration_ns = request_time(time)?;
        record.time_ns = time_ns.saturating_sub(record.duration_ns.unwrap_or(0));
    }
    if !fields.0.trim_ascii().is_empty() {
        return Err(format!(
            "unexpected text at the end: {}",
            String::from_utf8_lossy(fields.0.trim_ascii())
        ));
    }
    Ok(record)
}

/// The time in brackets, behind at least client, ident and user; and what follows.
fn start(line: &[u8]) -> Result<(u64, &[u8]), String> {
    let mut from = 0;
    while let Some(at) = line.get(from..).and_then(|rest| rest.iter().position(|b| *b == b'[')) {
        let open = from + at;
        from = open + 1;
        // A user name, or an IPv6 address, may have a bracket too.
        let (Some(before), Some(text)) = (line.get(..open), line.get(open + 1..open + 27)) else { break };
        if line.get(open + 27) == Some(&b']') {
            let words = before.split(|b| b.is_ascii_whitespace()).filter(|word| !word.is_empty()).count();
            if let (Some(time_ns), true) = (clf_time(text), words >= 3) {
                return Ok((time_ns, line.get(open + 28..).unwrap_or_default()));
            }
        }
    }
    Err("not a combined log line: expected CLIENT IDENT USER [DD/Mon/YYYY:HH:MM:SS +ZZZZ]".to_owned())
}

/// `17/May/2015:10:05:03 +0000`, in nanoseconds since 1970.
fn clf_time(text: &[u8]) -> Option<u64> {
    const MONTHS: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let digits = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        digits.iter().try_fold(0, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
    };
    let marks = [(2, b'/'), (6, b'/'), (11, b':'), (14, b':'), (17, b':'), (20, b' ')];
    if marks.iter().any(|(at, mark)| text.get(*at) != Some(mark)) {
        return None;
    }
    let month = MONTHS.iter().position(|name| text.get(3..6) == Some(*name))? as i8 + 1;
    let day = i8::try_from(digits(0, 2)?).ok()?;
    let date = jiff::civil::Date::new(i16::try_from(digits(7, 11)?).ok()?, month, day).ok()?;
    let days = date.since(jiff::civil::Date::constant(1970, 1, 1)).ok()?.get_days();
    let (hour, minute, second) = (digits(12, 14)?, digits(15, 17)?, digits(18, 20)?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let offset = digits(22, 24)? * 3600 + digits(24, 26)? * 60;
    let offset = match text.get(21)? {
        b'+' => offset,
        b'-' => -offset,
        _ => return None,
    };
    let seconds = i64::from(days) * 86400 + hour * 3600 + minute * 60 + second - offset;
    fields::at(i128::from(seconds) * 1_000_000_000).ok()
}

fn read_request_line(line: &[u8], record: &mut Record) {
    let mut words = line.split(|b| *b == b' ');
    let (Some(method), Some(target), version, None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return;
    };
    let protocol = version.and_then(Protocol::parse);
    // HTTP/0.9 has no version; any other third word is not HTTP.
    if !fields::is_token(method)
        || (version.is_some() && protocol.is_none())
        || fields::no_control(target).is_err()
    {
        return;
    }
    let (host, path) = match target {
        [b'/', ..] | b"*" => (&b""[..], target.to_vec()),
        _ if method == b"CONNECT" && !target.is_empty() => (target, target.to_vec()),
        _ => match url::split(target) {
            Some(url) => (url.authority, url.path),
            None => return,
        },
    };
    record.method = Some(method.to_vec());
    record.path = Some(path);
    record.host = host.to_vec();
    record.protocol = protocol;
}

fn push(headers: &mut Headers, name: &str, mut value: Vec<u8>) -> Result<(), String> {
    value.iter_mut().filter(|b| b.is_ascii_control()).for_each(|b| *b = b' ');
    if value != b"-" {
        headers.push(fields::header(name, value)?);
    }
    Ok(())
}

fn number(text: &[u8], what: &str) -> Result<u64, String> {
    let shown = String::from_utf8_lossy(text);
    let digits = text.iter().all(u8::is_ascii_digit).then(|| shown.parse().ok()).flatten();
    digits.ok_or_else(|| format!("{what}: {shown} is not a number"))
}

/// nginx's `$request_time`.
fn request_time(text: &[u8]) -> Result<Option<u64>, String> {
    let shown = String::from_utf8_lossy(text);
    match shown.parse::<f64>() {
        _ if text == b"-" => Ok(None),
        Ok(seconds) if text.contains(&b'.') => fields::nanoseconds(seconds, 1e9, "request time").map(Some),
        _ => Err(format!(
            "{shown} at the end is not $request_time: seconds with a decimal point, such as 0.042"
        )),
    }
}

/// What is left of a line.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The next word; `None` at the end.
    fn word(&mut self) -> Option<&'a [u8]> {
        self.0 = self.0.trim_ascii_start();
        let end = self.0.iter().position(u8::is_ascii_whitespace).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    /// The next field, if it is in double quotes, with Apache's and nginx's escapes undone; one whose quote is not
    /// closed ends with the line, or is an error where it `must_close`.
    fn quoted(&mut self, must_close: bool) -> Result<Option<Vec<u8>>, String> {
        let Some(mut rest) = self.0.trim_ascii_start().strip_prefix(b"\"") else { return Ok(None) };
        let mut text = Vec::new();
        while let Some((byte, after)) = rest.split_first() {
            rest = match byte {
                b'"' => {
                    self.0 = after;
                    return Ok(Some(text));
                }
                b'\\' => unescape(after, &mut text),
                _ => {
                    text.push(*byte);
                    after
                }
            };
        }
        self.0 = rest;
        if must_close { Err("a double quote is not closed".to_owned()) } else { Ok(Some(text)) }
    }
}

/// Undoes one escape, whose backslash has been read; what follows it.
fn unescape<'a>(rest: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
    let hex = |b: &u8| char::from(*b).to_digit(16);
    if let [b'x', high, low, after @ ..] = rest
        && let (Some(high), Some(low)) = (hex(high), hex(low))
    {
        text.push((high * 16 + low) as u8);
        return after;
    }
    let Some((escaped, after)) = rest.split_first() else { return rest };
    match escaped {
        b'n' => text.push(b'\n'),
        b'r' => text.push(b'\r'),
        b't' => text.push(b'\t'),
        b'b' => text.push(8),
        b'v' => text.push(11),
        b'f' => text.push(12),
        b'"' | b'\\' => text.push(*escaped),
        other => text.extend_from_slice(&[b'\\', *other]),
    }
    after
}
