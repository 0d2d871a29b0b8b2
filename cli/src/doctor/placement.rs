//! Where filters stand and what they were told in; orders, policies and repetitions that are wrong out.

use super::dump::{Filter, Proxy};
use super::finding::{Fault, Finding, several};
use crate::document::Document;
use redline::config::{Config, ValueSource};
use serde_json::Value;
use std::collections::BTreeMap;

/// Types of filters after which a token in the request is a verified one.
const AUTHENTICATION: [&str; 3] = ["JwtAuthentication", "ExtAuthz", "OAuth2"];

pub(super) fn check(proxy: &Proxy, document: Option<&Document>, findings: &mut Vec<Finding>) {
    let closed: Vec<&Filter> = proxy.filters.iter().filter(|filter| filter.fails_closed).collect();
    if !closed.is_empty() {
        findings.push(Finding {
            fault: Fault::FailurePolicy,
            what: format!("{} fails closed: after a crash its worker would answer 503 to every request", at(&closed)),
            mend: "set failure_policy: FAIL_RELOAD (a WasmPlugin's failStrategy; failOpen: true in Envoy Gateway)".to_owned(),
        });
    }
    for filter in &proxy.filters {
        if let Err(errors) = &filter.config {
            findings.push(Finding {
                fault: Fault::Unreadable,
                what: format!(
                    "{} has a configuration that is refused: {}",
                    at(&[filter]),
                    first_line(errors)
                ),
                mend: "use a filter and a command line of one version; `redline check` lists every mistake"
                    .to_owned(),
            });
        }
    }
    order(proxy, findings);
    twice(proxy, findings);
    for filter in &proxy.filters {
        named(filter, findings);
    }
    if let Some(document) = document {
        differs(proxy, &document.config, findings);
    }
}

fn order(proxy: &Proxy, findings: &mut Vec<Finding>) {
    let is_authentication = |kind: &&String| AUTHENTICATION.contains(&kind.as_str());
    let unverified = proxy.filters.iter().filter(|filter| {
        filter.config.as_ref().is_ok_and(trusts_tokens)
            && !filter.before.iter().any(|kind| is_authentication(&kind))
    });
    let unverified: Vec<&Filter> = unverified.collect();
    let Some(first) = unverified.first() else { return };
    let later = first.after.iter().find(is_authentication);
    let why = later
        .map_or("nothing before it verifies the token".to_owned(), |kind| format!("{kind} comes after it"));
    findings.push(Finding {
        fault: Fault::FilterOrder,
        what: format!(
            "{} takes the tenant out of a token, but {why}: anybody can name any tenant",
            at(&unverified)
        ),
        mend: "put it after jwt_authn (a WasmPlugin's phase: AUTHZ), or take the tenant from elsewhere"
            .to_owned(),
    });
}

fn trusts_tokens(config: &Config) -> bool {
    let of_isolation = config.tenant.isolation.iter().flat_map(|sides| [&sides.claim, &sides.resource]);
    let mut sources = config.tenant.sources.iter().chain(of_isolation);
    sources.any(|source| matches!(source, ValueSource::Jwt { .. }))
}

fn twice(proxy: &Proxy, findings: &mut Vec<Finding>) {
    let mut services: BTreeMap<&str, Vec<&Filter>> = BTreeMap::new();
    for filter in &proxy.filters {
        if let Ok(config) = &filter.config {
            services.entry(&config.service).or_default().push(filter);
        }
    }
    for (service, filters) in services {
        let earlier = |i: usize| filters.iter().take(i);
        // Of two that routes switch on, each may have routes of its own.
        let both = |a: &Filter, b: &Filter| a.chain == b.chain && !(a.disabled && b.disabled);
        let chained = filters.iter().enumerate().find(|(i, f)| earlier(*i).any(|known| both(known, f)));
        let other =
            filters.iter().enumerate().find(|(i, f)| earlier(*i).any(|known| known.plugin != f.plugin));
        let (what, mend) = if let Some((_, filter)) = chained {
            (
                format!(
                    "two filters of the service {service} in one chain of {} count every request twice",
                    filter.listener
                ),
                "leave one of them in the chain",
            )
        } else if let Some((_, filter)) = other {
            let first = filters.first().map_or("", |first| first.listener.as_str());
            (
                format!(
                    "the service {service} is configured twice, differently, in {first} and {}: each sets the other's gauges \
                     and has limits of its own",
                    filter.listener
                ),
                "give all listeners the same plugin, word for word, or services of different names",
            )
        } else {
            continue;
        };
        findings.push(Finding { fault: Fault::Twice, what, mend: mend.to_owned() });
    }
}

/// A name that no rule knows: Envoy's stats of crashes have it in their names. What a mesh calls its plugins, with dots or
/// slashes, is the mesh's, and where crashes start no new VM, there is nothing to read.
fn named(filter: &Filter, findings: &mut Vec<Finding>) {
    let Ok(config) = &filter.config else { return };
    let name = filter.stats.trim_start_matches("wasm.").trim_end_matches('.');
    let plain = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let known = name == "redline" || plain(name).contains(&format!("redline_{}", plain(&config.service)));
    let reloads = filter
        .plugin
        .get("failure_policy")
        .and_then(Value::as_str)
        .is_some_and(|policy| policy == "FAIL_RELOAD");
    if known || name.contains(['.', '/']) || !reloads {
        return;
    }
    let called = if name.is_empty() { "has no `name`".to_owned() } else { format!("is named {name}") };
    findings.push(Finding {
        fault: Fault::PluginName,
        what: format!(
            "the plugin of {} (listener {}) {called}: RedlineVMReloaded and RedlineVMReloadFailed do not see its crashes",
            config.service, filter.listener
        ),
        mend: "name it redline (`config.name` of the Wasm filter), as `redline render envoy` does".to_owned(),
    });
}

fn differs(proxy: &Proxy, expected: &Config, findings: &mut Vec<Finding>) {
    let service = &expected.service;
    let of_service: Vec<&Config> = proxy.configs().filter(|config| config.service == *service).collect();
    let mend = "hand it what `redline render` makes of the configuration, or give --config what should run"
        .to_owned();
    if of_service.is_empty() {
        let known: Vec<&str> = proxy.configs().map(|config| config.service.as_str()).collect();
        let what = format!("no filter measures the service {service}, but {}", several(&known));
        return findings.push(Finding { fault: Fault::Configuration, what, mend });
    }
    for running in of_service {
        let keys: Vec<&str> = differences(running, expected);
        if !keys.is_empty() {
            let what = format!("the filter of {service} was told something else in {}", keys.join(", "));
            findings.push(Finding { fault: Fault::Configuration, what, mend: mend.clone() });
        }
    }
}

/// The keys whose meaning differs; `alerting` is for rendering, and the filter does not look at it.
fn differences(a: &Config, b: &Config) -> Vec<&'static str> {
    let keys = [
        ("endpoints", a.endpoints == b.endpoints),
        ("tenant", a.tenant == b.tenant),
        ("user", a.user == b.user),
        ("limits", a.limits == b.limits),
        ("buckets", a.buckets == b.buckets),
        ("slos", a.slos == b.slos),
        ("metrics", a.metrics == b.metrics),
        ("metric_prefix", a.metric_prefix == b.metric_prefix),
        ("duration_unit", a.duration_unit == b.duration_unit),
        ("disable", a.disable == b.disable),
        ("tick", a.tick == b.tick),
    ];
    keys.into_iter().filter(|(_, same)| !same).map(|(key, _)| key).collect()
}

/// Which filter, and where it stands.
fn at(filters: &[&Filter]) -> String {
    let name = filters.first().map_or("", |filter| filter.name.as_str());
    let mut listeners: Vec<&str> = filters.iter().map(|filter| filter.listener.as_str()).collect();
    listeners.dedup();
    format!("the filter {name} (listener {})", several(&listeners))
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
