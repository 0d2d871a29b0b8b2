//! A scenario's text in, a plan out; or the line and the reason why not.

use super::plan::{Episode, Errors, Kind, People, Plan, Spread, Weights};
use super::written::{
    Number, Rate, Time, Written, WrittenEpisode, WrittenKind, WrittenPeople, WrittenSpread,
};
use crate::stream::ResponseFlags;
use crate::traffic::Headers;
use rand_distr::{Exp, LogNormal, Uniform, Zipf};
use std::collections::BTreeMap;

/// 2026-01-01T00:00:00Z, where nobody says when.
const START_NS: u64 = 1_767_225_600_000_000_000;
/// Nobody simulates a longer time, or more requests a second.
const LONGEST: f64 = 10.0 * 365.0 * 86_400.0;
const FASTEST: f64 = 1e7;
/// Of the log-normal distribution: so many standard deviations is the 99th percentile from the median.
const Z99: f64 = 2.326_347_874_040_841;

/// Reads a scenario.
pub(super) fn parse(text: &str) -> Result<Plan, (u64, String)> {
    let written: Written = serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        let words = error.to_string();
        (line.max(1), words.lines().next().unwrap_or_default().to_owned())
    })?;
    plan(written).map_err(|reason| (1, reason))
}

fn plan(written: Written) -> Result<Plan, String> {
    let start_ns = written.start.as_deref().map_or(Ok(START_NS), crate::traffic::timestamp);
    let seconds = within("duration", written.duration.0, 1e-3..=LONGEST)?;
    let mut rate = match written.rate {
        Rate::Always(rate) => vec![(0.0, rate)],
        Rate::Points(points) => points.iter().map(|point| (point.at.0, point.per_second)).collect(),
    };
    if rate.is_empty() {
        return Err("rate: there is no point".to_owned());
    }
    for (at, (_, per_second)) in rate.iter().enumerate() {
        within(&format!("rate {}", at + 1), *per_second, 0.0..=FASTEST)?;
    }
    rate.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let repeat = written.repeat.map(|time| within("repeat", time.0, 1e-3..=LONGEST)).transpose()?;
    let episodes: Vec<Episode> = written.episodes.into_iter().map(episode).collect::<Result<_, _>>()?;
    let highest = rate.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    // Episodes may overlap: an upper bound is enough.
    let more: f64 = episodes.iter().map(|episode| episode.rate.max(1.0)).product();
    let highest_rate = within("rate, with its episodes", highest * more, 1e-9..=FASTEST)?;
    let weights = written.requests.iter().map(|kind| kind.weight).collect();
    let kind = chances("requests", weights)?;
    let kinds: Vec<Kind> = written.requests.into_iter().map(self::kind).collect::<Result<_, _>>()?;
    Ok(Plan {
        start_ns: start_ns.map_err(|reason| format!("start: {reason}"))?,
        seconds,
        seed: written.seed,
        host: written.host.unwrap_or_else(|| "scenario.example".to_owned()).into_bytes(),
        rate,
        repeat,
        highest_rate,
        kind,
        first: kinds.first().cloned().ok_or("requests: there is none")?,
        kinds,
        tenants: written.tenants.map(|people| self::people("tenants", people)).transpose()?,
        users: written.users.map(|people| self::people("users", people)).transpose()?,
        episodes,
    })
}

fn within(what: &str, value: f64, range: std::ops::RangeInclusive<f64>) -> Result<f64, String> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(format!("{what}: {value} is not between {} and {}", range.start(), range.end()))
    }
}

fn chances(what: &str, weights: Vec<f64>) -> Result<Weights, String> {
    let mut sums = Vec::with_capacity(weights.len());
    let mut sum = 0.0;
    for weight in weights {
        sum += within(&format!("{what}: weight"), weight, 0.0..=1e12)?;
        sums.push(sum);
    }
    if sum > 0.0 { Ok(Weights(sums)) } else { Err(format!("{what}: none has a weight above 0")) }
}

fn kind(written: WrittenKind) -> Result<Kind, String> {
    let path = written.path;
    let wrong = |reason: String| format!("requests: {path}: {reason}");
    if !path.starts_with('/') {
        return Err(wrong("a path begins with /".to_owned()));
    }
    crate::traffic::no_control(path.as_bytes()).map_err(wrong)?;
    if !crate::traffic::is_token(written.method.as_bytes()) {
        return Err(wrong(format!("{:?} is not an HTTP method", written.method)));
    }
    let status = if written.status.is_empty() { [(200, 1.0)].into() } else { written.status };
    let statuses: Vec<u16> = status.keys().copied().collect();
    for code in &statuses {
        crate::traffic::status(i64::from(*code)).map_err(wrong)?;
    }
    let spread = |what: &str, spread| spread_of(spread).map_err(|reason| wrong(format!("{what}: {reason}")));
    let times = |what: &str, times: WrittenSpread<Time>| spread(what, times.into());
    let bytes = |what: &str, bytes: WrittenSpread<Number>| spread(what, bytes.into());
    let headers = |list: BTreeMap<String, String>| -> Result<Headers, String> {
        let header = |(name, value): (String, String)| crate::traffic::header(&name, value.into_bytes());
        list.into_iter().map(header).collect::<Result<_, _>>().map_err(wrong)
    };
    Ok(Kind {
        parts: parts(&path).map_err(wrong)?,
        ids: written.ids.max(1),
        method: written.method.into_bytes(),
        status: chances("status", status.into_values().collect()).map_err(wrong)?,
        statuses,
        latency: times("latency", written.latency)?,
        request_bytes: bytes("request_bytes", written.request_bytes)?,
        response_bytes: bytes("response_bytes", written.response_bytes)?,
        request_headers: headers(written.request_headers)?,
        response_headers: headers(written.response_headers)?,
        template: path,
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
    Ok(parts)
}

/// The numbers of a distribution as they are written.
struct Numbers {
    always: Option<f64>,
    shape: [Option<f64>; 5],
}

impl<T: Into<f64>> From<WrittenSpread<T>> for Numbers {
    fn from(written: WrittenSpread<T>) -> Self {
        match written {
            WrittenSpread::Always(value) => Self { always: Some(value.into()), shape: [None; 5] },
            WrittenSpread::Of(shape) => Self {
                always: None,
                shape: [shape.p50, shape.p99, shape.mean, shape.min, shape.max]
                    .map(|number| number.map(Into::into)),
            },
        }
    }
}

fn spread_of(numbers: Numbers) -> Result<Spread, String> {
    let all = numbers.always.iter().chain(numbers.shape.iter().flatten());
    for number in all {
        within("a value", *number, 0.0..=1e15)?;
    }
    if let Some(value) = numbers.always {
        return Ok(Spread::Always(value));
    }
    let refused = |_| "these numbers are no distribution".to_owned();
    match numbers.shape {
        [Some(p50), Some(p99), None, None, None] if p50 > 0.0 && p99 >= p50 => {
            LogNormal::new(p50.ln(), (p99 / p50).ln() / Z99)
                .map(Spread::LogNormal)
                .map_err(|_| "these numbers are no distribution".to_owned())
        }
        [None, None, Some(mean), None, None] if mean > 0.0 => {
            Exp::new(1.0 / mean).map(Spread::Exponential).map_err(|_| "this is no mean".to_owned())
        }
        [None, None, None, Some(min), Some(max)] => {
            Uniform::new_inclusive(min, max).map(Spread::Even).map_err(refused)
        }
        _ => Err("expected a value, {p50, p99} with p50 at most p99, {mean} or {min, max}".to_owned()),
    }
}

fn people(what: &str, written: WrittenPeople) -> Result<People, String> {
    let wrong = |reason: String| format!("{what}: {reason}");
    let count = within("count", written.count as f64, 1.0..=1e9).map_err(wrong)?;
    let exponent = within("zipf", written.zipf, 0.0..=20.0).map_err(wrong)?;
    let (header, _) =
        crate::traffic::header(&written.header, written.prefix.clone().into_bytes()).map_err(wrong)?;
    let zipf = Zipf::new(count, exponent).map_err(|error| wrong(error.to_string()))?;
    Ok(People { zipf, header, prefix: written.prefix })
}

fn episode(written: WrittenEpisode) -> Result<Episode, String> {
    let wrong = |reason: String| format!("episodes: {reason}");
    if written.to.0 <= written.from.0 {
        return Err(wrong("`to` is not after `from`".to_owned()));
    }
    let errors = written.errors.map(|errors| {
        crate::traffic::status(i64::from(errors.status))?;
        let flags = ResponseFlags::parse(&errors.flags)
            .map_err(|flag| format!("Envoy has no response flag {flag:?}"))?;
        Ok(Errors { share: within("share", errors.share, 0.0..=1.0)?, status: errors.status, flags })
    });
    Ok(Episode {
        from: written.from.0,
        to: written.to.0,
        path: written.path,
        tenant: written.tenant,
        rate: within("rate", written.rate, 0.0..=1e6).map_err(wrong)?,
        latency: within("latency", written.latency, 0.0..=1e6).map_err(wrong)?,
        errors: errors.transpose().map_err(wrong)?,
    })
}
