//! SLOs on a real Envoy: the gauges are the exact ratios of Envoy's own counters, and neither the death of the VM that
//! publishes nor another configuration changes them.

mod support;

use support::client::{Call, send_all};
use support::gateway::Listener;
use support::metrics::Metrics;
use support::replaceable::Listeners;
use support::{World, eventually};

const TICK_MS: u64 = 200;

fn configuration(objective: &str) -> String {
    serde_json::json!({
        "service": "shop", "tick": "200ms",
        "endpoints": {"templates": ["/a", "/b"]},
        "slos": [
            {"name": "availability", "objective": objective, "sli": {"availability": {}}},
            {"name": "latency", "objective": 90, "sli": {"latency": {"threshold": "50ms"}}},
            {"name": "only_b", "objective": 99, "sli": {"availability": {}}, "where": {"endpoint": ["/b"]}},
        ],
    })
    .to_string()
}

fn listener(configuration: &str) -> Listener<'_> {
    Listener { name: "ingress", configuration, client_values: false, quic: None }
}

/// So many calls of a path, answered with a status.
fn calls(path: &str, status: u16, count: usize) -> Vec<Call> {
    vec![Call::get(path).header("x-do", &format!("status={status} size=7")); count]
}

fn of(metrics: &Metrics, name: &str, slo: &str, window: Option<&str>) -> u64 {
    let mut labels = vec![("service", "shop"), ("slo", slo)];
    labels.extend(window.map(|window| ("window", window)));
    metrics.get(name, &labels)
}

/// Waits for a tick that knows of all events; the metrics then.
fn settled(world: &World, events: u64) -> Metrics {
    eventually("a tick after the last event", || {
        let metrics = world.scrape();
        let windows =
            ["5m", "1h", "30d"].map(|window| of(&metrics, "slo_window_events", "availability", Some(window)));
        (windows == [events; 3]).then_some(metrics)
    })
}

/// All that the gauges say of one SLO follows from its events and bad ones.
fn assert_exact(metrics: &Metrics, slo: &str, events: u64, bad: u64, budget_ppm: u64) {
    let counted = ["slo_events_total", "slo_bad_events_total"].map(|name| of(metrics, name, slo, None));
    assert_eq!(counted, [events, bad], "{slo}");
    let half_up = |numerator: u64, denominator: u64| (2 * numerator + denominator) / (2 * denominator);
    for window in ["5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"] {
        let gauge = |name| of(metrics, name, slo, Some(window));
        assert_eq!(
            [gauge("slo_window_events"), gauge("slo_window_bad_events")],
            [events, bad],
            "{slo} {window}"
        );
        assert_eq!(gauge("slo_error_ratio_ppm"), half_up(bad * 1_000_000, events), "{slo} {window}");
        let burn = half_up(bad * 1_000_000 * 1000, events * budget_ppm);
        assert_eq!(gauge("slo_burn_rate_milli"), burn, "{slo} {window}");
    }
    let good = half_up((events - bad) * 1_000_000, events);
    for name in ["slo_availability_ppm", "slo_http_request_success_rate_ppm"] {
        assert_eq!(of(metrics, name, slo, None), good, "{name} of {slo}");
    }
}

#[test]
fn gauges_are_the_exact_ratios_of_envoys_counters_through_an_outage_a_dead_publisher_and_another_configuration()
 {
    let first = configuration("99.9");
    let mut listeners = None;
    let world = World::launch(
        |upstream| {
            let (files, bootstrap) = Listeners::start(&[listener(&first)], support::faulty_wasm(), upstream);
            listeners = Some(files);
            bootstrap
        },
        |launch| launch.workers(2),
    );
    let world = world.expect("Envoy starts");
    let listeners = listeners.expect("the bootstrap was asked for");
    let address = eventually("the listener", || world.envoy.listener("ingress").ok());
    let metrics = world.scrape();
    for slo in ["availability", "latency", "only_b"] {
        let counters = ["slo_events_total", "slo_bad_events_total"];
        let shown = |name| {
            metrics.0.contains_key(&support::metrics::series(name, &[("service", "shop"), ("slo", slo)]))
        };
        assert!(counters.into_iter().all(shown), "{slo} is there, at 0, before the first request");
    }

    // It goes well, then the upstream fails, then all is well again.
    let (mut good, mut bad) = (0, 0);
    for (path, status, count) in [("/a", 200, 700), ("/b", 503, 41), ("/b", 404, 30), ("/a", 200, 229)] {
        world.runtime.block_on(send_all(address, 4, &calls(path, status, count)));
        if status == 503 { bad += count as u64 } else { good += count as u64 }
    }
    let metrics = settled(&world, good + bad);
    assert_exact(&metrics, "availability", good + bad, bad, 1000);
    assert_exact(&metrics, "only_b", 71, 41, 10_000);
    assert_eq!(of(&metrics, "slo_events_total", "latency", None), good);
    let p99 = of(&metrics, "slo_http_request_latency_p99_milliseconds", "latency", None);
    assert!(p99 < 50, "{p99} ms");
    assert_eq!(of(&metrics, "slo_status", "availability", None), 2, "critical");

    // Whoever publishes dies, three times: the main thread's VM, and workers.
    for _ in 0..3 {
        let before = published_at(&world);
        let kill = Call::get("/a").header("x-redline-fault", "kill-leader").header("x-do", "size=7");
        world.runtime.block_on(send_all(address, 1, &[kill]));
        good += 1;
        eventually("another that publishes", || (published_at(&world) > before + 1).then_some(()));
        let metrics = settled(&world, good + bad);
        assert_exact(&metrics, "availability", good + bad, bad, 1000);
        world.runtime.block_on(send_all(address, 4, &calls("/a", 200, 10)));
        good += 10;
    }

    // Another objective applies from now on, and the history stays.
    let second = configuration("99");
    listeners.replace(&[listener(&second)], support::faulty_wasm());
    eventually("the new objective", || {
        let metrics = world.scrape();
        (of(&metrics, "slo_burn_rate_milli", "availability", Some("1h")) < 10_000).then_some(())
    });
    let metrics = settled(&world, good + bad);
    assert_exact(&metrics, "availability", good + bad, bad, 10_000);
    assert_exact(&metrics, "only_b", 71, 41, 10_000);
}

/// When was published last, in seconds; ticks are a fifth of that.
fn published_at(world: &World) -> u64 {
    world.scrape().total("redline_last_publish_timestamp_seconds")
}

#[test]
fn coverage_grows_with_the_time_since_the_start_and_an_unproven_slo_is_unknown() {
    let configuration = configuration("99.9");
    let world = World::start(&configuration, 2);
    let address = world.envoy.listener("ingress").expect("the listener");
    world.runtime.block_on(send_all(address, 2, &calls("/a", 200, 10)));
    let metrics = settled(&world, 10);
    assert_eq!(of(&metrics, "slo_status", "availability", None), 4);
    assert_eq!(of(&metrics, "slo_error_budget_remaining_ppm", "availability", None), 1_000_000);
    let seconds = |metrics: &Metrics| of(metrics, "slo_window_coverage_seconds", "availability", Some("1h"));
    let first = seconds(&metrics);
    assert!(first < 1000 * TICK_MS, "{first}");
    eventually("more coverage", || (seconds(&world.scrape()) > first).then_some(()));
}
