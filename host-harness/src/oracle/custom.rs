//! A record in, what the configured metrics make of it out: which of them see it, their values and their labels.
//!
//! Written another way than the filter: headers are parsed by crates and regular expressions, as often as a metric
//! asks; numbers are exact fractions until they are rounded.

mod cache;
mod exact;
mod fields;
mod quota;
mod report;
mod timing;

use super::admitted::Admitted;
use super::endpoint::Endpoints;
use super::facts::{self, NONE, OTHER, OTHER_METHOD};
use super::ledger::{LabelValue, Ledger, Metric};
use super::streams::Counted;
use crate::traffic::Headers;
use exact::{Exact, Rounding};
use num_bigint::BigInt;
use redline::config::{Attribute, Config, CustomMetric, MetricValue};
use redline::exchange::StatusMatch;
use redline::stat_name;
use std::collections::BTreeSet;

/// The metrics of a configuration.
#[derive(Debug)]
pub(super) struct CustomMetrics {
    rules: Vec<Rule>,
    unit_ns: u64,
    max_label_bytes: usize,
}

#[derive(Debug)]
struct Rule {
    metric: CustomMetric,
    full_name: String,
    labels: Vec<Label>,
    /// The entries of Server-Timing that it counts one by one.
    timed: Option<String>,
}

#[derive(Debug)]
struct Label {
    name: String,
    source: Source,
    values: Admitted,
}

#[derive(Debug)]
enum Source {
    Attribute(Attribute),
    Upstream,
}

/// Kinds of signals; of each kind one malformed header is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Signal {
    Number,
    ServerTiming,
    LoadReport,
    Cache,
    RateLimit,
}

/// The messages of one record, as far as a filter sees them, and what in them could not be read.
struct Messages<'r> {
    request: &'r Headers,
    response: &'r Headers,
    trailers: &'r Headers,
    malformed: BTreeSet<Signal>,
}

/// Entries of Server-Timing that one response may have; what comes after them counts as malformed.
const MOST_TIMINGS: usize = 1000;

const NO_HEADERS: &Headers = &Headers::new();

impl CustomMetrics {
    pub(super) fn new(config: &Config) -> Self {
        let rule = |metric: &CustomMetric| Rule::new(metric, config.custom_name(metric));
        Self {
            rules: config.metrics.iter().map(rule).collect(),
            unit_ns: config.duration_unit.nanos(),
            max_label_bytes: config.limits.max_label_bytes,
        }
    }

    /// Counts one exchange.
    pub(super) fn count(&mut self, of: &Counted<'_>, endpoints: &Endpoints, ledger: &mut Ledger) {
        let answered = of.open.seen && of.record.status.is_some();
        let mut messages = Messages {
            request: if of.open.seen { &of.record.request_headers } else { NO_HEADERS },
            response: if answered { &of.record.response_headers } else { NO_HEADERS },
            trailers: if answered { &of.record.response_trailers } else { NO_HEADERS },
            malformed: BTreeSet::new(),
        };
        for (place, rule) in self.rules.iter_mut().enumerate() {
            if !rule.sees(of, &mut messages) {
                continue;
            }
            let entries = match &rule.timed {
                None => vec![None],
                Some(name) => messages.timings(name).into_iter().map(Some).collect(),
            };
            let mut known: Vec<Option<Option<String>>> = vec![None; rule.labels.len()];
            for entry in &entries {
                let Some(value) = rule.value(of, &mut messages, entry.as_ref(), self.unit_ns) else {
                    continue;
                };
                let Some(value) = exact::whole(&value, rule.rounding()) else {
                    ledger.add(&Metric::DROPPED, &["value_range"], 1);
                    continue;
                };
                let mut labels = Vec::new();
                for (label, known) in rule.labels.iter_mut().zip(&mut known) {
                    // One response is one answer to a client's value, however many entries it has.
                    let named = known.take().filter(|_| !label.is_of_entry()).unwrap_or_else(|| {
                        let text = label.text(of, &mut messages, entry.as_ref(), endpoints);
                        label.named(text, of, self.max_label_bytes)
                    });
                    *known = Some(named.clone());
                    if named.is_none() {
                        let limit = format!("{}/{}", rule.full_name, label.name);
                        ledger.add(&Metric::OVERFLOW, &[&limit], 1);
                    }
                    labels.push(label.value(named.unwrap_or_else(|| OTHER.to_owned())));
                }
                ledger.record_custom(place, &labels, value);
            }
        }
        for _ in messages.malformed {
            ledger.add(&Metric::DROPPED, &["malformed_header"], 1);
        }
    }
}

impl Rule {
    fn new(metric: &CustomMetric, full_name: String) -> Self {
        let label = |name: &str, source| Label {
            name: name.to_owned(),
            source,
            values: Admitted::new(metric.max as usize),
        };
        let written = metric.labels.iter().map(|(name, of)| label(name, Source::Attribute(of.clone())));
        let upstream = metric.per_upstream.then(|| label("upstream", Source::Upstream));
        let by_label = || {
            metric.labels.iter().find_map(|(_, attribute)| match attribute {
                Attribute::ServerTiming(name) => Some(name.clone()),
                _ => None,
            })
        };
        let timed = match &metric.value {
            MetricValue::ServerTiming(name) => Some(name.clone()),
            _ => by_label(),
        };
        Self { labels: written.chain(upstream).collect(), metric: metric.clone(), full_name, timed }
    }

    fn sees(&self, of: &Counted<'_>, messages: &mut Messages<'_>) -> bool {
        let when = &self.metric.when;
        let status = of.record.status.unwrap_or(0);
        let is = |wanted: &StatusMatch| match wanted {
            StatusMatch::Code(code) => status == *code,
            StatusMatch::Class(class) => status / 100 == u16::from(*class),
        };
        (when.method.is_empty() || when.method.iter().any(|method| method.as_str() == of.open.method))
            && (when.endpoint.is_empty() || when.endpoint.contains(&of.open.endpoint))
            && (when.status.is_empty() || when.status.iter().any(is))
            && (when.cache.is_none() || when.cache == messages.cache())
    }

    fn rounding(&self) -> Rounding {
        match self.metric.value {
            MetricValue::Duration | MetricValue::ServerTiming(_) => Rounding::Down,
            _ => Rounding::HalfUp,
        }
    }

    /// The value, scaled; `None` where the exchange has none.
    fn value(
        &self,
        of: &Counted<'_>,
        messages: &mut Messages<'_>,
        entry: Option<&timing::Entry>,
        unit_ns: u64,
    ) -> Option<Exact> {
        let count = |count: u64| Exact::from(BigInt::from(count));
        let value = match &self.metric.value {
            MetricValue::One => count(1),
            MetricValue::Duration => {
                let tunnel = facts::is_tunnel(of.open.method, of.record.status.unwrap_or(0));
                count(of.record.duration_ns.filter(|_| !tunnel)?) / count(unit_ns)
            }
            MetricValue::RequestBytes => count(of.record.request_bytes),
            MetricValue::ResponseBytes => count(of.record.response_bytes),
            MetricValue::RequestHeader(name) => messages.number(messages.request, name)?,
            MetricValue::ResponseHeader(name) => messages.number(messages.response, name)?,
            MetricValue::ServerTiming(_) => {
                let duration = entry?.duration.as_ref()?;
                messages.readable(duration.clone(), Signal::ServerTiming)?
            }
            MetricValue::Orca(path) => {
                let read = report::value(path, [messages.response, messages.trailers]);
                messages.readable(read.ok(), Signal::LoadReport)??
            }
            MetricValue::RateLimit(field) => {
                let (quota, malformed) = quota::quota(messages.response);
                messages.note(malformed, Signal::RateLimit);
                quota.get(*field)?.clone()
            }
        };
        Some(value * exact::configured(self.metric.scale))
    }
}

impl Messages<'_> {
    fn note(&mut self, malformed: bool, signal: Signal) {
        if malformed {
            self.malformed.insert(signal);
        }
    }

    fn readable<T>(&mut self, read: Option<T>, signal: Signal) -> Option<T> {
        self.note(read.is_none(), signal);
        read
    }

    fn cache(&mut self) -> Option<redline::config::CacheOutcome> {
        let (outcome, malformed) = cache::outcome(self.response);
        self.note(malformed, Signal::Cache);
        outcome
    }

    fn number(&mut self, headers: &Headers, name: &str) -> Option<Exact> {
        let written = filled(headers, name)?;
        self.readable(exact::decimal(written), Signal::Number)
    }

    /// The entries of Server-Timing with this name, those of the trailers last.
    fn timings(&mut self, name: &str) -> Vec<timing::Entry> {
        let lines = self.response.iter().chain(self.trailers).filter(|(key, _)| key == b"server-timing");
        let mut all = Vec::new();
        for entry in lines.flat_map(|(_, line)| timing::entries(line)) {
            match entry {
                Some(entry) if all.len() < MOST_TIMINGS => all.push(entry),
                None if all.len() <= MOST_TIMINGS => self.note(true, Signal::ServerTiming),
                _ => {
                    self.note(true, Signal::ServerTiming);
                    break;
                }
            }
        }
        all.retain(|entry| entry.name == name.as_bytes());
        all
    }
}

/// The first value that is not empty.
fn filled<'r>(headers: &'r Headers, name: &str) -> Option<&'r [u8]> {
    let values = headers.iter().filter(|(key, _)| key == name.as_bytes()).map(|(_, value)| value.as_slice());
    values.into_iter().find(|value| !value.is_empty())
}

/// What a label's source says.
enum Text {
    /// A word of an alphabet of Redline's own.
    Word(String),
    /// What a client, or else an upstream wrote; `None` where there is nothing.
    Written(Option<Vec<u8>>),
}

impl Label {
    fn is_of_entry(&self) -> bool {
        matches!(self.source, Source::Attribute(Attribute::ServerTiming(_)))
    }

    fn text(
        &self,
        of: &Counted<'_>,
        messages: &mut Messages<'_>,
        entry: Option<&timing::Entry>,
        endpoints: &Endpoints,
    ) -> Text {
        let status = of.record.status.unwrap_or(0);
        let attribute = match &self.source {
            Source::Upstream => return Text::Written(of.record.upstream.clone()),
            Source::Attribute(attribute) => attribute,
        };
        let owned = |value: Option<&[u8]>| value.map(<[u8]>::to_vec);
        Text::Written(match attribute {
            Attribute::Method => return Text::Word(of.open.method.to_owned()),
            Attribute::Endpoint => return Text::Word(of.open.endpoint.clone()),
            Attribute::Status => return Text::Word(status.to_string()),
            Attribute::CodeClass => return Text::Word(facts::code_class(status).to_owned()),
            Attribute::Tenant => return Text::Word(of.open.tenant.clone()),
            Attribute::Constant(text) => return Text::Word(text.clone()),
            Attribute::Host => of.open.seen.then(|| host(&of.record.host)),
            Attribute::Param(name) => {
                let path = of.record.path.as_deref().filter(|_| of.open.seen);
                endpoints.parameter(path, name)
            }
            Attribute::RequestHeader(name) => owned(filled(messages.request, name)),
            Attribute::ResponseHeader(name) => owned(filled(messages.response, name)),
            Attribute::ServerTiming(name) => {
                let observed = entry.filter(|entry| entry.name == name.as_bytes()).cloned();
                let entry = observed.or_else(|| messages.timings(name).into_iter().next());
                entry.and_then(|entry| entry.description)
            }
        })
    }

    /// The value as it is counted; `None` where `max` sends it to the others.
    fn named(&mut self, text: Text, of: &Counted<'_>, max_bytes: usize) -> Option<String> {
        let text = match text {
            // The first ones that are seen; reserved words take no place.
            Text::Word(word) => {
                return (stat_name::is_reserved(&word) || self.values.asks(&word, true)).then_some(word);
            }
            Text::Written(text) => text.filter(|text| !text.is_empty()),
        };
        let Some(text) = text else { return Some(NONE.to_owned()) };
        let Some(name) = stat_name::escape(&text, max_bytes) else { return Some(OTHER.to_owned()) };
        let trusted = matches!(
            self.source,
            Source::Upstream | Source::Attribute(Attribute::ResponseHeader(_) | Attribute::ServerTiming(_))
        );
        let named = self.values.asks(&name, trusted) || self.values.answered(&name, of.served, of.now_s);
        named.then_some(name)
    }

    fn value(&self, value: String) -> LabelValue {
        let overflow = match &self.source {
            _ if value == OTHER => OTHER.to_owned(),
            Source::Attribute(Attribute::Method) => OTHER_METHOD.to_owned(),
            Source::Attribute(Attribute::Status) => value.parse().map_or(OTHER, facts::code_class).to_owned(),
            Source::Attribute(Attribute::CodeClass | Attribute::Constant(_)) => value.clone(),
            _ => OTHER.to_owned(),
        };
        LabelValue { value, overflow }
    }
}

/// A host in lower case, without port and final dot.
fn host(host: &[u8]) -> Vec<u8> {
    let host = host.to_ascii_lowercase();
    let colon = host.iter().rposition(|byte| *byte == b':');
    let port = colon.and_then(|at| host.get(at + 1..)).filter(|port| port.iter().all(u8::is_ascii_digit));
    let name = host.get(..port.map_or(host.len(), |port| host.len() - port.len() - 1)).unwrap_or(&host);
    name.strip_suffix(b".").unwrap_or(name).to_vec()
}
