//! Envoy's and the filters' stats in; filters that are configured and measure nothing, and why, out.

use super::dump::{Filter, Proxy, Refused};
use super::finding::{Fault, Finding, several};
use super::stats::Stats;
use redline::config::Config;
use redline::metric::Metric;

/// What keeps filters out of Envoy, whatever their service is.
pub(super) fn loading(stats: &Stats<'_>, proxy: &Proxy, findings: &mut Vec<Finding>) {
    for Refused { name, why } in &proxy.refused {
        let name = name.as_deref().unwrap_or("(without a name)");
        let mend = match of_our_plugin(why, proxy) {
            true => {
                "Envoy's log has the reason, in lines `configuration refused: …`, each a mistake that `redline check` lists too; \
                 where there is none, Envoy could not load the module, and says so there"
            }
            false => {
                "correct what Envoy names; of a configuration of the filter, `redline check` lists every mistake"
            }
        };
        findings.push(Finding {
            fault: Fault::Rejected,
            what: format!("Envoy refused the last change of {name}, and runs what was before it: {why}"),
            mend: mend.to_owned(),
        });
    }
    let failures = stats.envoy.get("wasm.remote_load_fetch_failures").copied().unwrap_or_default();
    if failures > 0 {
        findings.push(Finding {
            fault: Fault::NotLoaded,
            what: format!("Envoy could not fetch a Wasm module, {failures} times since its start"),
            mend: "look at the module's address, its sha256 and the cluster that it comes from; Envoy's log has the reason. \
                   The count stays until Envoy restarts"
                .to_owned(),
        });
    }
    let off: Vec<&Filter> =
        proxy.filters.iter().filter(|filter| filter.disabled && !filter.enabled_by_a_route).collect();
    if let Some(first) = off.first() {
        let mut listeners: Vec<&str> = off.iter().map(|filter| filter.listener.as_str()).collect();
        listeners.dedup();
        findings.push(Finding {
            fault: Fault::Disabled,
            what: format!(
                "the filter {} (listener {}) is disabled, and no route switches it on: it counts nothing",
                first.name,
                several(&listeners)
            ),
            mend: "leave out `disabled: true`, or switch it on by a route's typed_per_filter_config"
                .to_owned(),
        });
    }
}

/// Whether Envoy names nothing but a Wasm plugin that is ours: `Unable to create Wasm plugin redline`.
fn of_our_plugin(why: &str, proxy: &Proxy) -> bool {
    let Some((_, plugin)) = why.split_once("Unable to create Wasm ") else { return false };
    let known = proxy.filters.iter().map(|filter| filter.name.as_str()).filter(|name| !name.is_empty());
    known.chain(["redline"]).any(|name| plugin.contains(name))
}

/// A service whose filter says nothing at all; `dropped` are the metrics that Envoy throws away.
pub(super) fn service(stats: &Stats<'_>, config: &Config, dropped: &[String], findings: &mut Vec<Finding>) {
    // The first is there from the moment on that a VM runs, the second from its first tick on.
    let signs: Vec<String> = [Metric::BuildInfo, Metric::LastPublish]
        .into_iter()
        .filter(|metric| config.emitted().any(|emitted| emitted == *metric))
        .map(|metric| config.metric_name(metric))
        .filter(|name| !dropped.contains(name))
        .collect();
    let silent = signs.iter().all(|name| stats.of(name, &config.service).is_empty());
    if silent && !signs.is_empty() {
        findings.push(Finding {
            fault: Fault::NotRunning,
            what: format!(
                "the filter of {} is configured, but does not run: Envoy has no {}",
                config.service,
                signs.join(", no ")
            ),
            mend: "Envoy's log says why: a module that was not fetched, that Envoy cannot load, or a VM that failed open"
                .to_owned(),
        });
    }
}
