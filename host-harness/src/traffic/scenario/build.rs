//! A scenario's text in, a plan out; or the line and the path of the value that cannot be, and the reason.

mod episode;
mod spread;

use super::plan::{Kind, People, Plan, Weights};
use super::written::{Number, Rate, Time, Written, WrittenKind, WrittenPeople, WrittenSpread};
use crate::traffic::fields::{self, at as time_at, is_token, no_control, timestamp, within};
use crate::traffic::record::Headers;
use episode::episode;
use rand_distr::Zipf;
use serde_saphyr::Spanned;
use spread::spread;
use std::collections::BTreeMap;

/// 2026-01-01T00:00:00Z, where nobody says when.
const START_NS: u64 = 1_767_225_600_000_000_000;
/// Nobody simulates a longer time, more requests a second, or a larger body.
const LONGEST: f64 = 10.0 * 365.0 * 86_400.0;
const FASTEST: f64 = 1e7;
const LARGEST: f64 = 1e12;

/// A line from 1, and what is wrong there.
type Wrong = (u64, String);

/// Reads a scenario.
pub(super) fn parse(text: &str) -> Result<Plan, Wrong> {
    let written: Written = serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        let words = error.to_string();
        let words = words.lines().next().unwrap_or_default();
        // "error: line 2 column 7: ": the line is said anyway.
        let place = words.strip_prefix("error: line ").and_then(|words| words.split_once(": "));
        (line.max(1), place.map_or(words, |(_, words)| words).to_owned())
    })?;
    plan(written)
}

/// Reads a value; what is wrong with it gets its line, and the path in front. A reason may begin with the rest of the path.
fn look<T, U>(
    path: &str,
    written: &Spanned<T>,
    read: impl FnOnce(&T) -> Result<U, String>,
) -> Result<U, Wrong> {
    read(&written.value).map_err(|reason| {
        let colon = if reason.starts_with('.') { "" } else { ": " };
        (written.referenced.line().max(1), format!("{path}{colon}{reason}"))
    })
}

fn plan(written: Written) -> Result<Plan, Wrong> {
    let start_ns =
        written.start.as_ref().map_or(Ok(START_NS), |start| look("start", start, |text| timestamp(text)))?;
    let seconds = look("duration", &written.duration, |time| {
        let seconds = within(time.0, 1e-3..=LONGEST)?;
        time_at(i128::from(start_ns) + (seconds * 1e9) as i128)
            .map_err(|reason| format!("the end {reason}"))?;
        Ok(seconds)
    })?;
    let host = written
        .host
        .as_ref()
        .map_or(Ok(b"scenario.example".to_vec()), |host| look("host", host, self::host))?;
    let rate = rate(&written.rate)?;
    let highest = rate.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    let repeat = written
        .repeat
        .as_ref()
        .map(|repeat| look("repeat", repeat, |time| of_points(time.0, &rate)))
        .transpose()?;
    let tenants = written.tenants.as_ref().map(|people| look("tenants", people, self::people)).transpose()?;
    let users = written.users.as_ref().map(|users| {
        look("users", users, |users| match &tenants {
            Some(tenants) if tenants.header == users.header.to_ascii_lowercase().into_bytes() => {
                Err(format!(".header: {} is the tenants' already", users.header))
            }
            _ => self::people(users),
        })
    });
    let kinds = requests(&written.requests)?;
    let weights = written.requests.value.iter().map(|kind| kind.value.weight).collect();
    let kind = look("requests", &written.requests, |_| chances(weights))?;
    let mut episodes = Vec::new();
    for (at, written) in written.episodes.iter().enumerate() {
        let known = episode::Known { seconds, kinds: &kinds, tenants: tenants.as_ref() };
        episodes.push(look(&format!("episodes[{at}]"), written, |written| episode(written, &known))?);
    }
    // Episodes may overlap: an upper bound is enough.
    let more: f64 = episodes.iter().map(|episode| episode.rate.max(1.0)).product();
    let highest_rate = look("rate", &written.rate, |_| {
        within(highest * more, 0.0..=FASTEST).map_err(|reason| format!("with its episodes {reason}"))
    })?;
    Ok(Plan {
        start_ns,
        seconds,
        seed: written.seed,
        host,
        rate,
        repeat,
        highest_rate,
        kind,
        first: kinds.first().cloned().ok_or((1, "requests: there is none".to_owned()))?,
        kinds,
        tenants,
        users: users.transpose()?,
        episodes,
    })
}

fn host(host: &String) -> Result<Vec<u8>, String> {
    match host.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/') && !host.is_empty() {
        true => Ok(host.clone().into_bytes()),
        false => Err(format!("{host:?} is not a host, with a port or without")),
    }
}

/// Seconds and requests a second, in the order of time.
fn rate(written: &Spanned<Rate>) -> Result<Vec<(f64, f64)>, Wrong> {
    let points = match &written.value {
        Rate::Always(rate) => vec![(0.0, look("rate", written, |_| within(*rate, 0.0..=FASTEST))?)],
        Rate::Points(points) => {
            let point = |(at, point): (usize, &Spanned<super::written::Point>)| {
                look(&format!("rate[{at}]"), point, |point| {
                    let at = within(point.at.0, 0.0..=LONGEST).map_err(|reason| format!(".at: {reason}"))?;
                    let rate = within(point.per_second, 0.0..=FASTEST)
                        .map_err(|reason| format!(".per_second: {reason}"))?;
                    Ok((at, rate))
                })
            };
            points.iter().enumerate().map(point).collect::<Result<Vec<_>, _>>()?
        }
    };
    look("rate", written, |_| {
        if points.is_empty() {
            return Err("there is no point".to_owned());
        }
        if !points.is_sorted_by(|(a, _), (b, _)| a <= b) {
            return Err("the points are not in the order of time".to_owned());
        }
        if points.iter().all(|(_, rate)| *rate == 0.0) {
            return Err("it is 0 all the time: there are no requests".to_owned());
        }
        Ok(points)
    })
}

/// When the points of a rate begin again.
fn of_points(repeat: f64, rate: &[(f64, f64)]) -> Result<f64, String> {
    let last = rate.last().map_or(0.0, |(at, _)| *at);
    match within(repeat, 1e-3..=LONGEST)? {
        _ if rate.len() < 2 => {
            Err("the rate is always the same: there are no points to begin again".to_owned())
        }
        repeat if last > repeat => Err(format!("the rate's last point is after it, at {last} s")),
        repeat => Ok(repeat),
    }
}

fn chances(weights: Vec<f64>) -> Result<Weights, String> {
    let mut sums = Vec::with_capacity(weights.len());
    let mut sum = 0.0;
    for weight in weights {
        sum += within(weight, 0.0..=1e12).map_err(|reason| format!("weight: {reason}"))?;
        sums.push(sum);
    }
    if sum > 0.0 { Ok(Weights(sums)) } else { Err("none has a weight above 0".to_owned()) }
}

fn requests(written: &Spanned<Vec<Spanned<WrittenKind>>>) -> Result<Vec<Kind>, Wrong> {
    look("requests", written, |list| if list.is_empty() { Err("there is none".to_owned()) } else { Ok(()) })?;
    let kind =
        |(at, kind): (usize, &Spanned<WrittenKind>)| look(&format!("requests[{at}]"), kind, self::kind);
    written.value.iter().enumerate().map(kind).collect()
}

fn kind(written: &WrittenKind) -> Result<Kind, String> {
    let path = &written.path;
    let wrong = |key: &'static str| move |reason: String| format!(".{key}: {reason}");
    if !path.starts_with('/') || path.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return Err(format!(".path: {path:?}: a path begins with / and has no blanks"));
    }
    no_control(path.as_bytes()).map_err(wrong("path"))?;
    if !is_token(written.method.as_bytes()) {
        return Err(format!(".method: {:?} is not an HTTP method", written.method));
    }
    if written.ids == 0 {
        return Err(".ids: 0: numbers begin with 1".to_owned());
    }
    within(written.weight, 0.0..=1e12).map_err(wrong("weight"))?;
    let status = written.status.clone().unwrap_or_else(|| [(200, 1.0)].into());
    if status.is_empty() {
        return Err(".status: there is none".to_owned());
    }
    let statuses: Vec<u16> = status.keys().copied().collect();
    for code in &statuses {
        fields::status(i64::from(*code)).map_err(wrong("status"))?;
    }
    let times = |times: &WrittenSpread<Time>| spread(times.into(), LONGEST);
    let bytes = |bytes: &WrittenSpread<Number>| spread(bytes.into(), LARGEST);
    let headers = |list: &BTreeMap<String, String>| -> Result<Headers, String> {
        let header = |(name, value): (&String, &String)| fields::header(name, value.clone().into_bytes());
        list.iter().map(header).collect()
    };
    Ok(Kind {
        parts: parts(path).map_err(wrong("path"))?,
        ids: written.ids,
        method: written.method.clone().into_bytes(),
        status: chances(status.into_values().collect()).map_err(wrong("status"))?,
        statuses,
        latency: times(&written.latency).map_err(wrong("latency"))?,
        request_bytes: bytes(&written.request_bytes).map_err(wrong("request_bytes"))?,
        response_bytes: bytes(&written.response_bytes).map_err(wrong("response_bytes"))?,
        request_headers: headers(&written.request_headers).map_err(wrong("request_headers"))?,
        response_headers: headers(&written.response_headers).map_err(wrong("response_headers"))?,
        template: path.clone(),
    })
}

/// What stands between the `{names}` of a path.
fn parts(path: &str) -> Result<Vec<String>, String> {
    let mut pieces = path.split('{');
    let mut parts = vec![pieces.next().unwrap_or_default().to_owned()];
    for piece in pieces {
        let (_, after) = piece.split_once('}').ok_or("a { is not closed")?;
        parts.push(after.to_owned());
    }
    if parts.iter().any(|part| part.contains('}')) {
        return Err("a } closes nothing".to_owned());
    }
    Ok(parts)
}

fn people(written: &WrittenPeople) -> Result<People, String> {
    let count = within(written.count as f64, 1.0..=1e9).map_err(|reason| format!(".count: {reason}"))?;
    let exponent = within(written.zipf, 0.0..=20.0).map_err(|reason| format!(".zipf: {reason}"))?;
    let (header, _) = fields::header(&written.header, written.prefix.clone().into_bytes())
        .map_err(|reason| format!(".header: {reason}"))?;
    let zipf = Zipf::new(count, exponent).map_err(|error| format!(".zipf: {error}"))?;
    Ok(People { zipf, header, prefix: written.prefix.clone(), count: written.count })
}
