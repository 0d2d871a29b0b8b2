//! The whole of it with real processes: two Envoys with the filter, Prometheus with the rendered rules, Alertmanager with
//! the rendered routes, and a webhook that is told. Windows are a sixtieth of what they are.

#[path = "../cli/src/render/fixtures/profile.rs"]
mod profile;
mod support;

use redline::config::Config;
use redline_cli::http::Client;
use redline_cli::render::promql::metric_names;
use redline_cli::render::{alertmanager, grafana, prometheus};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::World;
use support::client::Call;
use support::load::Load;
use support::tools::{self, tool, write};
use support::webhook::Webhook;
use tempfile::TempDir;

/// What is a minute in the configuration is a second here.
const SCALE: u64 = 60;

/// A process that ends with the test.
struct Process(Child);

impl Process {
    fn start(program: &Path, folder: &Path, arguments: &[String]) -> Self {
        let name = program.file_name().expect("a name").display();
        let log = std::fs::File::create(folder.join(format!("{name}.log"))).expect("a log");
        let errors = log.try_clone().expect("the log again");
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(log).stderr(errors);
        Self(command.spawn().unwrap_or_else(|error| panic!("{name}: {error}; `make setup` installs it")))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = (self.0.kill(), self.0.wait());
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// Polls until `probe` yields something.
fn within<T>(seconds: u64, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Prometheus and Alertmanager beside some proxies.
struct Monitoring {
    _processes: [Process; 2],
    _folder: TempDir,
    prometheus: String,
    alertmanager: String,
    client: Client,
}

impl Monitoring {
    fn start(config: &Config, proxies: &[SocketAddr]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        write(path, &prometheus::render(config, SCALE));
        write(path, &alertmanager::render(config, SCALE));
        let [prometheus, alertmanager] = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
        let scrape = std::fs::read_to_string(path.join("scrape.yaml")).expect("the file");
        let targets: Vec<String> = proxies.iter().map(|address| format!("\"{address}\"")).collect();
        let here = scrape.replace("\"127.0.0.1:9901\"", &targets.join(", "));
        assert_ne!(here, scrape);
        let text = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yaml, alerts.yaml]\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: [\"{alertmanager}\"]}}]}}]}}\n{here}"
        );
        std::fs::write(path.join("prometheus.yml"), text).expect("a file");
        let processes = [
            Process::start(
                &tool("prometheus"),
                path,
                &[
                    "--config.file=prometheus.yml".to_owned(),
                    "--storage.tsdb.path=data".to_owned(),
                    format!("--web.listen-address={prometheus}"),
                ],
            ),
            Process::start(
                &tools::alertmanager(path),
                path,
                &[
                    "--config.file=alertmanager.yml".to_owned(),
                    "--storage.path=alerts".to_owned(),
                    "--cluster.listen-address=".to_owned(),
                    format!("--web.listen-address={alertmanager}"),
                ],
            ),
        ];
        let path = path.to_owned();
        let client = Client::new(Duration::from_secs(20));
        let this = Self { _processes: processes, _folder: folder, prometheus, alertmanager, client };
        let ready = |address: &str| this.client.get(&format!("http://{address}/-/ready"));
        let deadline = Instant::now() + Duration::from_secs(60);
        while let (Err(error), _) | (_, Err(error)) = (ready(&this.prometheus), ready(&this.alertmanager)) {
            let log = |name: &str| std::fs::read_to_string(path.join(name)).unwrap_or_default();
            let logs = log("prometheus.log") + &log("alertmanager.log");
            assert!(Instant::now() < deadline, "{error}\n{logs}");
            std::thread::sleep(Duration::from_millis(100));
        }
        this
    }

    /// The labels and values that a query gives now; an error where Prometheus refuses it.
    fn query(&self, query: &str) -> Result<Vec<(Value, f64)>, String> {
        let url = format!("http://{}/api/v1/query?query={}", self.prometheus, encoded(query));
        let body = self.client.get(&url).map_err(|error| error.to_string())?;
        let body: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        let result = body["data"]["result"].as_array().cloned().unwrap_or_default();
        let number =
            |sample: &Value| sample["value"][1].as_str().and_then(|v| v.parse().ok()).unwrap_or(f64::NAN);
        Ok(result.iter().map(|sample| (sample["metric"].clone(), number(sample))).collect())
    }

    /// The value of a query with one result.
    fn number(&self, query: &str) -> Option<f64> {
        match self.query(query).ok()?.as_slice() {
            [(_, value)] => Some(*value),
            _ => None,
        }
    }

    /// What Alertmanager holds: alert name and tier to whether it is held back.
    fn held(&self) -> BTreeMap<(String, String), bool> {
        let body =
            self.client.get(&format!("http://{}/api/v2/alerts", self.alertmanager)).expect("an answer");
        let alerts: Vec<Value> = serde_json::from_str(&body).expect("JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let one = |alert: &Value| {
            let key = (text(&alert["labels"]["alertname"]), text(&alert["labels"]["slo"]));
            (key, !alert["status"]["inhibitedBy"].as_array().expect("a list").is_empty())
        };
        alerts.iter().map(one).collect()
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
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
        let events = monitoring.number("slo:events:increase{slo=\"availability\",window=\"5m\"}")?;
        let each = monitoring.query("increase(slo_events_total{slo=\"availability\"}[5s])").ok()?;
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
    let absent = monitoring.query("ALERTS{alertname=\"RedlineAbsent\"}").expect("an answer");
    assert_eq!(absent, [], "the other one is there");
}

/// Prometheus evaluated every rule of the rendered files, and none of them failed.
fn every_rule_is_healthy(monitoring: &Monitoring) {
    let url = format!("http://{}/api/v1/rules", monitoring.prometheus);
    let rules = || -> Vec<(String, String, String)> {
        let body: Value =
            serde_json::from_str(&monitoring.client.get(&url).expect("the rules")).expect("JSON");
        let groups = body["data"]["groups"].as_array().expect("groups").iter();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let rules = groups.flat_map(|group| group["rules"].as_array().expect("rules"));
        rules.map(|rule| (text(&rule["name"]), text(&rule["health"]), text(&rule["lastError"]))).collect()
    };
    within(60, "every rule, evaluated", || {
        let rules = rules();
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
        missing.retain(|query| match monitoring.query(query) {
            Ok(samples) => samples.is_empty(),
            Err(error) => panic!("{query}: {error}"),
        });
        std::thread::sleep(Duration::from_millis(500));
    }
}
