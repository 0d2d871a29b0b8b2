//! A finished exchange in, its verdict for each SLO that counts it out.

use super::SloIndex;
use crate::config::{DEFAULT_BAD_GRPC, DEFAULT_BAD_STATUS, Sli, Slo};
use crate::endpoint::{RouteNames, Template};
use crate::exchange::{Exchange, Method, Status, StatusMatch};
use crate::matcher::{Matcher, TenantGroup};

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
        Self::new(slos, Matcher::for_templates(slos.iter().map(|slo| &slo.filter), templates))
    }

    /// For endpoints that are route names: those that an SLO names take the first places of the table.
    pub fn for_route_names(slos: &[Slo], routes: &mut RouteNames) -> Self {
        Self::new(slos, Matcher::for_route_names(slos.iter().map(|slo| &slo.filter), routes))
    }

    fn new(slos: &[Slo], matcher: Matcher) -> Self {
        Self { matcher, rules: slos.iter().map(|slo| Rule::new(&slo.sli)).collect() }
    }

    /// The tenant as the SLOs see it: by the client's own value, before any cap. Once a request, where that value
    /// is at hand; `None` where there is none.
    pub fn tenant(&self, raw: Option<&[u8]>) -> TenantGroup {
        self.matcher.tenant(raw)
    }

    /// Calls `each` for every SLO that the exchange is an event of, in their order, with [`Verdict::Good`] or
    /// [`Verdict::Bad`].
    #[inline]
    pub fn classify(
        &self,
        exchange: &Exchange,
        tenant: TenantGroup,
        mut each: impl FnMut(SloIndex, Verdict),
    ) {
        if self.rules.is_empty() {
            return;
        }
        let facts = Facts::of(exchange);
        self.matcher.matching(exchange.endpoint, exchange.method, tenant, |slo| {
            match self.rules.get(slo).map_or(Verdict::Excluded, |rule| rule.verdict(&facts)) {
                Verdict::Excluded => {}
                verdict => each(slo, verdict),
            }
        });
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
                rule.add_status(DEFAULT_BAD_STATUS);
                DEFAULT_BAD_GRPC.into_iter().for_each(|code| rule.add_grpc(code));
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
    #[inline]
    fn verdict(&self, facts: &Facts) -> Verdict {
        let answered_badly = self.bad_classes & facts.class != 0
            || self.bad_grpc & facts.grpc != 0
            || (!self.bad_codes.is_empty() && self.bad_codes.contains(&facts.status));
        let Some(threshold) = self.threshold_ns else {
            return if answered_badly {
                Verdict::Bad
            } else if facts.client_left {
                Verdict::Excluded
            } else if facts.not_answered_whole {
                Verdict::Bad
            } else {
                Verdict::Good
            };
        };
        if facts.tunnel || answered_badly {
            return Verdict::Excluded;
        }
        match facts.duration_ns {
            // It waited too long, whoever gave up in the end; of one that left earlier nobody can tell.
            Some(duration) if facts.client_left && duration > threshold => Verdict::Bad,
            _ if facts.client_left || facts.not_answered_whole => Verdict::Excluded,
            Some(duration) if duration > threshold => Verdict::Bad,
            Some(_) => Verdict::Good,
            None => Verdict::Excluded,
        }
    }
}

/// What rules ask of an exchange, worked out once for all of them.
#[derive(Debug, Clone, Copy)]
struct Facts {
    status: u16,
    /// The bit of the status' class.
    class: u8,
    /// The bit of the gRPC code, where there is one.
    grpc: u32,
    client_left: bool,
    /// No response was sent, or one was cut off by the upstream after its headers.
    not_answered_whole: bool,
    /// Or would have become one: its duration says nothing.
    tunnel: bool,
    duration_ns: Option<u64>,
}

impl Facts {
    fn of(exchange: &Exchange) -> Self {
        let Status(status) = exchange.status;
        Self {
            status,
            class: 1_u8.checked_shl(u32::from(status / 100)).unwrap_or(0),
            grpc: exchange.grpc.and_then(|code| 1_u32.checked_shl(code.number().into())).unwrap_or(0),
            // Envoy has no flag for a client that leaves over HTTP/3, and one for everybody else who is not answered.
            client_left: exchange.flags.client_left() || (status == 0 && exchange.flags.0 == 0),
            not_answered_whole: status == 0 || exchange.was_cut_off(),
            tunnel: exchange.is_tunnel() || exchange.method == Method::Connect,
            duration_ns: exchange.duration_ns,
        }
    }
}

#[cfg(test)]
mod tests;
