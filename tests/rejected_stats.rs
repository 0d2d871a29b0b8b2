//! An Envoy whose bootstrap throws our stats away, or does not know our labels: what the filter can notice of it, it
//! says once.

mod support;

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::client::Call;
use support::gateway::{Listener, bootstrap};
use support::load::Load;
use support::{World, eventually};

const CONFIGURATION: &str =
    r#"{"service": "shop", "tick": "100ms", "endpoints": {"templates": ["/a/{id}"]}}"#;
const WARNING: &str = "redline: Envoy keeps nothing of what is counted in ";
const VMS: usize = 3;

fn start(change: impl FnOnce(&mut Value)) -> World {
    let world = World::with_bootstrap(2, |upstream| {
        let listener =
            Listener { name: "ingress", configuration: CONFIGURATION, client_values: true, quic: None };
        let text = bootstrap(&[listener], &support::wasm().display().to_string(), upstream);
        let mut whole = serde_json::from_str(&text).expect("our own JSON");
        change(&mut whole);
        whole.to_string()
    });
    world.expect("Envoy starts")
}

fn reject(prefix: &str) -> World {
    let matcher = json!({"exclusion_list": {"patterns": [{"prefix": prefix}]}});
    start(|bootstrap| bootstrap["stats_config"]["stats_matcher"] = matcher)
}

/// Sends for fifteen ticks, on connections to both workers; what the filter warns of.
fn warnings(world: &World) -> Vec<String> {
    let address = world.envoy.listener("ingress").expect("the listener");
    let mut call = Call::get("/a/1").header("x-do", "status=200");
    call.alone = true;
    let load = Load::start(world, address, 2, &[call]);
    let began = Instant::now();
    eventually("fifteen ticks", || (began.elapsed() > Duration::from_millis(1500)).then_some(()));
    assert_eq!(load.stop(world).cut, 0);
    let log = world.envoy.log();
    log.lines().filter_map(|line| line.split_once(WARNING)).map(|(_, said)| said.to_owned()).collect()
}

#[test]
fn a_matcher_that_rejects_all_our_stats_is_named_once_by_each_vm() {
    let warnings = warnings(&reject("wasmcustom."));
    assert!((1..=VMS).contains(&warnings.len()), "{warnings:#?}");
    for warning in &warnings {
        assert!(warning.contains("http_requests_total") && warning.contains("stats_matcher"), "{warning}");
    }
}

#[test]
fn a_matcher_that_rejects_one_metric_is_named_with_it() {
    let world = reject("wasmcustom.tenant_requests_total.");
    let warnings = warnings(&world);
    assert!((1..=VMS).contains(&warnings.len()), "{warnings:#?}");
    assert!(warnings.iter().all(|warning| warning.starts_with("tenant_requests_total; ")), "{warnings:#?}");
    let metrics = world.scrape();
    assert!(metrics.total("http_requests_total") > 0);
    assert_eq!(metrics.total("tenant_requests_total"), 0);
}

#[test]
fn where_all_is_kept_nothing_is_said_and_missing_labels_show_in_the_names_alone() {
    assert_eq!(warnings(&start(|_| ())), Vec::<String>::new());
    let world = start(|bootstrap| bootstrap["stats_config"]["stats_tags"] = json!([]));
    assert_eq!(warnings(&world), Vec::<String>::new());
    let scrape = world.envoy.scrape().expect("Envoy answers");
    let scrape: Vec<&str> = scrape.lines().filter(|line| line.contains("http_requests_total")).collect();
    let scrape = scrape.join("\n");
    assert!(scrape.contains("http_requests_total_service___shop___method___GET___"), "{scrape}");
}
