//! A configuration in; who is told of which alert, how often and in which words, for Alertmanager, out.
//!
//! Secrets are never in it: only the paths of files that hold them, as the section `alerting` has them.

mod check;
mod inhibition;
mod receivers;

pub use check::{check, warnings};

use super::Rendered;
use super::yaml::quoted;
use receivers::Receiver;
use redline::config::{Config, Duration};
use std::fmt::Write;

/// The words of notifications.
const TEMPLATE: &str = include_str!("alertmanager/redline.tmpl");

/// One route: its matchers, receiver and how often it repeats. The first that matches counts, but where `goes_on`.
struct Route {
    matchers: &'static [&'static str],
    receiver: &'static str,
    repeat_hours: u64,
    goes_on: bool,
}

const fn route(matchers: &'static [&'static str], receiver: &'static str, repeat_hours: u64) -> Route {
    Route { matchers, receiver, repeat_hours, goes_on: false }
}

const SLO: &str = "slo=~\".+\"";
const CRITICAL: &str = "severity=\"critical\"";
const WARNING: &str = "severity=\"warning\"";
const INFO: &str = "severity=\"info\"";
const SECURITY: &str = "category=\"security\"";
const BUSINESS: &str = "category=\"business\"";

/// Pages first, then what is said once a day, then each team's channel.
const ROUTES: [Route; 14] = [
    Route { matchers: &[], receiver: "webhook", repeat_hours: 1, goes_on: true },
    route(&[SECURITY, CRITICAL], "security-page", 1),
    route(&[SECURITY, WARNING], "security", 6),
    route(&[SECURITY, INFO], "security", 24),
    route(&[SLO, CRITICAL], "slo-page", 2),
    route(&[CRITICAL], "pagerduty", 1),
    route(&[SLO, WARNING], "slo", 6),
    route(&[BUSINESS, INFO], "business", 24),
    route(&[INFO], "ops-email", 24),
    route(&[BUSINESS], "business", 6),
    route(&["category=\"latency\""], "performance", 6),
    route(&["category=~\"tenants|rate_limiting\""], "tenants", 6),
    route(&["category=~\"database|cache|infrastructure\""], "platform", 6),
    // The webhook's route matches everything, so that the receiver at the root is never reached.
    route(&[], "alerts", 6),
];

/// `alertmanager.yml` and its templates; `scale` divides every pause, for drills and tests.
pub fn render(config: &Config, scale: u64) -> Vec<Rendered> {
    vec![
        Rendered { name: "alertmanager.yml", text: text(config, scale) },
        Rendered { name: "templates/redline.tmpl", text: TEMPLATE.to_owned() },
    ]
}

fn text(config: &Config, scale: u64) -> String {
    let receivers = receivers::all(config);
    let has = |name: &str| receivers.iter().any(|receiver| receiver.name == name);
    let pause = |seconds: u64| {
        let millis = seconds.saturating_mul(1000).checked_div(scale.max(1)).unwrap_or_default();
        Duration::from_millis(millis.max(1000)).to_string()
    };
    let mut out = format!(
        "# Made by `redline render alertmanager` from the configuration of the service {}.\n\
         # Secrets are in the files that it names, and nowhere else. `amtool check-config` reads it; `amtool config routes\n\
         # test severity=critical category=database` says who is told.\n",
        config.service
    );
    out.push_str(&receivers::global(config));
    let _infallible = write!(
        out,
        "templates: [templates/*.tmpl]\nroute:\n  receiver: alerts\n  group_by: [service, category, slo]\n  \
         group_wait: {}\n  group_interval: {}\n  repeat_interval: {}\n  routes:\n",
        pause(30),
        pause(300),
        pause(6 * 3600),
    );
    for route in ROUTES.iter().filter(|route| has(route.receiver)) {
        let matchers: Vec<String> = route.matchers.iter().map(|matcher| quoted(matcher)).collect();
        let _infallible = write!(
            out,
            "    - matchers: [{}]\n      receiver: {}\n      repeat_interval: {}\n",
            matchers.join(", "),
            route.receiver,
            pause(route.repeat_hours.saturating_mul(3600)),
        );
        if route.goes_on {
            out.push_str("      continue: true\n");
        }
    }
    out.push_str(&inhibition::rules());
    out.push_str("receivers:\n");
    for Receiver { name, integrations } in &receivers {
        let _infallible = writeln!(out, "  - name: {name}");
        out.push_str(integrations);
    }
    out
}

#[cfg(test)]
mod tests;
