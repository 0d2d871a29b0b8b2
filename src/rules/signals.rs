//! The messages of one exchange in, the signals in their headers out: each parsed when it is first asked for.

use super::messages::{Messages, first_value};
use crate::attributes::header_pairs;
use crate::config::{Attribute, CacheOutcome, Config, MetricValue};
use crate::signals::Malformed;
use crate::signals::cache_status::CacheReader;
use crate::signals::number::Number;
use crate::signals::orca::{Payload, Report};
use crate::signals::rate_limit::{Field as QuotaField, Header, Quota, RateLimitReader};
use crate::signals::server_timing::{Entry, entries};
use std::cell::{Cell, OnceCell};

const SERVER_TIMING: &[u8] = b"server-timing";
/// The older names are those of gRPC until 1.23. Base64 alone wins over a format in words, as in Envoy.
const LOAD_REPORTS: [(&[u8], bool); 4] = [
    (b"endpoint-load-metrics-bin", true),
    (b"endpoint-load-metrics", false),
    (b"x-endpoint-load-metrics-bin", true),
    (b"x-endpoint-load-metrics", false),
];
/// Entries of a response's Server-Timing, headers and trailers together; further ones are malformed. Without a bound
/// one header would stall a worker: each metric looks at all of them, and a label may for each of them.
const MAX_ENTRIES: usize = 1000;
const CACHE_STATUS: &[u8] = b"cache-status";
const VENDORS: [&[u8]; 3] = [b"x-cache", b"x-cache-status", b"cf-cache-status"];
const AGE: &[u8] = b"age";
const QUOTAS: [&[u8]; 8] = [
    b"ratelimit",
    b"ratelimit-policy",
    b"ratelimit-limit",
    b"ratelimit-remaining",
    b"ratelimit-reset",
    b"x-ratelimit-limit",
    b"x-ratelimit-remaining",
    b"x-ratelimit-reset",
];

/// The response headers that some rule reads.
#[derive(Debug, Default)]
pub(super) struct Interests {
    names: Vec<Box<[u8]>>,
    /// Bit n: a name is among them that [`trait_bit`] gives this bit.
    traits: u64,
    trailers: bool,
}

impl Interests {
    pub(super) fn new(config: &Config) -> Self {
        let mut interests = Self::default();
        for metric in &config.metrics {
            match &metric.value {
                MetricValue::ResponseHeader(name) => interests.add(name.as_bytes()),
                MetricValue::ServerTiming(_) => interests.add_timing(),
                MetricValue::Orca(_) => {
                    interests.trailers = true;
                    LOAD_REPORTS.iter().for_each(|(name, _)| interests.add(name));
                }
                MetricValue::RateLimit(_) => QUOTAS.iter().for_each(|name| interests.add(name)),
                _ => {}
            }
            if metric.when.cache.is_some() {
                [CACHE_STATUS, AGE].iter().chain(&VENDORS).for_each(|name| interests.add(name));
            }
            for (_, attribute) in &metric.labels {
                match attribute {
                    Attribute::ResponseHeader(name) => interests.add(name.as_bytes()),
                    Attribute::ServerTiming(_) => interests.add_timing(),
                    _ => {}
                }
            }
        }
        interests
    }

    fn add_timing(&mut self) {
        self.trailers = true;
        self.add(SERVER_TIMING);
    }

    fn add(&mut self, name: &[u8]) {
        if !self.names.iter().any(|known| **known == *name) {
            self.traits |= trait_bit(name);
            self.names.push(name.into());
        }
    }

    /// Whether this header is one of them.
    #[inline]
    pub(super) fn has(&self, name: &[u8]) -> bool {
        self.traits != 0
            && self.traits & trait_bit(name) != 0
            && self.names.iter().any(|known| **known == *name)
    }

    /// Whether any rule reads response headers.
    pub(super) fn any(&self) -> bool {
        !self.names.is_empty()
    }

    /// Whether any rule reads trailers.
    pub(super) fn trailers(&self) -> bool {
        self.trailers
    }
}

/// One of 64 bits for a name's length and its ends, in which most names differ.
#[inline]
fn trait_bit(name: &[u8]) -> u64 {
    let end = |byte: Option<&u8>| u32::from(byte.copied().unwrap_or(0));
    let length = u32::try_from(name.len()).unwrap_or(0);
    let ends = end(name.first()).wrapping_mul(5).wrapping_add(end(name.last()).wrapping_mul(11));
    // The lower six bits count.
    1_u64.wrapping_shl(length.wrapping_add(ends))
}

/// The payload of a load report, which a [`Signals`] fills and borrows from.
pub(super) type PayloadCell<'m> = OnceCell<Option<Payload<'m>>>;

/// The signals of one exchange.
pub(super) struct Signals<'m, 'p> {
    messages: &'m Messages,
    cache: OnceCell<Option<CacheOutcome>>,
    entries: OnceCell<Vec<Entry<'m>>>,
    payload: &'p PayloadCell<'m>,
    report: OnceCell<Option<Report<'p>>>,
    quota: OnceCell<Quota>,
    /// Bit n: the signal with number n could not be read.
    malformed: Cell<u32>,
}

impl<'m, 'p> Signals<'m, 'p> {
    pub(super) fn new(messages: &'m Messages, payload: &'p PayloadCell<'m>) -> Self {
        Self {
            messages,
            cache: OnceCell::new(),
            entries: OnceCell::new(),
            payload,
            report: OnceCell::new(),
            quota: OnceCell::new(),
            malformed: Cell::new(0),
        }
    }

    /// How many kinds of signals could not be read.
    pub(super) fn malformed(&self) -> u32 {
        self.malformed.get().count_ones()
    }

    /// The value of what was read, or a note that it could not be.
    pub(super) fn readable<T>(&self, read: Result<T, Malformed>) -> Option<T> {
        read.map_err(|malformed| self.note(malformed)).ok()
    }

    fn note(&self, malformed: Malformed) {
        self.malformed.set(self.malformed.get() | 1_u32.wrapping_shl(malformed as u32));
    }

    /// Whether a cache answered.
    #[inline(never)]
    pub(super) fn cache(&self) -> Option<CacheOutcome> {
        *self.cache.get_or_init(|| {
            let mut reader = CacheReader::default();
            for (name, value) in header_pairs(self.messages.response.as_deref()?) {
                if name == CACHE_STATUS {
                    reader.cache_status(value);
                } else if VENDORS.contains(&name) {
                    reader.vendor(value);
                } else if name == AGE {
                    reader.age(value);
                }
            }
            if let Some(malformed) = reader.malformed() {
                self.note(malformed);
            }
            reader.outcome()
        })
    }

    /// The entries of Server-Timing, those of the trailers last.
    #[inline(never)]
    pub(super) fn entries(&self) -> &[Entry<'m>] {
        self.entries.get_or_init(|| {
            let messages = [&self.messages.response, &self.messages.trailers].into_iter().flatten();
            let pairs = messages.flat_map(|headers| header_pairs(headers));
            let lines = pairs.filter(|(name, _)| *name == SERVER_TIMING).map(|(_, line)| line);
            let mut read = lines.flat_map(entries).filter_map(|entry| self.readable(entry));
            let all = read.by_ref().take(MAX_ENTRIES).collect();
            if read.next().is_some() {
                self.note(Malformed::ServerTiming);
            }
            all
        })
    }

    /// The load report: of trailers and headers the trailers', which came last.
    #[inline(never)]
    pub(super) fn report(&self) -> Option<&Report<'p>> {
        let report = self.report.get_or_init(|| {
            let payload = self.payload.get_or_init(|| self.payload());
            self.readable(payload.as_ref()?.report())
        });
        report.as_ref()
    }

    fn payload(&self) -> Option<Payload<'m>> {
        let messages = [self.messages.trailers.as_deref(), self.messages.response.as_deref()];
        let (value, binary) = messages.into_iter().flatten().find_map(|headers| {
            LOAD_REPORTS.iter().find_map(|(name, binary)| Some((first_value(headers, name)?, *binary)))
        })?;
        self.readable(if binary { Payload::from_bin_header(value) } else { Payload::from_header(value) })
    }

    /// What the rate limit headers say.
    #[inline(never)]
    pub(super) fn quota(&self, field: QuotaField) -> Option<Number> {
        let quota = self.quota.get_or_init(|| {
            let mut reader = RateLimitReader::default();
            for (name, value) in self.messages.response.iter().flat_map(|headers| header_pairs(headers)) {
                if let Some(header) = Header::from_name(name) {
                    reader.line(header, value);
                }
            }
            if let Some(malformed) = reader.malformed() {
                self.note(malformed);
            }
            reader.quota()
        });
        match field {
            QuotaField::Limit => quota.limit,
            QuotaField::Remaining => quota.remaining,
            QuotaField::Reset => quota.reset,
        }
    }
}
