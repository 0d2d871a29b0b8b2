//! Redline's own filter in this host: recorded and made-up traffic through it, checked against the oracle.
//!
//! The filter is `$REDLINE_WASM`, else `dist/redline.wasm` of this checkout (`make wasm`); the recordings are in
//! `$REDLINE_DATA`, else in `../shared/data` beside the checkout. What is not there is said and left out.

#[path = "redline/tenants.rs"]
mod tenants;

use host_harness::oracle::Oracle;
use host_harness::replay::{Options, Summary, replay_observed};
use host_harness::stats::{Sample, StatConfig, Value};
use host_harness::stream::{Protocol, ResponseFlags};
use host_harness::traffic::{self, BadRecord, Format, Record};
use host_harness::{Filter, Gateway, GatewayConfig, HostError, abi};
use redline::config::Config;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

fn beside(variable: &str, path: &str) -> PathBuf {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    std::env::var_os(variable).map_or_else(default, PathBuf::from)
}

/// The filter, compiled once.
fn filter() -> &'static Filter {
    static FILTER: OnceLock<Filter> = OnceLock::new();
    FILTER.get_or_init(|| {
        let path = beside("REDLINE_WASM", "../dist/redline.wasm");
        let wasm = std::fs::read(&path);
        let wasm = wasm.unwrap_or_else(|e| panic!("{}: {e}; `make wasm` builds the filter", path.display()));
        Filter::compile(&wasm).unwrap()
    })
}

fn recording(name: &str) -> Option<PathBuf> {
    let path = beside("REDLINE_DATA", "../../shared/data").join(name);
    if !path.exists() {
        eprintln!("NOT CHECKED: no recording at {}", path.display());
        return None;
    }
    Some(path)
}

fn gateway(filter: &Filter, document: &str, workers: usize, start_ns: u64) -> Result<Gateway, HostError> {
    // A configuration that is refused goes to the filter as it is.
    let stats = Config::from_json(document.as_bytes())
        .map(|config| StatConfig { tags: config.stat_tags(), buckets: config.histogram_buckets() })
        .unwrap_or_default();
    let plugin = abi::Plugin { configuration: document.as_bytes().to_vec(), ..abi::Plugin::default() };
    Gateway::start(filter, GatewayConfig { workers, plugin, stats, start_ns, ..GatewayConfig::default() })
}

/// Replays and checks; the snapshot and the summary.
fn verified(
    filter: &Filter,
    document: &str,
    workers: usize,
    start_ns: u64,
    records: impl Iterator<Item = Result<Record, BadRecord>>,
) -> (Vec<Sample>, Summary) {
    let mut gateway = gateway(filter, document, workers, start_ns).unwrap();
    let mut oracle = Oracle::new(&Config::from_json(document.as_bytes()).unwrap()).unwrap();
    let summary =
        replay_observed(&mut gateway, records, Options::default(), |event| oracle.observe(event)).unwrap();
    let snapshot = gateway.stats().snapshot();
    let differences = oracle.check(&snapshot);
    let words: Vec<String> = differences.iter().take(20).map(ToString::to_string).collect();
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), words.join("\n"));
    (snapshot, summary)
}

/// Sums of a counter by one label.
fn by(snapshot: &[Sample], metric: &str, label: &str) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for sample in snapshot.iter().filter(|sample| sample.name == metric) {
        if let Value::Counter(value) = sample.value {
            *sums.entry(sample.labels[label].clone()).or_default() += value;
        }
    }
    sums
}

const EXAMPLE: &str = r#"{"service":"site","endpoints":{"templates":["/blog/{path*}","/images/{file}","/presentations/{name}/{file*}","/"]}}"#;

#[test]
fn ten_thousand_lines_of_an_apache_log_are_counted_exactly() {
    let (filter, Some(path)) = (filter(), recording("apache_access.log")) else { return };
    let log = std::fs::read(&path).unwrap();
    let mut methods: BTreeMap<String, u64> = BTreeMap::new();
    let mut statuses: BTreeMap<String, u64> = BTreeMap::new();
    let mut bytes = 0;
    for line in String::from_utf8_lossy(&log).lines() {
        let (_, rest) = line.split_once("] \"").unwrap();
        *methods.entry(rest.split(' ').next().unwrap().to_owned()).or_default() += 1;
        let after: Vec<&str> = rest.split_once("\" ").unwrap().1.split(' ').collect();
        *statuses.entry(after[0].to_owned()).or_default() += 1;
        bytes += after[1].parse().unwrap_or(0);
    }
    let mut records = traffic::open(&path, Format::Auto).unwrap();
    let start = records.first_time_ns().unwrap();
    let (snapshot, summary) = verified(filter, EXAMPLE, 2, start, records);
    assert_eq!((summary.exchanges, summary.skipped), (10_000, 0));
    assert_eq!(by(&snapshot, "http_requests_total", "method"), methods);
    assert_eq!(by(&snapshot, "http_requests_total", "status"), statuses);
    assert_eq!(by(&snapshot, "tenant_response_bytes_total", "tenant"), [("_none".to_owned(), bytes)].into());
}

#[test]
fn recorded_hars_are_counted_exactly() {
    let filter = filter();
    let table = [
        ("browsertime_sitespeed.io.har", 27, vec![("200", 27)]),
        ("firefox_www.nghttp2.org.har", 10, vec![("0", 1), ("200", 9)]),
    ];
    for (name, entries, statuses) in table {
        let Some(path) = recording(name) else { continue };
        let mut records = traffic::open(&path, Format::Auto).unwrap();
        let start = records.first_time_ns().unwrap();
        let (snapshot, summary) = verified(filter, EXAMPLE, 1, start, records);
        assert_eq!(summary.exchanges, entries);
        let want = statuses.iter().map(|(status, count)| ((*status).to_owned(), *count)).collect();
        assert_eq!(by(&snapshot, "http_requests_total", "status"), want, "{name}");
    }
}

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % sides
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.roll(choices.len() as u64) as usize]
    }
}

fn made_up(seed: u64, count: usize) -> Vec<Result<Record, BadRecord>> {
    let paths = [
        "/",
        "/api/v1/models",
        "/api/v1/models/7",
        "/api/v1/models/7/",
        "/api//v1/./models/x%2Fy",
        "/t/acme/orders/1",
        "/t/acme/orders/1/2",
        "/static/a/b.css?v=1",
        "/static",
        "/%zz",
        "/healthz",
        "/\u{fc}",
        "/API/v1/models",
        "/a/../api/v1/models",
    ];
    let tenants = [
        "acme",
        "globex",
        "ac.me",
        "_other",
        "x;.;y=.=z",
        "\u{1F600}",
        "a very long name of a tenant that is cut at its end",
        "t1",
        "t2",
        "t3",
        "t4",
        "t5",
    ];
    let flags = ["", "", "", "", "DC", "UF,URX", "UT", "NR", "RL", "DI", "UPE", "DR"];
    let mut dice = Dice(seed);
    let mut time_ns = 1_700_000_000_000_000_000;
    let record = |_| {
        time_ns += dice.roll(2_000_000_000);
        let header = |name: &str, value: String| (name.as_bytes().to_vec(), value.into_bytes());
        let mut request_headers = Vec::new();
        if dice.roll(4) > 0 {
            request_headers.push(header("x-tenant-id", dice.of(&tenants).to_owned()));
        }
        if dice.roll(20) == 0 {
            request_headers.push(header("x-health-check", String::new()));
        }
        let status = Some(dice.of(&[0u16, 200, 200, 200, 201, 301, 400, 401, 403, 404, 429, 500, 503, 101]))
            .filter(|s| *s > 0);
        let mut response_trailers = Vec::new();
        let mut response_headers = Vec::new();
        if dice.roll(5) == 0 {
            request_headers.push(header(
                "content-type",
                dice.of(&["application/grpc", "application/grpc+proto", "application/grpc-web"]).to_owned(),
            ));
            if dice.roll(3) > 0 {
                response_trailers.push(header("grpc-status", dice.roll(19).to_string()));
            }
        }
        if dice.roll(3) == 0 {
            response_headers.push(header("x-envoy-upstream-service-time", dice.roll(3000).to_string()));
            response_headers.push(header("x-envoy-attempt-count", (1 + dice.roll(3)).to_string()));
        }
        let garbage = dice.roll(50) == 0;
        let text = |text: &str| Some(text.as_bytes().to_vec()).filter(|_| !garbage);
        let size = 10u64.pow(dice.roll(9) as u32);
        Ok(Record {
            time_ns,
            method: text(dice.of(&["GET", "GET", "POST", "PUT", "get", "PROPFIND", "CONNECT", "QUERY"])),
            path: text(dice.of(&paths)),
            host: b"h".to_vec(),
            https: false,
            request_headers: if garbage { Vec::new() } else { request_headers },
            status: if garbage { Some(400) } else { status },
            response_headers,
            response_trailers,
            request_bytes: if dice.roll(2) == 0 { 0 } else { dice.roll(size) },
            response_bytes: dice.roll(size),
            duration_ns: Some(dice.roll(20_000_000_000)).filter(|_| dice.roll(10) > 0),
            flags: ResponseFlags::parse(dice.of(&flags)).unwrap(),
            upstream: None,
            protocol: Some(Protocol::Http11),
        })
    };
    (0..count).map(record).collect()
}

fn document(more: &str) -> String {
    format!(
        r#"{{"service":"shop","endpoints":{{"templates":["/api/v1/models","/api/v1/models/{{id}}","/t/{{tenant}}/orders/{{id}}","/static/{{file*}}"],
        "exclude":["/healthz",{{"header":"x-health-check"}}]}},"tenant":{{"sources":[{{"header":"x-tenant-id"}}]{more}}}}}"#
    )
}

#[test]
fn made_up_traffic_of_every_kind_is_counted_as_the_contract_says() {
    let filter = filter();
    for (seed, workers, count) in [(1, 1, 3000), (2, 3, 3000)] {
        let (snapshot, summary) =
            verified(filter, &document(""), workers, 0, made_up(seed, count).into_iter());
        assert_eq!(summary.exchanges, count as u64);
        assert!(summary.most_open > 3 && snapshot.len() > 100);
        let open = snapshot.iter().filter(|sample| sample.name == "http_requests_in_progress");
        assert!(open.map(|sample| &sample.value).all(|value| *value == Value::Gauge(0)));
    }
}

#[test]
fn caps_are_met_at_the_same_exchange_as_the_contract_says() {
    let filter = filter();
    let tenants = document(r#","max":3"#);
    let series =
        document(r#","max":3"#).replacen('{', r#"{"limits":{"max_series":100,"max_label_bytes":8},"#, 1);
    // Process-wide: however many workers there are, the same labels are full at the same exchange.
    for workers in [1, 2, 8] {
        verified(filter, &tenants, workers, 0, made_up(3, 2000).into_iter());
        verified(filter, &series, workers, 0, made_up(4, 2000).into_iter());
    }
}

#[test]
fn events_of_slos_are_judged_as_the_contract_says() {
    let slos = r#"{"slos":[
        {"name":"availability","objective":99.9,"sli":{"availability":{}}},
        {"name":"strict","objective":99,"sli":{"availability":{"bad_status":["4xx",503],"bad_grpc":[5]}}},
        {"name":"fast","objective":99,"sli":{"latency":{"threshold":"300ms"}}},
        {"name":"models","objective":99,"sli":{"availability":{}},
         "where":{"endpoint":["/api/v1/models/{id}","_other"],"method":["GET","POST"]}},
        {"name":"past_the_cap","objective":99,"sli":{"latency":{"threshold":"1s"}},"where":{"tenant":["t5","_none"]}}],"#;
    let (snapshot, _) = verified(
        filter(),
        &document(r#","max":3"#).replacen('{', slos, 1),
        2,
        0,
        made_up(7, 4000).into_iter(),
    );
    for metric in ["slo_events_total", "slo_bad_events_total"] {
        let counts = by(&snapshot, metric, "slo");
        assert!(counts.len() == 5 && counts.values().all(|count| *count > 20), "{metric}: {counts:?}");
    }
}

#[test]
fn units_prefixes_and_disabled_metrics_are_followed() {
    let filter = filter();
    let settings = r#"{"metric_prefix":"edge_","duration_unit":"us","disable":["http_request_size_bytes","grpc_requests_total"],"buckets":{"duration":[100,2500,10000],"size":[10,99,1000]},"#;
    let (snapshot, _) =
        verified(filter, &document("").replacen('{', settings, 1), 1, 0, made_up(5, 1000).into_iter());
    assert!(snapshot.iter().all(|sample| sample.name.starts_with("edge_")));
}

#[test]
fn two_runs_give_the_same_text_to_the_byte() {
    let filter = filter();
    let run = || {
        let mut gateway = gateway(filter, &document(""), 3, 0).unwrap();
        replay_observed(&mut gateway, made_up(6, 1000), Options::default(), |_| {}).unwrap();
        gateway.stats().prometheus_text()
    };
    assert_eq!(run(), run());
}

#[test]
fn a_configuration_that_is_refused_says_why() {
    let filter = filter();
    let error = gateway(filter, r#"{"service":"Shop!"}"#, 1, 0).unwrap_err();
    assert!(
        matches!(&error, HostError::Refused { .. }) && error.to_string().contains("$.service"),
        "{error}"
    );
}

/// An SLO that burns, then nothing for days, again and again: with every tick of the gaps, and with their ends only.
#[test]
fn what_redline_publishes_is_the_same_after_gaps_that_were_jumped() {
    let document = r#"{"service":"shop","tenant":{"sources":[{"header":"x-t"}]},"user":{"sources":[{"header":"x-u"}]},
        "slos":[{"name":"a","objective":99.9,"sli":{"availability":{}}},
                {"name":"l","objective":99,"sli":{"latency":{"threshold":"100ms"}}}]}"#;
    let day = 86_400_000_000_000;
    let record = |number: u64| Record {
        time_ns: 1_767_225_600_000_000_000 + number / 40 * 2 * day + number % 40 * 7_000_000_000,
        method: Some(b"GET".to_vec()),
        path: Some(b"/".to_vec()),
        request_headers: vec![(b"x-u".to_vec(), number.to_string().into_bytes())],
        status: Some(if number.is_multiple_of(10) { 503 } else { 200 }),
        duration_ns: Some(number % 40 * 4_000_000),
        ..Record::default()
    };
    let run = |max_idle_ticks: u64| {
        let plugin = abi::Plugin { configuration: document.as_bytes().to_vec(), ..abi::Plugin::default() };
        let start_ns = record(0).time_ns;
        let config = GatewayConfig { max_idle_ticks, plugin, start_ns, ..GatewayConfig::default() };
        let mut gateway = Gateway::start(filter(), config).unwrap();
        let summary =
            replay_observed(&mut gateway, (0..160).map(|n| Ok(record(n))), Options::default(), |_| {})
                .unwrap();
        (summary.jumps, gateway.stats().snapshot())
    };
    let (none, every_tick) = run(u64::MAX);
    let (jumps, ends_only) = run(0);
    assert_eq!((none, jumps), (0, 3));
    assert!(every_tick.iter().any(|sample| sample.name.starts_with("slo_burn_rate_milli")));
    for (whole, jumped) in every_tick.iter().zip(&ends_only) {
        assert_eq!(whole, jumped);
    }
    assert_eq!(every_tick.len(), ends_only.len());
}
