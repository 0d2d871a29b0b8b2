//! New code, a hot restart and a graceful drain under load, on a real Envoy: what goes on, and what begins again.

mod support;

use redline_cli::envoy::{Envoy, Launch};
use serde_json::{Value, json};
use std::cell::OnceCell;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use support::client::{Call, send_all};
use support::gateway::{Listener, bootstrap};
use support::hanging::{self, hang};
use support::load::Load;
use support::metrics::Metrics;
use support::replaceable::Listeners;
use support::{World, eventually, raw};
use tempfile::TempDir;

const CONFIGURATION: &str = r#"{"service": "shop", "tick": "100ms",
    "endpoints": {"templates": ["/api/v1/models", "/api/v1/models/{id}", "/hang/{id}"]}}"#;

fn ingress() -> Listener<'static> {
    Listener { name: "ingress", configuration: CONFIGURATION, client_values: true, quic: None }
}

fn get(path: &str) -> Call {
    Call::get(path).header("x-do", "status=200 size=53")
}

fn address(world: &World) -> SocketAddr {
    world.envoy.listener("ingress").expect("the listener")
}

fn load(world: &World) -> Load {
    let load = Load::start(world, address(world), 4, &[get("/api/v1/models"), get("/api/v1/models/7")]);
    load.flows(200);
    load
}

fn scrape(envoy: &Envoy) -> Metrics {
    Metrics::parse(&envoy.scrape().expect("Envoy answers"))
}

fn requests(envoy: &Envoy) -> u64 {
    scrape(envoy).total("http_requests_total")
}

/// The same filter in other bytes: with one more custom section, which means nothing.
fn other_code(folder: &TempDir, name: &str) -> PathBuf {
    let path = folder.path().join(name);
    let mut bytes = std::fs::read(support::wasm()).expect("the filter");
    let length = u8::try_from(name.len()).expect("a short name");
    // Section 0, its length, the name's length, the name.
    bytes.extend([0, length + 1, length]);
    bytes.extend(name.as_bytes());
    std::fs::write(&path, bytes).expect("a file");
    path
}

/// An Envoy whose code can be replaced, and which lets go of the old after `drain` seconds.
fn replaceable(drain: &str) -> (World, Listeners) {
    replaceable_from(support::wasm(), &[ingress()], drain)
}

fn replaceable_from(code: &Path, first: &[Listener<'_>], drain: &str) -> (World, Listeners) {
    let file = OnceCell::new();
    let world = World::launch(
        |upstream| {
            let (listeners, bootstrap) = Listeners::start(first, code, upstream);
            assert!(file.set(listeners).is_ok());
            bootstrap
        },
        |launch| launch.workers(2).argument("--drain-time-s").argument(drain),
    );
    (world.expect("Envoy starts"), file.into_inner().expect("it was made"))
}

/// How many VMs there are.
fn vms(world: &World) -> u64 {
    let text =
        world.envoy.admin_get("/stats?filter=^wasm.envoy.wasm.runtime.v8.active$").expect("Envoy answers");
    text.trim().rsplit_once(": ").and_then(|(_, count)| count.parse().ok()).expect("a count")
}

#[test]
fn new_code_under_load_goes_on_with_what_is_in_use() {
    let (world, listeners) = replaceable("600");
    let open: Vec<_> = (0..5).map(|_| hang(&world, "ingress", "hang")).collect();
    let load = load(&world);
    let folder = tempfile::tempdir().expect("a folder");
    let mut before = requests(&world.envoy);
    for code in ["one", "two", "three"].map(|name| other_code(&folder, name)) {
        let had = vms(&world);
        listeners.replace(&[ingress()], &code);
        eventually("the new VMs", || (vms(&world) > had).then_some(()));
        load.flows(500);
        let now = requests(&world.envoy);
        assert!(now > before, "the counters restarted: {before}, then {now}");
        before = now;
        assert_eq!(hanging::gauge(&world, "shop"), 5);
    }
    let tally = load.stop(&world);
    println!("{tally:?}, {} VMs", vms(&world));
    world.upstream.release();
    let metrics = eventually("every request counted", || {
        let metrics = world.scrape();
        let merged = metrics.total("http_request_size_bytes_count");
        (merged >= tally.calls() + 5).then_some(metrics)
    });
    drop(open);
    assert_eq!((tally.cut, metrics.total("http_requests_total")), (0, tally.calls() + 5));
    assert_eq!(metrics.total("http_request_size_bytes_count"), tally.calls() + 5);
    assert_eq!(metrics.total("http_requests_in_progress"), 0);
    assert_eq!(metrics.total("redline_dropped_total"), 0);
}

#[test]
fn series_that_new_code_does_not_use_before_the_old_has_drained_begin_again() {
    let (world, listeners) = replaceable("3");
    let send = |path: &str, times: usize| {
        world.runtime.block_on(send_all(address(&world), 1, &vec![get(path); times]));
    };
    let count = |endpoint: &str| {
        let labels = [("service", "shop"), ("method", "GET"), ("endpoint", endpoint), ("status", "200")];
        world.scrape().get("http_requests_total", &labels)
    };
    send("/api/v1/models", 10);
    send("/x", 10);
    eventually("them counted", || (count("/api/v1/models") == 10 && count("_other") == 10).then_some(()));
    let folder = tempfile::tempdir().expect("a folder");
    let other = other_code(&folder, "other");
    let had = vms(&world);
    listeners.replace(&[ingress()], &other);
    eventually("the new VMs", || (vms(&world) > had).then_some(()));
    send("/api/v1/models", 1);
    eventually("it counted", || (count("/api/v1/models") == 11).then_some(()));
    assert_eq!(count("_other"), 10, "while the old code drains");
    eventually("the old code's end", || (vms(&world) <= had).then_some(()));
    assert_eq!(count("/api/v1/models"), 11, "the new code used it in time");
    eventually("the end of what only the old code used", || (count("_other") == 0).then_some(()));
    send("/x", 1);
    eventually("it begins again", || (count("_other") == 1).then_some(()));
}

#[test]
fn new_code_that_follows_a_crash_takes_back_what_the_dead_vm_left() {
    // So slow a tick that the new code is there before anybody is settled.
    let configuration = CONFIGURATION.replace("100ms", "3s");
    let ingress =
        Listener { name: "ingress", configuration: &configuration, client_values: true, quic: None };
    let (world, listeners) = replaceable_from(support::faulty_wasm(), &[ingress], "1");
    let open: Vec<_> = (0..6).map(|_| hang(&world, "ingress", "hang")).collect();
    assert_eq!(hanging::gauge(&world, "shop"), 6);
    let trap = format!(
        "GET {} HTTP/1.1\r\nhost: a\r\nx-redline-fault: trap\r\nconnection: close\r\n\r\n",
        hanging::PATH
    );
    // Until both workers' VMs have died; a trapped request is left behind on its gauge too.
    eventually("the death of every VM that has a stream", || {
        raw::exchange(address(&world), trap.as_bytes());
        let log = world.envoy.log();
        (log.matches("fault: a request asked for a trap").count() >= 4).then_some(())
    });
    let folder = tempfile::tempdir().expect("a folder");
    let ingress =
        Listener { name: "ingress", configuration: &configuration, client_values: true, quic: None };
    let had = vms(&world);
    listeners.replace(&[ingress], &other_code(&folder, "mended"));
    eventually("the new VMs", || (vms(&world) > had).then_some(()));
    let load = load(&world);
    drop(open);
    eventually("the old code's end", || (vms(&world) <= had).then_some(()));
    let published = || world.scrape().total("redline_last_publish_timestamp_seconds");
    // Five ticks: by then the dead are settled.
    let until = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() + 15;
    let mut seen = Vec::new();
    eventually("what the dead left is taken off, under load", || {
        seen.push(hanging::gauge(&world, "shop"));
        assert!(seen.iter().all(|gauge| *gauge < 1000), "taken off a gauge that had begun again: {seen:?}");
        (published() >= until).then_some(())
    });
    assert_eq!(seen.last(), Some(&0), "{seen:?}");
    load.stop(&world);
    eventually("nothing in progress", || {
        (scrape(&world.envoy).total("http_requests_in_progress") == 0).then_some(())
    });
}

/// The parent's bootstrap as its child reads it: the listener's port is the one that the parent has.
fn for_the_child(bootstrap: &str, listener: SocketAddr) -> String {
    let mut whole: Value = serde_json::from_str(bootstrap).expect("our own JSON");
    let port = whole.pointer_mut("/static_resources/listeners/0/address/socket_address/port_value");
    *port.expect("the listener's port") = json!(listener.port());
    whole.to_string()
}

#[test]
fn a_hot_restart_under_load_hands_the_counters_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let base_id = folder.path().join("base-id");
    let text = OnceCell::new();
    let how = |launch: Launch| {
        let launch = launch.workers(2).hot_restart();
        ["--drain-time-s", "2", "--parent-shutdown-time-s", "5"].into_iter().fold(launch, Launch::argument)
    };
    let parent = World::launch(
        |upstream| {
            let wasm = support::wasm().display().to_string();
            text.get_or_init(|| bootstrap(&[ingress()], &wasm, upstream)).clone()
        },
        |launch| {
            let base_id = base_id.display().to_string();
            how(launch).argument("--use-dynamic-base-id").argument("--base-id-path").argument(base_id)
        },
    );
    let mut parent = parent.expect("Envoy starts");
    let open: Vec<_> = (0..3).map(|_| hang(&parent, "ingress", "hang")).collect();
    let load = load(&parent);
    let before = scrape(&parent.envoy);

    let base_id = std::fs::read_to_string(&base_id).expect("the base id");
    let launch = how(Launch::new(for_the_child(text.get().expect("it was made"), address(&parent))));
    let child = Envoy::start(
        &launch.argument("--base-id").argument(base_id.trim()).argument("--restart-epoch").argument("1"),
    )
    .expect("the child starts");
    let gauge = |metrics: &Metrics| {
        let labels = [("service", "shop"), ("method", "GET"), ("endpoint", hanging::ENDPOINT)];
        metrics.get("http_requests_in_progress", &labels)
    };
    // What both set, Envoy adds up; what is open in the parent is still in flight.
    eventually("the parent's gauges", || {
        let now = scrape(&child);
        (gauge(&now) == 3 && now.total("redline_build_info") == 2).then_some(())
    });
    let mut last = before.total("http_requests_total");
    eventually("the parent's end", || {
        let requests = scrape(&child).total("http_requests_total");
        assert!(requests >= last, "the counters restarted: {last}, then {requests}");
        last = requests;
        parent.envoy.ended()
    });
    load.flows(500);
    let tally = load.stop(&parent);
    let now = eventually("every request counted", || {
        let now = scrape(&child);
        (now.total("http_requests_total") >= tally.calls()).then_some(now)
    });
    // What hung in the parent was cut off by its end, and nobody logs it.
    assert_eq!((tally.cut, now.total("http_requests_total")), (0, tally.calls()));
    assert_eq!((gauge(&now), now.total("redline_build_info")), (0, 1));
    let samples = eventually("a merge", || {
        let samples = scrape(&child).total("http_request_size_bytes_count");
        (samples > 0).then_some(samples)
    });
    assert!(samples < tally.calls(), "histograms are not handed over");
    println!("{tally:?}, {samples} samples in the child");
    drop(open);
}

#[test]
fn a_graceful_drain_loses_nothing() {
    let world = World::with_bootstrap(2, |upstream| {
        bootstrap(&[ingress()], &support::wasm().display().to_string(), upstream)
    });
    let world = world.expect("Envoy starts");
    let open: Vec<_> = (0..3).map(|_| hang(&world, "ingress", "hang")).collect();
    let load = load(&world);
    world.envoy.admin_post("/healthcheck/fail").expect("Envoy answers");
    load.flows(500);
    world.envoy.admin_post("/drain_listeners?graceful&skip_exit").expect("Envoy answers");
    load.flows(500);
    let tally = load.stop(&world);
    assert_eq!((tally.cut, tally.status(200)), (0, tally.calls()));
    // At once: what is open goes on, on listeners that are gone.
    world.envoy.admin_post("/drain_listeners").expect("Envoy answers");
    assert_eq!(hanging::gauge(&world, "shop"), 3);
    world.upstream.release();
    eventually("the last answer", || (hanging::gauge(&world, "shop") == 0).then_some(()));
    drop(open);
    let metrics = eventually("every request counted", || {
        let metrics = world.scrape();
        (metrics.total("http_request_size_bytes_count") >= tally.calls() + 3).then_some(metrics)
    });
    assert_eq!(metrics.total("http_requests_total"), tally.calls() + 3);
}
