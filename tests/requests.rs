//! What was sent through a real Envoy is what the filter counts: every counter, every histogram, every label set.

mod support;

use support::World;
use support::client::{Answer, Body, Call, Version, send_all};
use support::metrics::Metrics;

const CONFIGURATION: &str = r#"{
    "service": "shop",
    "endpoints": {
        "templates": ["/", "/api/v1/models", "/api/v1/models/{id}", "/api/v1/models/{id}/predict",
                      "/api/v1/models/{rest*}", "/t/{tenant}/orders/{id}", "/t/acme/orders/{id}"]
    },
    "tenant": {"sources": [{"header": "x-tenant-id"}, {"header": "x-org"}]},
    "buckets": {"size": [10, 100, 1000, 10000, 100000]}
}"#;

/// Raw path, and the label that the test expects of it.
const PATHS: [(&str, &str); 18] = [
    ("/", "/"),
    ("/api/v1/models", "/api/v1/models"),
    ("/api/v1/models/", "/api/v1/models"),
    ("/api/v1/models?page=2&q=/t/x", "/api/v1/models"),
    ("/api/v1/models/42", "/api/v1/models/{id}"),
    ("/api/v1/models/4%32", "/api/v1/models/{id}"),
    ("/api/v1/models/a%2Fb", "/api/v1/models/{id}"),
    ("//api//v1/models/42", "/api/v1/models/{id}"),
    ("/api/v1/models/42/predict", "/api/v1/models/{id}/predict"),
    ("/api/v1/models/42/versions/7", "/api/v1/models/{rest*}"),
    ("/t/globex/orders/1", "/t/{tenant}/orders/{id}"),
    ("/t/acme/orders/1", "/t/acme/orders/{id}"),
    ("/x/../t/acme/./orders/1", "/t/acme/orders/{id}"),
    ("/API/v1/models", "_other"),
    ("/wp-login.php", "_other"),
    ("/api/v1", "_other"),
    ("/%zz", "_other"),
    ("/t/globex/orders", "_other"),
];

/// Sizes off the bounds and of at most two significant digits: a histogram of Envoy's holds them exactly.
const SIZES: [usize; 6] = [0, 7, 53, 420, 6300, 64_000];
const STATUSES: [u16; 6] = [200, 201, 301, 404, 500, 503];
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
const TENANTS: [Option<(&str, &str)>; 5] = [
    None,
    Some(("x-tenant-id", "acme")),
    Some(("x-org", "globex")),
    Some(("x-tenant-id", "evil.;.;status=.=200")),
    Some(("x-tenant-id", "_other")),
];

/// A call, and what the test expects the filter to make of it.
struct Planned {
    call: Call,
    endpoint: &'static str,
    method: &'static str,
    status: u16,
    tenant: &'static str,
    response_bytes: usize,
}

/// Every combination that matters, by counting through each list at its own pace.
fn plan(count: usize) -> Vec<Planned> {
    let pick = |i: usize, pace: usize, length: usize| (i / pace + i) % length;
    (0..count)
        .map(|i| {
            let (path, endpoint) = PATHS[i % PATHS.len()];
            let version = if i % 3 == 0 { Version::H2 } else { Version::H1 };
            let mut method = METHODS[pick(i, 5, METHODS.len())];
            let mut expected_method = method;
            // HTTP/1.1 refuses methods that it does not know before a filter sees them.
            if version == Version::H2 && i % 21 == 0 {
                (method, expected_method) =
                    [("FROB", "_OTHER"), ("QUERY", "QUERY"), ("get", "_OTHER")][i / 21 % 3];
            }
            let status = STATUSES[pick(i, 7, STATUSES.len())];
            let size = SIZES[pick(i, 11, SIZES.len())];
            let body_size = SIZES[pick(i, 13, SIZES.len())];
            let body = match (expected_method, i % 4) {
                ("GET" | "HEAD" | "OPTIONS", _) | (_, 0) => Body::None,
                (_, 1) => Body::Chunked(body_size),
                _ => Body::Sized(body_size),
            };
            let tenant = TENANTS[pick(i, 3, TENANTS.len())];
            let chunked = if i % 5 == 0 { " chunked" } else { "" };
            let mut call = Call::get(path).header("x-do", &format!("status={status} size={size}{chunked}"));
            if let Some((name, value)) = tenant {
                call = call.header(name, value);
            }
            if method == "QUERY" {
                // Envoy answers 400 without it.
                call = call.header("content-type", "application/sql");
            }
            call.version = version;
            call.method = method.to_owned();
            call.body = body;
            call.alone = i % 10 == 0;
            Planned {
                call,
                endpoint,
                method: expected_method,
                status,
                tenant: match tenant {
                    None => "_none",
                    Some((_, "evil.;.;status=.=200")) => "evil____status___200",
                    Some((_, value)) => value,
                },
                response_bytes: if method == "HEAD" { 0 } else { size },
            }
        })
        .collect()
}

fn expected(plan: &[Planned]) -> Metrics {
    let mut metrics = Metrics::default();
    metrics.add("redline_build_info", &[("service", "shop"), ("version", redline::VERSION)], 1);
    for planned in plan {
        let service = ("service", "shop");
        let (method, endpoint) = (("method", planned.method), ("endpoint", planned.endpoint));
        let tenant = ("tenant", planned.tenant);
        let class = format!("{}xx", planned.status / 100);
        let (request_bytes, response_bytes) = (planned.call.body.len() as u64, planned.response_bytes as u64);
        let status = planned.status.to_string();
        metrics.add("http_requests_total", &[service, method, endpoint, ("status", &status)], 1);
        metrics.add("http_requests_in_progress", &[service, method, endpoint], 0);
        metrics.add("http_request_duration_milliseconds_count", &[service, method, endpoint], 1);
        metrics.add("http_upstream_duration_milliseconds_count", &[service, endpoint], 1);
        metrics.add("tenant_requests_total", &[service, tenant, ("code_class", &class)], 1);
        metrics.add("tenant_request_bytes_total", &[service, tenant], request_bytes);
        metrics.add("tenant_response_bytes_total", &[service, tenant], response_bytes);
        for (name, bytes) in
            [("http_request_size_bytes", request_bytes), ("http_response_size_bytes", response_bytes)]
        {
            metrics.add(&format!("{name}_count"), &[service, method, endpoint], 1);
            for (le, bound) in
                [("10", 10), ("100", 100), ("1000", 1000), ("10000", 10_000), ("100000", 100_000)]
            {
                let labels = [service, method, endpoint, ("le", le)];
                metrics.add(&format!("{name}_bucket"), &labels, u64::from(bytes < bound));
            }
            metrics.add(&format!("{name}_bucket"), &[service, method, endpoint, ("le", "+Inf")], 1);
        }
    }
    metrics
}

/// Everything but what the clock decides.
fn without_durations(metrics: &Metrics) -> Metrics {
    metrics.only(|name| !name.ends_with("_milliseconds_bucket"))
}

#[test]
fn every_counter_and_histogram_equals_what_was_sent() {
    let world = World::start(CONFIGURATION, 2);
    let plan = plan(4000);
    let calls: Vec<Call> = plan.iter().map(|planned| planned.call.clone()).collect();
    let address = world.envoy.listener("ingress").expect("the listener");
    let answers = world.runtime.block_on(send_all(address, 8, &calls));
    for (planned, answer) in plan.iter().zip(&answers) {
        let wanted = Answer { status: planned.status, body_bytes: planned.response_bytes, whole: true };
        assert_eq!(answer, &wanted, "{:?}", planned.call);
    }
    assert_eq!(world.upstream.requests(), plan.len() as u64);
    let counted = world.scrape_when_merged(plan.len() as u64);
    without_durations(&counted).assert_equals(&expected(&plan));
}

#[test]
fn in_flight_is_right_while_requests_hang_and_0_after() {
    let world = World::start(CONFIGURATION, 2);
    let address = world.envoy.listener("ingress").expect("the listener");
    let hanging: Vec<Call> = (0..24)
        .map(|i| {
            let mut call =
                Call::get(if i < 10 { "/api/v1/models/7" } else { "/nowhere" }).header("x-do", "hang");
            call.version = if i % 2 == 0 { Version::H1 } else { Version::H2 };
            call
        })
        .collect();
    let sent = world.runtime.spawn(async move { send_all(address, hanging.len(), &hanging).await });
    let gauge = |endpoint: &str| {
        let labels = [("service", "shop"), ("method", "GET"), ("endpoint", endpoint)];
        world.scrape().get("http_requests_in_progress", &labels)
    };
    support::eventually("24 requests in flight", || (world.upstream.requests() == 24).then_some(()));
    assert_eq!((gauge("/api/v1/models/{id}"), gauge("_other")), (10, 14));
    world.upstream.release();
    world.runtime.block_on(sent).expect("all are answered");
    support::eventually("no request in flight", || {
        (gauge("/api/v1/models/{id}") == 0 && gauge("_other") == 0).then_some(())
    });
}
