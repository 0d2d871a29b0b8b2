//! Custom metrics: an exchange, and the messages that it was made of, in; observations out.
//!
//! A rule is one configured metric, compiled: a place in the bit sets that say which requests it sees, where its value
//! comes from, and where its labels do. What costs is done late and once: headers are kept only where a rule will read
//! them, and a signal is parsed when the first rule asks for it.

mod amount;
mod labels;
mod messages;
mod rule;
mod seen;
mod signals;

pub use messages::Messages;
pub use rule::{Effects, Observation};

use crate::attributes::HostStatus;
use crate::candidates::Candidates;
use crate::config::{Config, EndpointSource, Where};
use crate::endpoint::{EndpointId, RouteNames, Templates};
use crate::exchange::{Exchange, Method};
use crate::matcher::{Matcher, TenantGroup};
use crate::registry::{CustomId, DropReason, Limit};
use crate::shared::{Host, Keys};
use crate::stat_name;
use labels::CANDIDATES;
use rule::{Rule, limit};
use seen::Seen;
use signals::{Interests, Signals};

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

    /// Learns of the label values that other VMs have admitted.
    #[inline(never)]
    pub fn refresh(&mut self, host: &mut impl Host) {
        for label in self.rules.iter_mut().flat_map(|rule| &mut rule.labels) {
            label.table.refresh(host);
        }
    }

    /// Every label that has a table of its own: its limit, how many values it has, and the most.
    #[inline(never)]
    pub fn occupancy(&self) -> Vec<(Limit, u32, u32)> {
        let mut all = Vec::new();
        for rule in &self.rules {
            for (place, label) in rule.labels.iter().enumerate() {
                if let Some((values, most)) = label.table.occupancy() {
                    all.push((limit(rule.id, place), values, most));
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests;
