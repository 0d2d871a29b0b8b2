//! Minutes at full speed, with clients that leave, VMs that die and configurations that change: nothing grows, and in
//! the end every stream is accounted for. `make soak` runs it; `SOAK_SECONDS` says for how long.

mod support;

use serde_json::json;
use std::cell::OnceCell;
use std::time::{Duration, Instant};
use support::client::{Body, Call, Version};
use support::gateway::Listener;
use support::hanging::{self, hang};
use support::load::Load;
use support::metrics::Metrics;
use support::native;
use support::replaceable::Listeners;
use support::{World, eventually, raw};

const TRAPPED: &str = "fault: a request asked for a trap";
const MOST_GROWTH: u64 = 20 << 20;

fn configuration(change: usize) -> String {
    let configuration = json!({
        "service": "shop", "tick": "1s",
        "endpoints": {"templates": ["/api/v1/models", "/api/v1/models/{id}", hanging::ENDPOINT]},
        "tenant": {"sources": [{"header": "x-tenant-id"}], "max": 100 + change},
    });
    configuration.to_string()
}

fn listener(configuration: &str) -> Listener<'_> {
    Listener { name: "ingress", configuration, client_values: true, quic: None }
}

fn calls() -> Vec<Call> {
    let kinds = [
        ("GET", "/api/v1/models", 200),
        ("POST", "/api/v1/models/7", 201),
        ("GET", "/x", 404),
        ("GET", "/x", 503),
    ];
    let calls = kinds.into_iter().cycle().take(40).enumerate().map(|(i, (method, path, status))| {
        let call = Call::get(path).header("x-do", &format!("status={status}"));
        Call {
            method: method.to_owned(),
            version: if i % 3 == 0 { Version::H2 } else { Version::H1 },
            body: if method == "POST" { Body::Sized(6300) } else { Body::None },
            ..call.header("x-tenant-id", &format!("tenant-{}", i % 20))
        }
    });
    calls.collect()
}

/// Envoy's resident memory.
fn resident(world: &World) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.envoy.pid())).expect("Envoy runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

fn in_flight_ends(world: &World) {
    eventually("no request that hangs", || (hanging::gauge(world, "shop") == 0).then_some(()));
}

#[test]
#[ignore = "minutes long: make soak"]
fn nothing_grows_and_every_stream_is_accounted_for() {
    let seconds = std::env::var("SOAK_SECONDS").map_or(600, |seconds| seconds.parse().expect("seconds"));
    let whole = Duration::from_secs(seconds);
    let warm = (whole / 3).min(Duration::from_secs(120));
    let (file, first) = (OnceCell::new(), configuration(0));
    let world = World::launch(
        |upstream| {
            let (listeners, bootstrap) =
                Listeners::start(&[listener(&first)], support::faulty_wasm(), upstream);
            assert!(file.set(listeners).is_ok());
            bootstrap
        },
        |launch| launch.workers(2).argument("--drain-time-s").argument("20"),
    );
    let (world, listeners) = (world.expect("Envoy starts"), file.into_inner().expect("it was made"));
    let address = world.envoy.listener("ingress").expect("the listener");
    let load = Load::start(&world, address, 4, &calls());
    let (began, mut minute) = (Instant::now(), 0);
    let (mut warm_peak, mut peak, mut warm_vm, mut traps, mut changes, mut left) = (0, 0, 0, 0, 0, 0);
    println!("  TIME    REQUESTS  RSS MB  PEAK  VM KB  TRAPS  CHANGES  LEFT  IN FLIGHT");
    while began.elapsed() < whole {
        // Clients that leave; a VM dies only when they are gone, so that what it takes with it is known.
        for _ in 0..20 {
            drop(hang(&world, "ingress", "hang"));
            left += 1;
        }
        in_flight_ends(&world);
        load.flows(5000);
        if traps < changes {
            let before = world.envoy.log().matches(TRAPPED).count();
            eventually("a VM that traps", || {
                raw::exchange(
                    address,
                    b"GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-redline-fault: trap\r\n\r\n",
                );
                (world.envoy.log().matches(TRAPPED).count() > before).then_some(())
            });
            traps += 1;
        } else {
            changes += 1;
            listeners.replace(&[listener(&configuration(changes % 2))], support::faulty_wasm());
        }
        load.flows(5000);
        let metrics = world.scrape();
        let (rss, vm) = (resident(&world), metrics.total("redline_fault_memory_bytes"));
        peak = peak.max(rss);
        if began.elapsed() < warm {
            (warm_peak, warm_vm) = (peak, vm);
        }
        assert_eq!(metrics.total("redline_dropped_total"), 0);
        if began.elapsed().as_secs() / 60 > minute || began.elapsed() >= whole {
            minute = began.elapsed().as_secs() / 60;
            println!(
                "{:4} s {:11} {:7} {:5} {:6} {traps:6} {changes:8} {left:5} {:10}",
                began.elapsed().as_secs(),
                metrics.total("http_requests_total"),
                rss >> 20,
                peak >> 20,
                vm >> 10,
                metrics.total("http_requests_in_progress"),
            );
        }
    }
    let tally = load.stop(&world);
    println!("{tally:?}");
    assert_accounted(&world);
    let vm = world.scrape().total("redline_fault_memory_bytes");
    assert!(peak < warm_peak + MOST_GROWTH, "Envoy grew from {} to {} MB", warm_peak >> 20, peak >> 20);
    assert_eq!(vm, warm_vm, "a VM's memory grew");
}

/// What was counted is what Envoy logged, without what it refused or cut because a VM was dead.
fn assert_accounted(world: &World) {
    let began = Instant::now();
    let (metrics, expected) = eventually("the last stream's end and the histograms' merge", || {
        let text = world.envoy.scrape().expect("Envoy answers");
        let mut rows = native::logged(&world.envoy, &text, "ingress");
        rows.retain(|row| !row.details.contains("wasm_fail_stream"));
        let (metrics, expected) =
            (Metrics::parse(&text), native::expected("shop", &rows, hanging::endpoint, |_| false));
        let equal = ["http_requests_total", "http_request_size_bytes_count"]
            .iter()
            .all(|name| metrics.total(name) == expected.total(name));
        (equal || began.elapsed() > Duration::from_secs(15)).then_some((metrics, expected))
    });
    native::comparable(&metrics).assert_equals(&expected);
    // The last VM that died may not have been silent for long enough.
    eventually("no request in flight", || {
        (world.scrape().total("http_requests_in_progress") == 0).then_some(())
    });
}
