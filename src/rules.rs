//! Custom metrics: an exchange, and the messages that it was made of, in; observations out.
//!
//! A rule is one configured metric, compiled: a place in the bit sets that say which requests it sees, where its value
//! comes from, and where its labels do. What costs is done late and once: headers are kept only where a rule will read
//! them, and a signal is parsed when the first rule asks for it.

mod amount;
mod labels;
mod signals;

use crate::attributes::HostStatus;
use crate::candidates::Candidates;
use crate::config::{
    Attribute, CacheOutcome, Config, CustomMetric, EndpointSource, MAX_CUSTOM_LABELS, MetricValue, Where,
};
use crate::endpoint::{EndpointId, RouteNames, Templates};
use crate::exchange::{Exchange, Method, StatusMatch};
use crate::matcher::{Matcher, TenantGroup};
use crate::metric::Kind;
use crate::registry::{CustomId, CustomSeries, DropReason, LabelId, Limit};
use crate::shared::{Host, Keys};
use crate::signals::number::OutOfRange;
use crate::signals::server_timing::Entry;
use crate::stat_name;
use amount::Amount;
use labels::{LabelRule, Problem};
use signals::{Interests, Signals};

/// The header maps of one exchange as the host serialised them, as far as rules read them.
#[derive(Debug, Default)]
pub struct Messages {
    /// The request's headers.
    pub request: Option<Vec<u8>>,
    /// The response's headers.
    pub response: Option<Vec<u8>>,
    /// The response's trailers.
    pub trailers: Option<Vec<u8>>,
}

impl Messages {
    /// The buffers that they were kept in; then there are none.
    pub fn take_buffers(&mut self) -> impl Iterator<Item = Vec<u8>> {
        [self.request.take(), self.response.take(), self.trailers.take()].into_iter().flatten()
    }
}

/// What becomes of one exchange.
#[derive(Debug, Default)]
pub struct Effects {
    /// What is added, set or observed, in the order of the metrics.
    pub observations: Vec<Observation>,
    /// Each value that a limit sent to `_other`.
    pub overflows: Vec<Limit>,
    /// What could not be read.
    pub drops: Vec<DropReason>,
}

impl Effects {
    fn clear(&mut self) {
        self.observations.clear();
        self.overflows.clear();
        self.drops.clear();
    }
}

/// One value of one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// The series.
    pub series: CustomSeries,
    /// Whether it is added, set or observed.
    pub kind: Kind,
    /// The value.
    pub value: u64,
}

/// The custom metrics of one configuration in one VM.
#[derive(Debug)]
pub struct Rules {
    matcher: Matcher,
    rules: Vec<Rule>,
    interests: Interests,
    /// Whether any rule reads request headers.
    read_requests: bool,
    /// For the values of all labels.
    candidates: Candidates,
    effects: Effects,
    /// Scratch space for a path's normal form.
    path: Vec<u8>,
}

/// One custom metric, compiled.
#[derive(Debug)]
struct Rule {
    id: CustomId,
    kind: Kind,
    /// Empty is any.
    status: Vec<StatusMatch>,
    cache: Option<CacheOutcome>,
    amount: Amount,
    /// The name of the Server-Timing entries that each give one observation.
    entries: Option<Box<[u8]>>,
    labels: Vec<LabelRule>,
    /// Whether it reads request headers.
    reads_request: bool,
    /// Whether it has nothing to say of a response without the headers and trailers that it reads.
    needs_response: bool,
}

impl Rules {
    /// The metrics of a configuration. Route names that they ask for take their places in `routes`.
    pub fn new(config: &Config, keys: &Keys, routes: &mut RouteNames) -> Self {
        let wheres: Vec<Where> = config
            .metrics
            .iter()
            .map(|metric| Where {
                endpoint: metric.when.endpoint.clone(),
                method: metric.when.method.clone(),
                tenant: Vec::new(),
            })
            .collect();
        let matcher = match config.endpoints.source {
            EndpointSource::Template => Matcher::for_templates(wheres.iter(), &config.endpoints.templates),
            EndpointSource::RouteName => Matcher::for_route_names(wheres.iter(), routes),
        };
        let metrics = config.metrics.iter().enumerate();
        let rules: Vec<Rule> =
            metrics.map(|(place, metric)| Rule::new(place, metric, config, keys)).collect();
        Self {
            matcher,
            interests: Interests::new(config),
            read_requests: rules.iter().any(|rule| rule.reads_request),
            rules,
            candidates: Candidates::new(keys, CANDIDATES, ""),
            effects: Effects::default(),
            path: Vec::new(),
        }
    }

    /// Makes what the VMs share.
    #[inline(never)]
    pub fn prepare(&mut self, host: &mut impl Host) -> Result<(), HostStatus> {
        if self.rules.is_empty() {
            return Ok(());
        }
        self.candidates.prepare(host)?;
        let mut labels = self.rules.iter_mut().flat_map(|rule| &mut rule.labels);
        labels.try_for_each(|label| label.table.prepare(host))
    }

    /// Whether a request's headers are worth keeping: a rule that may see it reads them.
    pub fn read_request(&self, method: Method, endpoint: EndpointId) -> bool {
        let mut read = false;
        if self.read_requests {
            self.matcher.matching(endpoint, method, TenantGroup::UNNAMED, |place| {
                read |= self.rules.get(place).is_some_and(|rule| rule.reads_request);
            });
        }
        read
    }

    /// Whether a rule reads this header in a response's headers or trailers, which are worth keeping then.
    #[inline]
    pub fn reads_response(&self, name: &[u8]) -> bool {
        self.interests.has(name)
    }

    /// Whether any rule reads a response's headers.
    pub fn reads_responses(&self) -> bool {
        self.interests.any()
    }

    /// Whether any rule reads trailers.
    pub fn read_trailers(&self) -> bool {
        self.interests.trailers()
    }

    /// What becomes of an exchange, whose endpoint has this label; given back by [`Rules::recycle`].
    pub fn apply(
        &mut self,
        exchange: &Exchange,
        messages: &Messages,
        (endpoint, templates): (&str, &Templates),
        host: &mut impl Host,
    ) -> Effects {
        let mut effects = std::mem::take(&mut self.effects);
        if self.rules.is_empty() {
            return effects;
        }
        let payload = Default::default();
        let signals = Signals::new(messages, &payload);
        let mut seen =
            Seen { exchange, messages, signals, endpoint, templates, path: &mut self.path, upstream: None };
        let rules = &mut self.rules;
        let silent = messages.response.is_none() && messages.trailers.is_none();
        self.matcher.matching(exchange.endpoint, exchange.method, TenantGroup::UNNAMED, |place| {
            if let Some(rule) = rules.get_mut(place).filter(|rule| !(silent && rule.needs_response)) {
                rule.apply(&mut seen, &mut effects, host);
            }
        });
        let malformed = seen.signals.malformed();
        effects.drops.extend((0..malformed).map(|_| DropReason::MalformedHeader));
        effects
    }

    /// Takes the buffers back.
    pub fn recycle(&mut self, mut effects: Effects) {
        effects.clear();
        self.effects = effects;
    }

    /// A value of a label's own table.
    pub fn listed(&self, CustomId(id): CustomId, place: usize, number: u32) -> &str {
        let label = self.rules.get(usize::from(id)).and_then(|rule| rule.labels.get(place));
        label.and_then(|label| label.table.get(number)).unwrap_or(stat_name::OTHER)
    }

    /// Every label that has a table of its own: its limit, how many values it has, and the most.
    #[inline(never)]
    pub fn occupancy(&mut self, host: &mut impl Host) -> Vec<(Limit, u32, u32)> {
        let mut all = Vec::new();
        for rule in &mut self.rules {
            for (place, label) in rule.labels.iter_mut().enumerate() {
                if let Some((values, most)) = label.table.occupancy(host) {
                    all.push((limit(rule.id, place), values, most));
                }
            }
        }
        all
    }
}

/// A rule's labels for one exchange, as far as they are known: what a client sent is looked up once for all entries of
/// a response, so that one answer counts once for it.
type Labels = [Option<Result<LabelId, Problem>>; MAX_CUSTOM_LABELS];

/// The name of the candidates' table, one for all custom metrics.
const CANDIDATES: &str = "custom";

fn limit(id: CustomId, place: usize) -> Limit {
    Limit::Custom(id, u8::try_from(place).unwrap_or(u8::MAX))
}

/// What a rule sees of one exchange.
struct Seen<'e, 'm, 'p> {
    exchange: &'e Exchange,
    messages: &'m Messages,
    signals: Signals<'m, 'p>,
    endpoint: &'e str,
    templates: &'e Templates,
    path: &'e mut Vec<u8>,
    /// The upstream's address, once it has been asked for; empty where there is none.
    upstream: Option<Vec<u8>>,
}

impl Rule {
    fn new(place: usize, metric: &CustomMetric, config: &Config, keys: &Keys) -> Self {
        let labels = labels::compile(metric, config, keys);
        let amount = Amount::new(metric, config.duration_unit);
        let timed = match &metric.value {
            MetricValue::ServerTiming(name) => Some(name),
            _ => metric.labels.iter().find_map(|(_, attribute)| match attribute {
                Attribute::ServerTiming(name) => Some(name),
                _ => None,
            }),
        };
        Self {
            id: CustomId(u16::try_from(place).unwrap_or(u16::MAX)),
            kind: metric.kind,
            status: metric.when.status.clone(),
            cache: metric.when.cache,
            entries: timed.map(|name| name.as_bytes().into()),
            needs_response: timed.is_some() || metric.when.cache.is_some() || amount.reads_response(),
            reads_request: amount.reads_request() || labels.iter().any(LabelRule::reads_request),
            amount,
            labels,
        }
    }

    fn apply(&mut self, seen: &mut Seen<'_, '_, '_>, effects: &mut Effects, host: &mut impl Host) {
        let status = seen.exchange.status;
        let right_status = self.status.is_empty() || self.status.iter().any(|wanted| wanted.matches(status));
        if !right_status || (self.cache.is_some() && self.cache != seen.signals.cache()) {
            return;
        }
        let mut labels = Labels::default();
        let Some(name) = self.entries.take() else {
            return self.observe(None, &mut labels, seen, effects, host);
        };
        // By place: what an entry gives is written to what the entries are read from.
        for place in 0..seen.signals.entries().len() {
            let entry = seen.signals.entries().get(place).copied().filter(|entry| *entry.name() == *name);
            if entry.is_some() {
                self.observe(entry, &mut labels, seen, effects, host);
            }
        }
        self.entries = Some(name);
    }

    fn observe(
        &mut self,
        entry: Option<Entry<'_>>,
        known: &mut Labels,
        seen: &mut Seen<'_, '_, '_>,
        effects: &mut Effects,
        host: &mut impl Host,
    ) {
        let value = match self.amount.of(seen.exchange, seen.messages, &seen.signals, entry.as_ref()) {
            None => return,
            Some(Ok(value)) => value,
            Some(Err(OutOfRange)) => return effects.drops.push(DropReason::ValueRange),
        };
        let mut labels = [LabelId::UNUSED; MAX_CUSTOM_LABELS];
        let places = labels.iter_mut().zip(&mut self.labels).zip(known).enumerate();
        for (place, ((id, label), known)) in places {
            let read = match *known {
                Some(read) if !label.reads_entry() => read,
                _ => *known.insert(label.id(seen, entry.as_ref(), host)),
            };
            *id = match read {
                Ok(id) => id,
                Err(problem) => {
                    match problem {
                        Problem::PastLimit => effects.overflows.push(limit(self.id, place)),
                        Problem::SharedData => effects.drops.push(DropReason::SharedData),
                    }
                    LabelId::OTHER
                }
            };
        }
        let series = CustomSeries { metric: self.id, labels };
        effects.observations.push(Observation { series, kind: self.kind, value });
    }
}

#[cfg(test)]
mod tests;
