//! Hostile traffic can neither grow nor corrupt the metrics: caps are process-wide, real tenants get in, and no
//! client's value becomes a label or a metric.

mod support;

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;
use support::client::{Call, Version, send_all};
use support::flood::{self, SERVED, resident};
use support::metrics::Metrics;
use support::random::Random;
use support::{eventually, raw};

const TENANTS: usize = 100;
const MAX_SERIES: usize = 1000;

fn configuration() -> String {
    json!({
        "service": "shop",
        "endpoints": {"templates": ["/ok", "/ok/{id}", "/t/{tenant}/orders/{id}"]},
        "tenant": {"sources": [{"header": "x-tenant-id"}], "max": TENANTS},
        "user": {"sources": [{"header": "x-user-id"}]},
        "limits": {"max_series": MAX_SERIES},
        "tick": "200ms",
    })
    .to_string()
}

/// One request without a body; its user is its path.
fn request(out: &mut Vec<u8>, path: &str, host: &str, tenant: &str) {
    let mut text = String::new();
    write!(text, "GET {path} HTTP/1.1\r\nhost: {host}\r\nx-tenant-id: {tenant}\r\nx-user-id: {path}\r\n\r\n")
        .expect("a String");
    out.extend_from_slice(text.as_bytes());
}

/// So many requests, each written by its number from 1.
fn up_to(count: u64, mut write: impl FnMut(u64, &mut Vec<u8>)) -> impl FnMut(&mut Vec<u8>) -> bool {
    let mut n = 0;
    move |out| {
        n += 1;
        if n <= count {
            write(n, out);
        }
        n <= count
    }
}

/// The value of one label, in every series of a metric.
fn values(scrape: &Metrics, metric: &str, label: &str) -> BTreeMap<String, u64> {
    let mut values = BTreeMap::new();
    for (key, count) in scrape.only(|name| name == metric).0 {
        let value = key.split(&format!("{label}=\"")).nth(1).and_then(|rest| rest.split('"').next());
        *values.entry(value.expect("the label").to_owned()).or_insert(0) += count;
    }
    values
}

fn scraped(envoy: &redline_cli::envoy::Envoy, requests: u64) -> Metrics {
    eventually("every request in the metrics", || {
        let metrics = Metrics::parse(&envoy.scrape().expect("Envoy answers"));
        (metrics.total("http_requests_total") == requests).then_some(metrics)
    })
}

/// Label sets that are counted under `limits.max_series`: no overflow rows, nothing of Redline's own.
fn label_sets(metrics: &Metrics) -> usize {
    let sets = metrics.0.keys().filter(|key| {
        let other_row = key.contains("method=\"_OTHER\"") || key.contains("=\"_other\"");
        let histogram = key.contains("_bucket{") || key.contains("_sum{");
        !key.starts_with("redline_") && !other_row && !histogram
    });
    sets.count()
}

/// Floods an Envoy with made-up values of every kind while known tenants send theirs; checks every bound.
fn flood(workers: u32, requests: u64, over_http2: usize) {
    let envoy = flood::envoy(&configuration(), workers, |_| {});
    let address = envoy.listener("ingress").expect("the listener");
    let known = |n: usize| format!("known-{n}");
    // They come first, and find less than half of the places taken.
    let first =
        flood::send(address, up_to(2000, |n, out| request(out, SERVED, "a", &known(n as usize % 20))));
    let mut sent = first;
    let flood = |seed: u64, requests: u64| {
        let mut random = Random(seed);
        let made_up = up_to(requests, move |n, out| {
            let (id, word) = (random.next(), random.next() as u32);
            match n % 10 {
                0 => request(out, SERVED, "a", &known(random.below(20))),
                1..=3 => {
                    request(out, &format!("/{id:x}/{word}"), &format!("{id:x}.example"), &format!("t{word}"));
                }
                4..=6 => request(out, &format!("/ok/{id}"), "a", &format!("t{word}")),
                7 => request(out, &format!("/t/{id:x}/orders/{word}"), "a", &format!("u{}", id % 5000)),
                _ => request(out, &format!("/ok?{id}"), &format!("{word}.example"), "_other"),
            }
        });
        flood::send(address, made_up)
    };
    let threads = |requests: u64, seed: u64| -> u64 {
        std::thread::scope(|scope| {
            let all: Vec<_> =
                (0..4).map(|lane| scope.spawn(move || flood(seed + lane, requests / 4))).collect();
            all.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        })
    };
    sent += threads(requests / 10, 1);
    let warm = resident(envoy.pid());
    sent += threads(requests - requests / 10, 100);
    sent += over_http2 as u64;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(send_all(address, 4, &odd_methods(over_http2)));
    let metrics = scraped(&envoy, sent);

    let tenants = values(&metrics, "tenant_requests_total", "tenant");
    assert!(tenants.len() <= TENANTS + 2, "{} tenants", tenants.len());
    assert_eq!(tenants.values().sum::<u64>(), sent, "every request belongs to one tenant");
    let counted: u64 = (0..20).map(|n| tenants[&known(n)]).sum();
    let from_known = sent_by_known(requests);
    assert_eq!(counted, first + from_known, "who was there before is counted exactly");
    assert!(label_sets(&metrics) <= MAX_SERIES, "{} label sets", label_sets(&metrics));
    let named = tenants.keys().filter(|name| !name.starts_with("_")).count() as u64;
    eventually("the gauges of occupancy", || {
        let now = Metrics::parse(&envoy.scrape().expect("Envoy answers"));
        let of = |name| now.get(name, &[("service", "shop"), ("label", "tenant")]);
        let series = now.get("redline_series", &[("service", "shop")]);
        (of("redline_label_values") == named
            && of("redline_label_values_max") == TENANTS as u64
            && series <= MAX_SERIES as u64
            && series > 0)
            .then_some(())
    });
    let grown = resident(envoy.pid()).saturating_sub(warm);
    eprintln!("{workers} workers, {sent} requests: {} MB, {} kB more", warm >> 20, grown >> 10);
    assert!(grown < 30 << 20, "{grown} bytes");
    assert!(!envoy.log().contains("proxy_on"), "{}", envoy.log());
}

/// What [`flood`] sends of the known tenants, beside the first ones: each tenth request of each lane.
fn sent_by_known(requests: u64) -> u64 {
    [requests / 10, requests - requests / 10].iter().map(|part| (part / 4) / 10 * 4).sum()
}

/// Methods that nobody knows, over HTTP/2, which passes them.
fn odd_methods(count: usize) -> Vec<Call> {
    let mut random = Random(7);
    (0..count)
        .map(|_| {
            let mut call = Call::get(SERVED);
            call.version = Version::H2;
            call.method = format!("M{:X}.cache.x", random.next());
            call
        })
        .collect()
}

#[test]
fn a_million_made_up_requests_neither_grow_the_metrics_nor_miscount_who_was_there() {
    flood(2, 950_000, 50_000);
}

#[test]
fn caps_hold_for_eight_workers_together() {
    flood(8, 40_000, 1_000);
}

#[test]
fn after_a_scanner_with_a_hundred_thousand_names_real_tenants_are_admitted_by_their_third_request() {
    let envoy = flood::envoy(&configuration(), 2, |_| {});
    let address = envoy.listener("ingress").expect("the listener");
    let scanned = flood::send(
        address,
        up_to(100_000, |n, out| {
            request(out, "/wp-login.php", "a", &format!("scanner-{n}"));
        }),
    );
    // Each on connections of its own, so that either worker may see it.
    for round in 0..3 {
        for tenant in 0..20 {
            let answer = raw::exchange(
                address,
                format!("GET {SERVED} HTTP/1.1\r\nhost: a\r\nx-tenant-id: real-{tenant}\r\nconnection: close\r\n\r\n")
                    .as_bytes(),
            );
            assert!(answer.starts_with(b"HTTP/1.1 200"), "round {round}");
        }
    }
    let metrics = scraped(&envoy, scanned + 60);
    let tenants = values(&metrics, "tenant_requests_total", "tenant");
    for tenant in 0..20 {
        assert_eq!(
            tenants.get(&format!("real-{tenant}")),
            Some(&1),
            "its third request is its own: {tenants:?}"
        );
    }
    let scanners = tenants.keys().filter(|name| name.starts_with("scanner-")).count();
    assert_eq!(scanners, TENANTS / 2, "at first sight, as long as half of the places are free");
}

/// What Istio's proxies read from every stat name, whoever made it (the expressions without an anchor, which could
/// meet one of ours), before the tags that a mesh's operator adds.
fn istio_tags(ours: &[&str]) -> Value {
    let defaults = [
        ("response_code", r"_rq(_(\d{3}))$"),
        ("response_code_class", r"_rq(_(\dxx))$"),
        ("cache", r"(cache\.(.+?)\.)"),
        ("component", r"(component\.(.+?)\.)"),
        ("tag", r"(tag\.(.+?);\.)"),
        ("wasm_filter", r"(wasm_filter\.(.+?)\.)"),
        ("authz_enforce_result", r"rbac(\.(allowed|denied))"),
        ("authz_dry_run_action", r"(\.istio_dry_run_(allow|deny)_)"),
        ("authz_dry_run_result", r"(\.shadow_(allowed|denied))"),
    ];
    let defaults = defaults.iter().map(|(name, regex)| json!({"tag_name": name, "regex": regex}));
    let added = ours.iter().map(|tag| json!({"tag_name": tag, "regex": format!(r"({tag}=\.=(.*?);\.;)")}));
    Value::Array(defaults.chain(added).collect())
}

const LABELS: [&str; 10] = [
    "service",
    "method",
    "endpoint",
    "status",
    "tenant",
    "code_class",
    "grpc_code",
    "reason",
    "version",
    "label",
];

fn hostile_values() -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = [
        "",
        ";.;",
        "=.=",
        "a;.;status=.=200;.;",
        ".",
        "..",
        "a.",
        ".a",
        "cache.x.",
        "component.y.",
        "tag.x;.",
        "tag.x;",
        "wasm_filter.z.",
        "x.shadow_allowed",
        "rbac.allowed",
        ".istio_dry_run_allow_",
        "_rq_200",
        "_rq_2xx",
        "\"",
        "\\",
        "\\\"",
        "\u{e9}\u{4e2d}\u{1f600}",
        "_other",
        "_none",
        "_OTHER",
        "{id}",
        "tenant=\"x\"",
        "a,b",
        "a b",
        "a\tb",
        "le=\"+Inf\"",
        "wasmcustom.x",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    // Some of these the codec refuses, and some it does not.
    values.extend(["a\0b", "a\rb", "a\x01b", "a\x7fb"].map(|text| text.as_bytes().to_vec()));
    values.extend([b"\xff\xfe\x80".to_vec(), b"a\x80.b".to_vec(), vec![b'x'; 55_000], vec![b'.'; 300]]);
    values
}

fn escaped(value: &[u8]) -> String {
    let text: String = value
        .iter()
        // Envoy's codec takes a lone carriage return out.
        .filter(|b| **b != b'\r')
        .take(128)
        .map(|b| if b.is_ascii_alphanumeric() || b"_/{}*:@+~-".contains(b) { char::from(*b) } else { '_' })
        .collect();
    match text.as_str() {
        // Envoy trims a header's value; an empty one is no tenant.
        "" => "_none".to_owned(),
        "_other" | "_none" | "_OTHER" => "_other".to_owned(),
        _ => text,
    }
}

/// A request with a hostile value in one place, and the tenant that it names.
struct Injection {
    request: Vec<u8>,
    tenant: Vec<u8>,
}

impl Injection {
    /// Sends it; the tenant that it must be counted for.
    fn send(&self, address: SocketAddr) -> String {
        let answer = raw::exchange(address, &self.request);
        // A codec that refuses the request lets nobody see its headers.
        let seen = answer.starts_with(b"HTTP/1.1 200") || answer.starts_with(b"HTTP/1.1 404");
        if seen { escaped(self.tenant.trim_ascii()) } else { "_none".to_owned() }
    }
}

/// A value as tenant, in the path, as host, in another header and as method.
fn injections(value: &[u8]) -> [Injection; 5] {
    let path = [b"/t/", value, b"/orders/1"].concat();
    let injection = |method: &[u8], path: &[u8], host: &[u8], tenant: &[u8], other: &[u8]| Injection {
        request: [
            method,
            b" ",
            path,
            b" HTTP/1.1\r\nhost: ",
            host,
            b"\r\nx-tenant-id: ",
            tenant,
            b"\r\nx-other: ",
            other,
            b"\r\nconnection: close\r\n\r\n",
        ]
        .concat(),
        tenant: tenant.to_vec(),
    };
    [
        injection(b"GET", b"/ok/7", b"a", value, b"-"),
        injection(b"GET", &path, b"a", b"none", b"-"),
        injection(b"GET", b"/ok/7", value, b"none", b"-"),
        injection(b"GET", b"/ok/7", b"a", b"none", value),
        injection(value, b"/ok/7", b"a", b"none", b"-"),
    ]
}

fn injected(istio: bool) {
    let configuration = configuration().replace("\"max\":100", "\"max\":500");
    let envoy = flood::envoy(&configuration, 2, |bootstrap| {
        bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]["max_request_headers_kb"] =
            json!(96);
        if istio {
            bootstrap["stats_config"]["use_all_default_tags"] = json!(false);
            bootstrap["stats_config"]["stats_tags"] = istio_tags(&LABELS);
        }
    });
    let address = envoy.listener("ingress").expect("the listener");
    let requests: Vec<Injection> = hostile_values().iter().flat_map(|value| injections(value)).collect();
    // Envoy waits a second before it closes on a client that it refused.
    let tenants: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            requests.iter().map(|injection| scope.spawn(move || injection.send(address))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let sent = tenants.len() as u64;
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for tenant in tenants {
        *expected.entry(tenant).or_insert(0) += 1;
    }
    let metrics = scraped(&envoy, sent);
    assert_eq!(values(&metrics, "tenant_requests_total", "tenant"), expected);
    assert_only_our_names_and_labels(&envoy.scrape().expect("Envoy answers"));
}

/// No metric and no label that is not in the catalogue, in any line that comes of the filter.
fn assert_only_our_names_and_labels(scrape: &str) {
    let known: BTreeSet<&str> = redline::metric::Metric::ALL
        .iter()
        .map(|m| m.name(redline::metric::DurationUnit::Milliseconds))
        .collect();
    let scrape = redline_cli::scrape::Scrape::parse(scrape).expect("no parse error");
    let mut ours = 0;
    for sample in &scrape.samples {
        if sample.name.starts_with("envoy_") {
            continue;
        }
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| sample.name.strip_suffix(end));
        assert!(
            known.contains(sample.name.as_str()) || base.is_some_and(|base| known.contains(base)),
            "a metric of a client's making: {sample:?}"
        );
        for label in sample.labels.keys() {
            assert!(
                LABELS.contains(&label.as_str()) || label == "le",
                "a label of a client's making: {sample:?}"
            );
        }
        ours += 1;
    }
    assert!(ours > 50);
}

#[test]
fn no_clients_value_becomes_a_label_or_a_metric() {
    injected(false);
}

#[test]
fn nor_does_it_under_istios_extractors() {
    injected(true);
}
