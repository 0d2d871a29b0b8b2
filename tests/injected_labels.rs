//! No client's value becomes a label or a metric, wherever it stands in a request.

mod support;

use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use support::{flood, istio, raw};

fn configuration() -> String {
    json!({
        "service": "shop",
        "endpoints": {"templates": ["/ok", "/ok/{id}", "/t/{tenant}/orders/{id}"]},
        "tenant": {"sources": [{"header": "x-tenant-id"}], "max": 500},
        "user": {"sources": [{"header": "x-user-id"}]},
        "limits": {"max_series": 1000},
        "tick": "200ms",
    })
    .to_string()
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
    let envoy = flood::envoy(&configuration(), 2, |bootstrap| {
        bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]["max_request_headers_kb"] =
            json!(96);
        if istio {
            bootstrap["stats_config"]["use_all_default_tags"] = json!(false);
            bootstrap["stats_config"]["stats_tags"] = istio::unanchored(&LABELS);
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
    let metrics = flood::scraped(&envoy, sent);
    assert_eq!(metrics.values("tenant_requests_total", "tenant"), expected);
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
