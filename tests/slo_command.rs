//! `redline slo`: of two real Envoys it shows the exact sums, and of a real Prometheus what that has scraped.

mod support;

use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};
use support::client::{Call, send_all};
use support::prometheus::Prometheus;
use support::{World, eventually};
use tempfile::NamedTempFile;

fn configuration() -> String {
    let slos = json!([
        {"name": "availability", "objective": "99.9", "sli": {"availability": {}}},
        {"name": "latency", "objective": 99, "period": "7d", "sli": {"latency": {"threshold": "30s"}}},
    ]);
    json!({"service": "shop", "tick": "200ms", "slos": slos}).to_string()
}

fn file(configuration: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(configuration.as_bytes()).expect("a file");
    file
}

fn slo(config: &NamedTempFile, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_redline"))
        .args(["slo", "--config"])
        .arg(config.path())
        .args(arguments)
        .output()
        .expect("redline runs")
}

fn report(config: &NamedTempFile, arguments: &[&str]) -> Option<Value> {
    let output = slo(config, &[arguments, &["--output", "json"]].concat());
    output.status.success().then(|| serde_json::from_slice(&output.stdout).expect("JSON"))
}

fn send(world: &World, status: u16, count: usize) {
    let address = world.envoy.listener("ingress").expect("the listener");
    let call = Call::get("/a").header("x-do", &format!("status={status} size=7"));
    world.runtime.block_on(send_all(address, 2, &vec![call; count]));
}

/// The events and bad ones of an SLO in the last hour.
fn hour(report: &Value, slo: usize) -> [u64; 2] {
    let window = &report["slos"][slo]["windows"][2];
    assert_eq!(window["window"], "1h");
    ["events", "bad_events"].map(|key| window[key].as_u64().expect("a number"))
}

#[test]
fn proxies_are_summed_exactly_and_a_prometheus_agrees() {
    let configuration = configuration();
    let config = file(&configuration);
    let worlds = [World::start(&configuration, 2), World::start(&configuration, 1)];
    let admin = worlds.each_ref().map(|world| world.envoy.admin());
    let prometheus = Prometheus::start(&admin);
    let from_prometheus = ["--prometheus", &prometheus.url()].map(str::to_owned);
    let from_prometheus = from_prometheus.each_ref().map(String::as_str);
    // Of both: an increase begins at the first sample.
    eventually("a scrape of both proxies' counters at 0", || {
        let counters = prometheus.number(r#"count(slo_events_total{slo="availability"})"#);
        (counters == Some(2.0)).then(|| report(&config, &from_prometheus))?
    });

    send(&worlds[0], 200, 150);
    send(&worlds[0], 503, 20);
    send(&worlds[1], 200, 30);
    let admin = admin.map(|admin| format!("http://{admin}"));
    let both = ["--envoy", &admin[0], "--envoy", &admin[1]];
    let exact = eventually("a tick of both", || {
        report(&config, &both).filter(|report| hour(report, 0) == [200, 20] && hour(report, 1) == [180, 0])
    });
    let one =
        eventually("a tick", || report(&config, &both[2..]).filter(|report| hour(report, 0) == [30, 0]));
    assert_eq!(one["source"], json!({"envoy": [admin[1]]}));
    let [availability, latency] = [&exact["slos"][0], &exact["slos"][1]];
    assert_eq!(exact["service"], "shop");
    assert_eq!((&availability["sli"], &availability["objective"]), (&json!("0.900000"), &json!("0.999000")));
    assert_eq!(availability["windows"][2]["burn_rate"], "100.000");
    assert_eq!(availability["status"], "critical");
    assert_eq!(
        availability["pairs"][0],
        json!({"long": "1h", "short": "5m", "factor": "14.400", "over": true})
    );
    assert_eq!((&latency["status"], &latency["sli"]), (&json!("unknown"), &json!("1.000000")));
    assert_eq!(latency["windows"][7]["window"], "7d");

    // It extrapolates: a little more than there was, and never less once all is scraped.
    eventually("Prometheus has scraped all of it", || {
        let report = report(&config, &from_prometheus)?;
        let ([events, bad], [fast, slow]) = (hour(&report, 0), hour(&report, 1));
        let near = (200..=240).contains(&events) && (20..=24).contains(&bad) && (180..=216).contains(&fast);
        (near && slow == 0 && report["slos"][0]["status"] == "critical").then_some(())
    });

    let table = slo(&config, &both);
    let text = String::from_utf8(table.stdout).expect("text");
    assert!(table.status.success() && text.starts_with("Service shop, "), "{text}");
    assert!(text.lines().any(|line| line.starts_with("availability  critical")), "{text}");

    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("slo.html");
    let report = [&both[..], &["--report", page.to_str().expect("a path")]].concat();
    assert!(slo(&config, &report).status.success());
    let html = std::fs::read_to_string(&page).expect("a page");
    let from = admin.each_ref().map(|url| format!("Read from {}", url.replace("http://", "")));
    for said in ["SLOs of shop", "How the SLOs stand now", "availability: critical", &from[0], &from[1]] {
        assert!(html.contains(said), "{said}");
    }
}

#[test]
fn a_prometheus_says_how_much_it_has_seen_and_who_does_not_answer() {
    let config = file(&configuration());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    // Two proxies, a sample a minute: from five hours ago on, but between three and one and a half neither was there.
    let mut samples = "# TYPE slo_events counter\n# TYPE slo_bad_events counter\n".to_owned();
    for name in ["slo_events_total", "slo_bad_events_total"] {
        for slo in ["availability", "latency"] {
            for instance in ["one:1", "two:1"] {
                for minute in (0..=300).rev().filter(|minute| !(90..180).contains(minute)) {
                    let (time, count) = (now - minute * 60, (300 - minute) * 100);
                    let count = if name == "slo_events_total" { count } else { count / 1000 };
                    samples += &format!(
                        "{name}{{service=\"shop\",slo=\"{slo}\",job=\"envoy\",instance=\"{instance}\"}} {count} {time}\n"
                    );
                }
            }
        }
    }
    let dead = [(); 2].map(|()| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("its address")
    });
    let prometheus = Prometheus::start_with(&dead, &samples);
    let arguments = ["--prometheus", &prometheus.url()].map(str::to_owned);
    let mut names = dead.map(|address| format!("{address} (job envoy)"));
    names.sort();
    let down = format!("2 targets are down, {}: what they count is missing here", names.join(", "));
    // Prometheus asks one after the other.
    let report = eventually("both targets are known to be down", || {
        let report = report(&config, &arguments.each_ref().map(String::as_str))?;
        (report["remarks"][1] == down).then_some(report)
    });
    assert_eq!(report["remarks"].as_array().map(Vec::len), Some(2));
    // Samples stand for five minutes, so a gap of 90 minutes is seen as one of 85; a step may be 5 minutes.
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() - now;
    assert!(passed < 240, "too slow to judge: {passed} s");
    for (place, window, expected, within) in [
        (0, "5m", 300, 0),
        (1, "30m", 1800, 0),
        (2, "1h", 3600, 0),
        (3, "2h", 5400, 130),
        (4, "6h", 5 * 3600 - 85 * 60, 600),
        (5, "1d", 5 * 3600 - 85 * 60, 600),
        (7, "30d", 5 * 3600 - 85 * 60, 600),
    ] {
        let seen = &report["slos"][0]["windows"][place];
        assert_eq!(seen["window"], window);
        let seconds = seen["coverage_seconds"].as_u64().expect("a number");
        assert!(seconds.abs_diff(expected) <= within, "{window}: {seconds}, not {expected}");
    }
}

#[test]
fn what_cannot_be_read_is_exit_code_2_and_says_why() {
    let config = file(&configuration());
    let fails = |arguments: &[&str], reason: &str| {
        let output = slo(&config, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(reason) && output.stdout.is_empty(), "{arguments:?}: {said}");
    };
    fails(&[], "--envoy <URL>");
    fails(&["--envoy", "http://127.0.0.1:1"], "http://127.0.0.1:1/stats/prometheus: ");
    fails(&["--envoy", "a", "--prometheus", "b"], "cannot be used with");
    let other = configuration().replace("shop", "books");
    let world = World::start(&other, 1);
    let admin = world.envoy.admin().to_string();
    let missing = "no slo_window_events of the service shop for the SLO availability and the window 5m";
    fails(&["--envoy", &admin], missing);
    let own = World::start(&configuration(), 1);
    let (admin_of_own, url) = (own.envoy.admin().to_string(), format!("http://{}/", own.envoy.admin()));
    fails(&["--envoy", &admin_of_own, "--envoy", &url], "named twice");
    fails(&["--prometheus", &format!("http://{admin}")], "/api/v1/query: answered 404");
    let none = file(r#"{"service": "shop"}"#);
    let output = slo(&none, &["--envoy", &admin]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("has no slos"));
}
