//! What a scenario says, ready to be drawn from.

use crate::stream::ResponseFlags;
use crate::traffic::record::Headers;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp, LogNormal, Uniform, Zipf};

/// A scenario.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) start_ns: u64,
    pub(super) seconds: f64,
    pub(super) seed: u64,
    pub(super) host: Vec<u8>,
    /// Seconds and requests a second, in the order of time; at least one.
    pub(super) rate: Vec<(f64, f64)>,
    /// The points begin again after so many seconds.
    pub(super) repeat: Option<f64>,
    pub(super) highest_rate: f64,
    pub(super) kind: Weights,
    pub(super) kinds: Vec<Kind>,
    pub(super) first: Kind,
    pub(super) tenants: Option<People>,
    pub(super) users: Option<People>,
    pub(super) episodes: Vec<Episode>,
}

/// One kind of request.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    pub(super) template: String,
    /// What stands between the numbers of the path.
    pub(super) parts: Vec<String>,
    pub(super) ids: u64,
    pub(super) method: Vec<u8>,
    pub(super) statuses: Vec<u16>,
    pub(super) status: Weights,
    pub(super) latency: Spread,
    pub(super) request_bytes: Spread,
    pub(super) response_bytes: Spread,
    pub(super) request_headers: Headers,
    pub(super) response_headers: Headers,
}

/// A time in which something is different.
#[derive(Debug)]
pub(super) struct Episode {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) path: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) rate: f64,
    pub(super) latency: f64,
    pub(super) errors: Option<Errors>,
}

/// What fails in an episode.
#[derive(Debug)]
pub(super) struct Errors {
    pub(super) share: f64,
    pub(super) status: u16,
    pub(super) flags: ResponseFlags,
}

/// Tenants or users: the first is drawn most often.
#[derive(Debug)]
pub(super) struct People {
    pub(super) zipf: Zipf<f64>,
    pub(super) header: Vec<u8>,
    pub(super) prefix: String,
    pub(super) count: u64,
}

/// A distribution of numbers that are not below 0.
#[derive(Debug, Clone)]
pub(super) enum Spread {
    Always(f64),
    Even(Uniform<f64>),
    Exponential(Exp<f64>),
    LogNormal(LogNormal<f64>),
}

/// Chances of each of a list, as running sums.
#[derive(Debug, Clone)]
pub(super) struct Weights(pub(super) Vec<f64>);

impl Plan {
    /// Requests a second at this many seconds after the start.
    pub(super) fn rate_at(&self, now: f64) -> f64 {
        let at = self.repeat.map_or(now, |repeat| now % repeat);
        let next = self.rate.partition_point(|(time, _)| *time <= at);
        let (before, after) = (self.rate.get(next.saturating_sub(1)), self.rate.get(next));
        let rate = match (before, after) {
            (Some((from, low)), Some((to, high))) if to > from && at >= *from => {
                low + (high - low) * (at - from) / (to - from)
            }
            (Some((_, rate)), _) | (None, Some((_, rate))) => *rate,
            (None, None) => 0.0,
        };
        let during = self.episodes.iter().filter(|episode| episode.lasts(now));
        rate * during.map(|episode| episode.rate).product::<f64>()
    }
}

impl Kind {
    /// A path with numbers in place of its names.
    pub(super) fn path(&self, random: &mut impl Rng) -> Vec<u8> {
        let mut path = String::new();
        for (at, part) in self.parts.iter().enumerate() {
            if at > 0 {
                path.push_str(&random.random_range(1..=self.ids).to_string());
            }
            path.push_str(part);
        }
        path.into_bytes()
    }
}

impl Episode {
    fn lasts(&self, now: f64) -> bool {
        (self.from..self.to).contains(&now)
    }

    /// Whether it is about this request.
    pub(super) fn hits(&self, now: f64, path: &str, tenant: Option<&str>) -> bool {
        let path = self.path.as_ref().is_none_or(|own| own == path);
        self.lasts(now) && path && self.tenant.as_deref().is_none_or(|own| Some(own) == tenant)
    }
}

impl People {
    /// Whether it is the name of one.
    pub(super) fn has(&self, name: &str) -> bool {
        let number = name.strip_prefix(&self.prefix).and_then(|number| number.parse::<u64>().ok());
        number.is_some_and(|number| {
            (1..=self.count).contains(&number) && name == format!("{}{number}", self.prefix)
        })
    }

    /// Draws one, and puts it into the headers.
    pub(super) fn draw(&self, random: &mut impl Rng, headers: &mut Headers) -> String {
        let name = format!("{}{}", self.prefix, self.zipf.sample(random) as u64);
        headers.push((self.header.clone(), name.clone().into_bytes()));
        name
    }
}

impl Spread {
    pub(super) fn draw(&self, random: &mut impl Rng) -> f64 {
        match self {
            Self::Always(value) => *value,
            Self::Even(spread) => spread.sample(random),
            Self::Exponential(spread) => spread.sample(random),
            Self::LogNormal(spread) => spread.sample(random),
        }
    }
}

impl Weights {
    pub(super) fn draw(&self, random: &mut impl Rng) -> usize {
        let all = self.0.last().copied().unwrap_or(0.0);
        let at = random.random::<f64>() * all;
        self.0.partition_point(|sum| *sum <= at).min(self.0.len().saturating_sub(1))
    }
}
