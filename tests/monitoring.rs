//! The whole of it with real processes: two Envoys with the filter, Prometheus with the rendered rules, Alertmanager with
//! the rendered routes, and a webhook that is told. Windows are a sixtieth of what they are.

#[path = "../cli/src/render/fixtures/profile.rs"]
mod profile;
mod support;

use redline::config::Config;
use redline_cli::render::promql::metric_names;
use redline_cli::render::{grafana, prometheus};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use support::alertmanager::{Alertmanager, Labels};
use support::client::Call;
use support::load::Load;
use support::prometheus::Prometheus;
use support::webhook::Webhook;
use support::{World, tools, within};

/// What is a minute in the configuration is a second here.
const SCALE: u64 = 60;

/// Prometheus and Alertmanager beside some proxies.
struct Monitoring {
    prometheus: Prometheus,
    alertmanager: Alertmanager,
}

impl Monitoring {
    fn start(config: &Config, proxies: &[SocketAddr]) -> Self {
        let alertmanager = Alertmanager::start(config, SCALE);
        let folder = tools::rendered(config, SCALE);
        let scrape = std::fs::read_to_string(folder.path().join("scrape.yaml")).expect("the file");
        let targets: Vec<String> = proxies.iter().map(|address| format!("\"{address}\"")).collect();
        let here = scrape.replace("\"127.0.0.1:9901\"", &targets.join(", "));
        assert_ne!(here, scrape);
        let told = alertmanager.address();
        let text = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yaml, alerts.yaml]\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: [\"{told}\"]}}]}}]}}\n{here}"
        );
        Self { prometheus: Prometheus::start_in(folder, &text), alertmanager }
    }

    /// What Alertmanager holds: alert name and SLO to whether it is held back.
    fn held(&self) -> BTreeMap<(String, String), bool> {
        let text = |labels: &Labels, name: &str| labels.get(name).cloned().unwrap_or_default();
        let one =
            |(labels, hidden): (Labels, bool)| ((text(&labels, "alertname"), text(&labels, "slo")), hidden);
        self.alertmanager.held().into_iter().map(one).collect()
    }
}

/// The profile, told where the webhook is, and published often.
fn document(webhook: SocketAddr) -> Value {
    let mut document = profile::document();
    document["tick"] = json!("200ms");
    document["alerting"]["receivers"] = json!({"webhook": {"url": format!("http://{webhook}/")}});
    document
}

/// A mix in which so many of ten requests fail.
fn calls(failing: usize) -> Vec<Call> {
    let paths = ["/api/v1/models", "/api/v1/models/7", "/t/acme/experiments/1", "/nowhere"];
    (0..20)
        .map(|i| {
            let status = match i {
                i if i % 10 < failing => 503,
                4 => 401,
                5 => 403,
                6 => 429,
                7 => 404,
                _ => 200,
            };
            // The last asks for another tenant's experiments.
            let tenant = if i == 18 { "globex" } else { "acme" };
            Call::get(paths[i % paths.len()])
                .header("x-do", &format!("status={status} size=20{}", signals(i)))
                .header("x-tenant-id", tenant)
                .header("x-user-id", "somebody")
        })
        .chain(
            ["/api/v1/models", "/api/v1/experiments", "/api/v1/deployments", "/api/v1/models/7/predict"].map(
                |path| {
                    let made = Call { method: "POST".to_owned(), ..Call::get(path) };
                    made.header("x-do", "status=201 size=20").header("x-tenant-id", "acme")
                },
            ),
        )
        .chain([Call { method: "DELETE".to_owned(), ..Call::get("/api/v1/models/7") }
            .header("x-tenant-id", "acme")])
        .collect()
}

/// What the upstream says of its database, cache and queue, in the syntax of `x-do`.
fn signals(i: usize) -> String {
    let load = [
        ("models_total", 7),
        ("experiments_total", 7),
        ("db_connections_active", 3),
        ("db_connections_idle", 17),
        ("db_pool_size", 20),
        ("db_pool_overflow", 0),
        ("cache_size_bytes", 1000),
        ("queue_depth", 2),
        ("tenant_storage_bytes", 1000),
    ];
    let load = load.map(|(key, value)| format!("named_metrics.{key}={value}")).join(",");
    // A timeout of the database on one of twenty alone: the alert on it waits for more.
    let failed = if i == 2 { ",db-error;desc=timeout" } else { "" };
    let timings = [
        "training;dur=2000;desc=done",
        "deployment;dur=3000;desc=done",
        "db;dur=2;desc=select",
        "cache;dur=1;desc=get",
        "queue;dur=4",
        "job;desc=done",
    ];
    let cache = if i.is_multiple_of(4) { "app;fwd=miss" } else { "app;hit" };
    format!(
        " header=server-timing:{}{failed} header=endpoint-load-metrics:TEXT%20{load} header=cache-status:{cache} \
         header=x-cache-evictions:1 header=x-ratelimit-remaining:900",
        timings.join(",")
    )
}

#[test]
fn an_outage_reaches_the_webhook_once_summed_over_both_proxies_and_resolves_after() {
    let webhook = Webhook::start();
    let document = document(webhook.address);
    let config = Config::from_value(&document).expect("a configuration");
    let worlds = [(); 2].map(|()| World::start(&document.to_string(), 1));
    let monitoring = Monitoring::start(&config, &[worlds[0].envoy.admin(), worlds[1].envoy.admin()]);
    let load = |failing: usize| {
        let start = |world: &World| {
            let address = world.envoy.listener("ingress").expect("the listener");
            Load::start(world, address, 1, &calls(failing))
        };
        worlds.each_ref().map(start)
    };
    let stop = |loads: [Load; 2]| {
        for (load, world) in loads.into_iter().zip(&worlds) {
            load.stop(world);
        }
    };

    let healthy = load(0);
    within(60, "both proxies, counted as one", || {
        let events =
            monitoring.prometheus.number("slo:events:increase{slo=\"availability\",window=\"5m\"}")?;
        let each =
            monitoring.prometheus.query("increase(slo_events_total{slo=\"availability\"}[5s])").ok()?;
        let more_than_each = each.len() == 2 && each.iter().all(|(_, value)| *value > 0.0 && *value < events);
        more_than_each.then_some(())
    });
    every_query_returns_data(&monitoring, &config);
    every_rule_is_healthy(&monitoring);
    assert!(
        !webhook.alerts().iter().any(|(_, labels)| labels.contains_key("tier")),
        "{:?}",
        webhook.alerts()
    );
    stop(healthy);

    let broken = load(3);
    let paged = |status: &str| {
        let alerts = webhook.alerts();
        alerts.into_iter().find(|(s, labels)| s == status && labels["alertname"] == "SLOBurnRateFast")
    };
    let (_, labels) = within(60, "the page", || paged("firing"));
    let expected = [
        ("alertname", "SLOBurnRateFast"),
        ("category", "error_budget"),
        ("service", "ml-platform"),
        ("severity", "critical"),
        ("slo", "availability"),
        ("team", "edge"),
        ("tier", "1"),
        ("window", "1h"),
    ];
    let expected: BTreeMap<String, String> = expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    assert_eq!(labels, expected, "no proxy is named: they are one service");
    let lower = ["SLOBurnRateMedium", "SLOBurnRateSlow", "SLOBurnRateSlowest"];
    within(60, "the lower tiers, held back", || {
        let held = monitoring.held();
        let is_held = |name: &&str| held.get(&((*name).to_owned(), "availability".to_owned())) == Some(&true);
        lower.iter().all(is_held).then_some(())
    });
    let told: BTreeSet<String> =
        webhook.alerts().into_iter().map(|(_, labels)| labels["alertname"].clone()).collect();
    assert!(!lower.iter().any(|name| told.contains(*name)), "{told:?}");
    stop(broken);

    let mended = load(0);
    within(90, "the end of it", || paged("resolved"));
    stop(mended);
    // Again with the series that only an outage brings.
    every_rule_is_healthy(&monitoring);

    // What one of them serves from now on would be in no graph.
    let [_kept, lost] = worlds;
    drop(lost);
    let told = within(60, "that one proxy is lost", || {
        webhook.alerts().into_iter().find(|(_, labels)| labels["alertname"] == "RedlineTargetDown")
    });
    assert_eq!((told.0.as_str(), told.1["severity"].as_str()), ("firing", "warning"));
    let absent = monitoring.prometheus.query("ALERTS{alertname=\"RedlineAbsent\"}").expect("an answer");
    assert_eq!(absent, [], "the other one is there");
}

/// Prometheus evaluated every rule of the rendered files, and none of them failed.
fn every_rule_is_healthy(monitoring: &Monitoring) {
    within(60, "every rule, evaluated", || {
        let rules = monitoring.prometheus.rules();
        let failed: Vec<_> = rules.iter().filter(|(_, health, _)| health == "err").collect();
        assert!(failed.is_empty(), "{failed:?}");
        (rules.len() > 200 && rules.iter().all(|(_, health, _)| health == "ok")).then_some(())
    });
}

/// Metrics without data though all is well, and why.
const EMPTY_METRICS: [(&str, &str); 5] = [
    ("grpc_requests_total", "the traffic has no gRPC"),
    ("http_retries_total", "Envoy retries nothing here"),
    ("http_failures_total", "Envoy fails nothing here"),
    ("redline_dropped_total", "nothing is dropped"),
    ("redline_series_overflow_total", "no limit is met"),
];

/// Queries without data though their metrics have some, and why.
const EMPTY_QUERIES: [(&str, &str); 1] = [(
    "sum(rate(predictions_total{service=~\"$service\",code_class=~\"5xx|none\"}[$__rate_interval]))",
    "no prediction fails here",
)];

/// Whether a query may be empty: it is listed, or a metric in it is.
fn is_empty_by_nature(query: &str) -> bool {
    let names = metric_names(query);
    let lists = |name: &str| names.iter().any(|named| named == name);
    EMPTY_QUERIES.iter().any(|(listed, _)| *listed == query)
        || EMPTY_METRICS.iter().any(|(name, _)| lists(name))
}

/// Every query of the dashboards, and every metric of the rules, has data after the traffic.
fn every_query_returns_data(monitoring: &Monitoring, config: &Config) {
    let dashboards = [grafana::overview(config), grafana::slos(config)];
    let panels = dashboards.iter().flat_map(|dashboard| dashboard["panels"].as_array().expect("panels"));
    let mut queries: Vec<String> = panels
        .filter_map(|panel| panel["targets"].as_array())
        .flatten()
        .map(|target| target["expr"].as_str().expect("a query").to_owned())
        .collect();
    let files = prometheus::render(config, SCALE);
    for file in files.iter().filter(|file| ["rules.yaml", "alerts.yaml"].contains(&file.name)) {
        let read: Value = serde_saphyr::from_str(&file.text).expect("YAML");
        let rules =
            read["groups"].as_array().expect("groups").iter().flat_map(|group| group["rules"].as_array());
        for rule in rules.flatten() {
            let query = rule["expr"].as_str().expect("a query");
            // What an alert waits for is not there; what it is computed from must be.
            match rule["alert"].is_null() {
                true => queries.push(query.to_owned()),
                false => queries.extend(metric_names(query).into_iter().map(|name| format!("count({name})"))),
            }
        }
    }
    for (query, reason) in EMPTY_QUERIES {
        assert!(queries.iter().any(|asked| asked == query), "nobody asks {query}: {reason}");
    }
    for (name, reason) in EMPTY_METRICS {
        assert!(
            queries.iter().any(|query| metric_names(query).iter().any(|n| n == name)),
            "{name}: {reason}"
        );
    }
    let filled = |query: &str| {
        query
            .replace("$__rate_interval", "5s")
            .replace("$service", "ml-platform")
            .replace("$endpoint", ".*")
            .replace("$tenant", ".*")
    };
    let queries: BTreeSet<String> =
        queries.iter().filter(|query| !is_empty_by_nature(query)).map(|query| filled(query)).collect();
    assert!(queries.len() > 120, "{}", queries.len());
    let mut missing = queries;
    let deadline = Instant::now() + Duration::from_secs(90);
    while !missing.is_empty() {
        assert!(
            Instant::now() < deadline,
            "without data:\n{}",
            missing.iter().cloned().collect::<Vec<_>>().join("\n")
        );
        missing.retain(|query| match monitoring.prometheus.query(query) {
            Ok(samples) => samples.is_empty(),
            Err(error) => panic!("{query}: {error}"),
        });
        std::thread::sleep(Duration::from_millis(500));
    }
}
