//! A finished exchange in, its verdict for each SLO that counts it out.

mod matcher;

pub use matcher::TenantGroup;

use super::SloIndex;
use crate::config::{Sli, Slo};
use crate::endpoint::{EndpointId, RouteNames, Template};
use crate::exchange::{Exchange, Method, Status, StatusMatch};
use matcher::Matcher;

/// What an exchange is to an SLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// An event that is as it should be.
    Good,
    /// An event that uses up budget.
    Bad,
    /// No event.
    Excluded,
}

/// The SLOs of one configuration, compiled.
#[derive(Debug, Clone, Default)]
pub struct Classifier {
    matcher: Matcher,
    rules: Vec<Rule>,
}

impl Classifier {
    /// For endpoints that are templates, in the order of the configuration.
    pub fn for_templates(slos: &[Slo], templates: &[Template]) -> Self {
        Self::new(slos, &mut |label| {
            let index = templates.iter().position(|template| template.as_str() == label);
            index.and_then(|index| u16::try_from(index).ok()).map_or(EndpointId::OTHER, EndpointId)
        })
    }

    /// For endpoints that are route names: those that an SLO names take the first places of the table.
    pub fn for_route_names(slos: &[Slo], routes: &mut RouteNames) -> Self {
        Self::new(slos, &mut |label| routes.id(label.as_bytes()))
    }

    fn new(slos: &[Slo], endpoint: &mut dyn FnMut(&str) -> EndpointId) -> Self {
        let rules = slos.iter().map(|slo| Rule::new(&slo.sli)).collect();
        Self { matcher: Matcher::new(slos.iter().map(|slo| &slo.filter), endpoint), rules }
    }

    /// The tenant as the SLOs see it: by the client's own value, before any cap. Once a request, where that value
    /// is at hand; `None` where there is none.
    pub fn tenant(&self, raw: Option<&[u8]>) -> TenantGroup {
        self.matcher.tenant(raw)
    }

    /// Each SLO that the exchange is an event of, in their order, with [`Verdict::Good`] or [`Verdict::Bad`].
    pub fn classify(
        &self,
        exchange: &Exchange,
        tenant: TenantGroup,
    ) -> impl Iterator<Item = (SloIndex, Verdict)> {
        let matching = self.matcher.matching(exchange.endpoint, exchange.method, tenant);
        matching.filter_map(|slo| match self.rules.get(slo)?.verdict(exchange) {
            Verdict::Excluded => None,
            verdict => Some((slo, verdict)),
        })
    }

    /// Whether an SLO is one of latency, and its events' durations therefore go into its p99.
    pub fn is_latency(&self, slo: SloIndex) -> bool {
        self.rules.get(slo).is_some_and(|rule| rule.threshold_ns.is_some())
    }
}

/// What makes an event of one SLO a bad one.
#[derive(Debug, Clone, PartialEq)]
struct Rule {
    /// Bit n: n00 to n99.
    bad_classes: u8,
    bad_codes: Vec<u16>,
    /// Bit n: gRPC code n.
    bad_grpc: u32,
    /// Slower is bad; of latency SLOs only.
    threshold_ns: Option<u64>,
}

impl Rule {
    fn new(sli: &Sli) -> Self {
        let mut rule = Self { bad_classes: 0, bad_codes: Vec::new(), bad_grpc: 0, threshold_ns: None };
        match sli {
            Sli::Availability { bad_status, bad_grpc } => {
                bad_status.iter().for_each(|status| rule.add_status(*status));
                bad_grpc.iter().for_each(|code| rule.add_grpc(*code));
            }
            Sli::Latency { threshold } => {
                // An answer that is bad for availability by default says nothing about latency.
                rule.add_status(StatusMatch::Class(5));
                [2, 4, 12, 13, 14, 15].into_iter().for_each(|code| rule.add_grpc(code));
                rule.threshold_ns = Some(threshold.as_nanos());
            }
        }
        rule
    }

    fn add_status(&mut self, status: StatusMatch) {
        match status {
            StatusMatch::Code(code) => self.bad_codes.push(code),
            StatusMatch::Class(class) => self.bad_classes |= 1_u8.checked_shl(class.into()).unwrap_or(0),
        }
    }

    fn add_grpc(&mut self, code: u8) {
        self.bad_grpc |= 1_u32.checked_shl(code.into()).unwrap_or(0);
    }

    /// The contract's order, step by step.
    fn verdict(&self, exchange: &Exchange) -> Verdict {
        let left = exchange.flags.client_left();
        let Some(threshold) = self.threshold_ns else {
            return if self.answered_badly(exchange) {
                Verdict::Bad
            } else if left {
                Verdict::Excluded
            } else if not_answered_whole(exchange) {
                Verdict::Bad
            } else {
                Verdict::Good
            };
        };
        let tunnel = exchange.is_tunnel() || exchange.method == Method::Connect;
        if tunnel || self.answered_badly(exchange) {
            return Verdict::Excluded;
        }
        match exchange.duration_ns {
            // It waited too long, whoever gave up in the end; of one that left earlier nobody can tell.
            Some(duration) if left && duration > threshold => Verdict::Bad,
            _ if left || not_answered_whole(exchange) => Verdict::Excluded,
            Some(duration) if duration > threshold => Verdict::Bad,
            Some(_) => Verdict::Good,
            None => Verdict::Excluded,
        }
    }

    fn answered_badly(&self, exchange: &Exchange) -> bool {
        let Status(status) = exchange.status;
        let class = u32::from(status).checked_div(100).unwrap_or(0);
        let grpc = exchange.grpc.and_then(|code| 1_u32.checked_shl(code.number().into())).unwrap_or(0);
        u32::from(self.bad_classes).checked_shr(class).unwrap_or(0) & 1 != 0
            || self.bad_grpc & grpc != 0
            || self.bad_codes.contains(&status)
    }
}

/// Whether no response was sent, or one was cut off by the upstream after its headers.
fn not_answered_whole(exchange: &Exchange) -> bool {
    exchange.status == Status(0) || exchange.was_cut_off()
}

#[cfg(test)]
mod tests;
