//! Configurations that are replaced under load, on a real Envoy: no request is lost or counted twice, counters go on,
//! and what is wrong is refused.

mod support;

use redline_cli::envoy::Launch;
use serde_json::{Value, json};
use std::cell::OnceCell;
use support::client::{Call, Version, send_all};
use support::doctor::{doctor, faults};
use support::gateway::Listener;
use support::hanging::{self, hang};
use support::load::Load;
use support::metrics::Metrics;
use support::replaceable::Listeners;
use support::{World, eventually};

fn configuration(change: Value) -> String {
    let mut configuration = json!({
        "service": "shop", "tick": "100ms",
        "endpoints": {"templates": ["/api/v1/models", "/api/v1/models/{id}", hanging::ENDPOINT]},
        "tenant": {"sources": [{"header": "x-tenant-id"}]},
    });
    let whole = configuration.as_object_mut().expect("an object");
    whole.extend(change.as_object().cloned().unwrap_or_default());
    configuration.to_string()
}

fn listener(configuration: &str) -> Listener<'_> {
    Listener { name: "ingress", configuration, client_values: true, quic: None }
}

/// An Envoy with this configuration, and the file that replaces it.
struct Replaceable {
    world: World,
    listeners: Listeners,
}

impl Replaceable {
    fn start(configuration: &str) -> Self {
        Self::start_with(configuration, |launch| launch)
    }

    fn start_with(configuration: &str, how: impl FnOnce(Launch) -> Launch) -> Self {
        let file = OnceCell::new();
        let bootstrap = |upstream| {
            let (listeners, bootstrap) =
                Listeners::start(&[listener(configuration)], support::wasm(), upstream);
            assert!(file.set(listeners).is_ok());
            bootstrap
        };
        let world = World::launch(bootstrap, |launch| how(launch.workers(2)));
        Self { world: world.expect("Envoy starts"), listeners: file.into_inner().expect("it was made") }
    }

    /// Replaces the configuration, and waits until Envoy has taken it.
    fn replace(&self, configuration: &str) {
        let taken = self.updates("listener_modified");
        self.listeners.replace(&[listener(configuration)], support::wasm());
        eventually("the update", || (self.updates("listener_modified") > taken).then_some(()));
        // Warmed up, and in every worker.
        eventually("no listener that warms up", || {
            (self.updates("total_listeners_warming") == 0).then_some(())
        });
    }

    /// One of `listener_manager.*`.
    fn updates(&self, name: &str) -> u64 {
        let text = self.world.envoy.admin_get(&format!("/stats?filter=^listener_manager\\.{name}$"));
        let text = text.expect("Envoy answers");
        text.trim().rsplit_once(": ").and_then(|(_, count)| count.parse().ok()).expect("a count")
    }

    fn load(&self) -> Load {
        let address = self.world.envoy.listener("ingress").expect("the listener");
        let load = Load::start(&self.world, address, 4, &calls());
        load.flows(200);
        load
    }

    /// The metrics once as many requests are counted as were answered.
    fn counted(&self, name: &str, requests: u64) -> Metrics {
        eventually(&format!("{requests} requests counted"), || {
            let metrics = self.world.scrape();
            (metrics.total(name) >= requests).then_some(metrics)
        })
    }
}

fn calls() -> Vec<Call> {
    [("GET", "/api/v1/models"), ("POST", "/api/v1/models/7"), ("GET", "/x"), ("GET", "/api/v1/models/8")]
        .into_iter()
        .enumerate()
        .map(|(i, (method, path))| {
            let mut call = Call::get(path).header("x-tenant-id", "acme").header("x-do", "status=200 size=53");
            call.method = method.to_owned();
            call.version = if i % 3 == 0 { Version::H2 } else { Version::H1 };
            call
        })
        .collect()
}

#[test]
fn forty_changes_of_the_configuration_under_load_lose_and_double_nothing() {
    let one = configuration(json!({}));
    let other =
        configuration(json!({"tenant": {"sources": [{"header": "x-tenant-id"}], "max": 7}, "tick": "200ms"}));
    let envoy = Replaceable::start(&one);
    // They began under the first configuration, and hang through all the others.
    let open: Vec<_> = (0..5).map(|_| hang(&envoy.world, "ingress", "hang")).collect();
    let load = envoy.load();
    let mut before = 0;
    for change in 0..40 {
        envoy.replace(if change % 2 == 0 { &other } else { &one });
        load.flows(100);
        let now = envoy.world.scrape().total("http_requests_total");
        assert!(now > before, "the counters restarted: {before}, then {now}");
        before = now;
        assert_eq!(hanging::gauge(&envoy.world, "shop"), 5, "after {change} changes");
    }
    let tally = load.stop(&envoy.world);
    println!("{tally:?}");
    assert_eq!((tally.cut, tally.status(200)), (0, tally.calls()));
    envoy.counted("http_requests_total", tally.calls());
    envoy.world.upstream.release();
    eventually("no request in flight", || (hanging::gauge(&envoy.world, "shop") == 0).then_some(()));
    drop(open);
    let requests = tally.calls() + 5;
    let metrics = envoy.counted("http_request_size_bytes_count", requests);
    for name in ["http_requests_total", "http_request_duration_milliseconds_count", "tenant_requests_total"] {
        assert_eq!(metrics.total(name), requests, "{name}");
    }
    assert_eq!(metrics.total("tenant_response_bytes_total"), 53 * tally.calls());
    assert_eq!(metrics.total("http_requests_in_progress"), 0);
    assert_eq!(metrics.total("redline_dropped_total"), 0);
}

#[test]
fn a_bad_configuration_is_refused_and_the_old_one_goes_on() {
    let good = configuration(json!({}));
    let envoy = Replaceable::start(&good);
    let load = envoy.load();
    let bad = |listeners: &mut Value| {
        let configuration = listeners
            .pointer_mut("/0/filter_chains/0/filters/0/typed_config/http_filters/1/typed_config/config/configuration/value")
            .expect("the filter's configuration");
        *configuration = json!(r#"{"service": "Shop", "tick": "1ms"}"#);
    };
    let refused = envoy.updates("lds.update_rejected");
    envoy.listeners.replace_with(bad, &[listener(&good)], support::wasm());
    eventually("the refusal", || (envoy.updates("lds.update_rejected") == refused + 1).then_some(()));
    let log = envoy.world.envoy.log();
    for mistake in ["$.service: \"Shop\"", "$.tick: \"1ms\""] {
        assert!(log.contains(&format!("redline: configuration refused: {mistake}")), "{mistake} in\n{log}");
    }
    // Envoy reports it twice, once without a name; the doctor once, and says where the reason is.
    let (_, said) = doctor(&envoy.world, &[]);
    assert_eq!(faults(&said).iter().filter(|fault| *fault == "rejected").count(), 1, "{said}");
    assert!(said.contains("the last change of ingress, "), "{said}");
    assert!(said.contains("Envoy's log has the reason, in lines `configuration refused: "), "{said}");
    let before = envoy.world.scrape().total("http_requests_total");
    load.flows(500);
    let tally = load.stop(&envoy.world);
    let metrics = envoy.counted("http_requests_total", tally.calls());
    assert!(metrics.total("http_requests_total") > before);
    assert_eq!((tally.cut, metrics.total("http_requests_total")), (0, tally.calls()));
    // And a good one is taken again.
    envoy.replace(&configuration(json!({"tick": "300ms"})));
}

#[test]
fn another_service_starts_its_own_series_and_leaves_the_old_ones_still() {
    let envoy = Replaceable::start(&configuration(json!({})));
    let load = envoy.load();
    envoy.replace(&configuration(json!({"service": "bakery"})));
    load.flows(500);
    let requests = |metrics: &Metrics, service: &str| {
        let of = format!("service={service:?}");
        let requests = metrics.only(|name| name == "http_requests_total");
        requests.0.iter().filter(|(series, _)| series.contains(&of)).map(|(_, count)| *count).sum::<u64>()
    };
    // What began before the change ends under the old name.
    let middle = eventually("the last stream of the old service", || {
        let one = envoy.world.scrape();
        load.flows(50);
        let two = envoy.world.scrape();
        (requests(&one, "shop") == requests(&two, "shop") && requests(&two, "bakery") > 0).then_some(two)
    });
    load.flows(500);
    let tally = load.stop(&envoy.world);
    let metrics = envoy.counted("http_requests_total", tally.calls());
    assert_eq!(requests(&metrics, "shop"), requests(&middle, "shop"));
    assert_eq!(requests(&metrics, "shop") + requests(&metrics, "bakery"), tally.calls());
    assert_eq!(tally.cut, 0);
}

#[test]
fn the_new_configuration_publishes_while_the_old_one_drains_and_so_does_the_first_again() {
    let first = configuration(json!({}));
    let second = configuration(json!({"metric_prefix": "edge_"}));
    let envoy = Replaceable::start_with(&first, |launch| launch.argument("--drain-time-s").argument("5"));
    // A stream that hangs keeps the first configuration alive.
    let open = hang(&envoy.world, "ingress", "hang");
    let published = |prefix: &str| {
        let name = format!("{prefix}redline_last_publish_timestamp_seconds");
        envoy.world.scrape().get(&name, &[("service", "shop")])
    };
    let moves = |prefix: &str| {
        let before = published(prefix);
        eventually("a publication", || (published(prefix) > before).then_some(()));
    };
    moves("");
    envoy.replace(&second);
    moves("edge_");
    // Two publications of the new one later, the old one has not published.
    let old = published("");
    moves("edge_");
    moves("edge_");
    assert_eq!(published(""), old, "the old configuration published");
    assert_eq!(hanging::gauge(&envoy.world, "shop"), 1, "the old configuration's stream");
    envoy.replace(&first);
    drop(open);
    // Envoy says nothing to a filter whose first recorders are still there: the one in between publishes until it has
    // drained.
    moves("");
    eventually("no request in flight", || (hanging::gauge(&envoy.world, "shop") == 0).then_some(()));
}

/// Sends a request of each tenant, which all are answered well, and returns those that have series of their own.
fn tenants(envoy: &Replaceable, names: &[&str]) -> Vec<String> {
    let before = envoy.world.scrape().total("http_requests_total");
    let calls: Vec<Call> = names
        .iter()
        .map(|name| Call::get("/api/v1/models").header("x-tenant-id", name).header("x-do", "status=200"))
        .collect();
    let address = envoy.world.envoy.listener("ingress").expect("the listener");
    let answers = envoy.world.runtime.block_on(send_all(address, 1, &calls));
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    let metrics = envoy.counted("http_requests_total", before + calls.len() as u64);
    let counted = metrics.only(|name| name == "tenant_requests_total");
    let tenant = |series: &String| Some(series.split_once("tenant=\"")?.1.split_once('"')?.0.to_owned());
    counted.0.keys().filter_map(tenant).collect()
}

#[test]
fn a_limit_that_is_raised_holds_at_once_and_one_that_is_lowered_keeps_what_was_admitted() {
    let max =
        |max: u32| configuration(json!({"tenant": {"sources": [{"header": "x-tenant-id"}], "max": max}}));
    let envoy = Replaceable::start(&max(2));
    // Past the half, a value waits for its third good answer.
    assert_eq!(tenants(&envoy, &["a", "b", "b", "b", "c", "c", "c"]), ["_other", "a", "b"]);
    envoy.replace(&max(20));
    assert_eq!(tenants(&envoy, &["c", "d", "e"]), ["_other", "a", "b", "c", "d", "e"]);
    envoy.replace(&max(3));
    let of = |tenant: &str| {
        let metrics = envoy.world.scrape();
        metrics
            .get("tenant_requests_total", &[("service", "shop"), ("tenant", tenant), ("code_class", "2xx")])
    };
    let before = ["a", "c", "e", "_other"].map(of);
    assert_eq!(tenants(&envoy, &["a", "c", "e", "f"]), ["_other", "a", "b", "c", "d", "e"]);
    assert_eq!(["a", "c", "e", "_other"].map(of), before.map(|count| count + 1));
}

#[test]
fn a_first_configuration_that_comes_back_knows_who_was_admitted_meanwhile() {
    let max =
        |max: u32| configuration(json!({"tenant": {"sources": [{"header": "x-tenant-id"}], "max": max}}));
    let first = max(2);
    let envoy = Replaceable::start(&first);
    assert_eq!(tenants(&envoy, &["a", "b", "b", "b", "c"]), ["_other", "a", "b"]);
    envoy.replace(&max(20));
    assert_eq!(tenants(&envoy, &["c", "d", "e"]), ["_other", "a", "b", "c", "d", "e"]);
    // Envoy does not configure it anew where it has not drained: it hears of `c` on a tick.
    envoy.replace(&first);
    let of = |tenant: &str| {
        let metrics = envoy.world.scrape();
        metrics
            .get("tenant_requests_total", &[("service", "shop"), ("tenant", tenant), ("code_class", "2xx")])
    };
    for tenant in ["c", "d", "e"] {
        eventually(tenant, || {
            let before = of(tenant);
            tenants(&envoy, &[tenant]);
            (of(tenant) == before + 1).then_some(())
        });
    }
    let other = of("_other");
    tenants(&envoy, &["a", "c", "d", "e"]);
    assert_eq!(of("_other"), other);
    tenants(&envoy, &["f"]);
    assert_eq!(of("_other"), other + 1);
}

#[test]
fn a_filter_that_is_switched_off_leaves_requests_alone_and_its_counters_standing_and_goes_on_when_it_is_back()
{
    let configuration = configuration(json!({}));
    let envoy = Replaceable::start(&configuration);
    let load = envoy.load();
    let taken = envoy.updates("listener_modified");
    let off = |listeners: &mut Value| {
        let filters = listeners.pointer_mut("/0/filter_chains/0/filters/0/typed_config/http_filters");
        let filters = filters.and_then(Value::as_array_mut).expect("the filters");
        let filter = filters.iter_mut().find(|filter| filter["name"] == "redline").expect("the filter");
        filter["disabled"] = json!(true);
    };
    envoy.listeners.replace_with(off, &[listener(&configuration)], support::wasm());
    eventually("the update", || (envoy.updates("listener_modified") > taken).then_some(()));
    let counted = || envoy.world.scrape().total("http_requests_total");
    let standing = eventually("counters that stand still", || {
        let before = counted();
        load.flows(100);
        (counted() == before).then_some(before)
    });
    load.flows(200);
    assert_eq!(counted(), standing);
    envoy.replace(&configuration);
    eventually("counters that go on", || (counted() > standing).then_some(()));
    let tally = load.stop(&envoy.world);
    assert_eq!((tally.cut, tally.status(200)), (0, tally.calls()));
}
