//! SLOs in; the alerts on there being nothing to judge out.

use super::super::catalogue::Category;
use super::super::promtool::{Check, Test};
use super::super::rule::Rule;
use super::super::tiers::Severity;
use super::maker::{Draft, Maker};
use redline::config::{Duration, Slo};

/// The alert on counters that are gone.
pub(super) const ABSENT: &str = "SLOMetricAbsent";

impl Maker<'_> {
    /// The counters of an SLO are gone.
    pub(super) fn absent(&self, slo: &Slo) -> Option<Rule> {
        let name = &slo.name;
        let draft = Draft {
            name: ABSENT,
            category: Category::Availability,
            severity: Severity::Warning,
            hold: Duration::from_secs(300),
            expr: &format!("absent($slo_events_total{{$S,slo=\"{name}\"}})"),
            summary: &format!("Nothing is counted for {name} of {{{{ $labels.service }}}}"),
            description: "The counters of this SLO are gone, so none of its alerts can fire. Either the proxies run \
                          another configuration than the rules were made of, or they are not scraped.",
        };
        let mut rule = self.rule(draft, &[("slo", name)])?;
        let at = |minutes: u64| Duration::from_secs(minutes.saturating_mul(60));
        let test = |what: &str, series, checks| Test {
            name: format!("{ABSENT} of {name} {what}"),
            slow: false,
            series,
            checks,
        };
        let others = self.config.slos.iter().filter(|other| other.name != slo.name);
        let others: Vec<_> = others.flat_map(|other| self.counters(other, &[(0, 0, 20)])).collect();
        let all = self.config.slos.iter().flat_map(|slo| self.counters(slo, &[(0, 0, 20)])).collect();
        let firing = rule.firing(at(5), &[], "");
        rule.tests = vec![
            test("fires", others, vec![Check { at: at(4), firing: None }, firing]),
            test(
                "is silent without traffic",
                all,
                vec![Check { at: at(5), firing: None }, Check { at: at(15), firing: None }],
            ),
        ];
        Some(rule)
    }

    /// Nothing to judge.
    pub(super) fn no_traffic(&self) -> Option<Rule> {
        let slos = self.slos("SLONoTraffic");
        let slo = *slos.first()?;
        let selector = self.selector(&slos);
        let draft = Draft {
            name: "SLONoTraffic",
            category: Category::Availability,
            severity: Severity::Info,
            hold: Duration::from_secs(1800),
            expr: &format!("$slo:events:increase{{{selector},window=\"1h\"}} == 0"),
            summary: "{{ $labels.slo }} of {{ $labels.service }} had no events for an hour",
            description: "Nothing failed because nothing was asked. Where there should be traffic, look at what is in front \
                          of the proxies; where the SLO has a `where`, whether anything still matches it.",
        };
        let mut rule = self.rule(draft, &[])?;
        let at = |minutes: u64| Duration::from_secs(minutes.saturating_mul(60));
        let test = |what: &str, events: u64, checks| Test {
            name: format!("SLONoTraffic {what}"),
            slow: false,
            series: self.counters(slo, &[(0, events, 60)]),
            checks,
        };
        let own = [("slo", slo.name.clone()), ("window", "1h".to_owned())];
        let firing = rule.firing(at(31), &own, "");
        rule.tests = vec![
            test("fires", 0, vec![Check { at: at(30), firing: None }, firing]),
            test(
                "is silent with an event a minute",
                1,
                vec![Check { at: at(31), firing: None }, Check { at: at(50), firing: None }],
            ),
        ];
        Some(rule)
    }
}
