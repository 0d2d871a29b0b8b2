//! Hostile traffic cannot grow the metrics, nor blur what was there before it: caps are process-wide, and real tenants get in.

mod support;

use serde_json::json;
use std::fmt::Write;
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
    let metrics = flood::scraped(&envoy, sent);

    let tenants = metrics.values("tenant_requests_total", "tenant");
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
    let metrics = flood::scraped(&envoy, scanned + 60);
    let tenants = metrics.values("tenant_requests_total", "tenant");
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
