//! `redline doctor` and a live Envoy: each planted fault is found, and nothing else is; a healthy one has none.

mod support;

use redline_cli::doctor::{Expected, Fault, Live, examine};
use redline_cli::http::Client;
use redline_cli::scrape::Scrape;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use support::client::Call;
use support::doctor::{
    HEALTHY, TOKEN, authentication, chain, doctor, faults, file, must_find, planted, plugin, second_listener,
    send, told, wait, world,
};
use support::{eventually, faulty_wasm, wasm};

#[test]
fn a_healthy_envoy_has_no_finding() {
    let world = planted(HEALTHY, |_| ());
    wait(&world);
    let config = file(HEALTHY);
    let config = config.path().to_str().expect("a path");
    for arguments in [&[][..], &["--config", config]] {
        let (code, said) = doctor(&world, arguments);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("Service shop, filter ") && said.contains("No finding"), "{said}");
    }
    // Behind authentication a token is no fault either, and two listeners with one plugin are one measurement.
    let world = planted(TOKEN, |bootstrap| {
        let authentication = authentication();
        second_listener(bootstrap);
        for listener in 0..2 {
            let filters = format!(
                "/static_resources/listeners/{listener}/filter_chains/0/filters/0/typed_config/http_filters"
            );
            let filters = bootstrap.pointer_mut(&filters).and_then(Value::as_array_mut).expect("the filters");
            filters.insert(0, authentication.clone());
        }
    });
    wait(&world);
    let (code, said) = doctor(&world, &[]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn what_does_not_answer_is_no_finding() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = unused.local_addr().expect("an address");
    drop(unused);
    let output = Command::new(env!("CARGO_BIN_EXE_redline"))
        .args(["doctor", "--envoy", &format!("http://{address}")])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&address.to_string()));
}

#[test]
fn what_is_no_envoy_is_no_finding() {
    let run = |url: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_redline")).args(["doctor", "--envoy", url]).output();
        let output = output.expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run("127.0.0.1:9901");
    assert!(code == Some(2) && said.contains("write http://127.0.0.1:9901"), "{said}");

    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("an address");
    let served = std::thread::spawn(move || {
        let (mut connection, _) = server.accept().expect("a client");
        let mut request = [0; 4096];
        let read = connection.read(&mut request).expect("a request");
        assert!(read > 0);
        connection
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
            .expect("an answer");
    });
    let (code, said) = run(&format!("http://{address}"));
    served.join().expect("it served");
    assert!(code == Some(2) && said.contains("it has no `version`"), "{said}");
}

#[test]
fn a_label_without_its_tag_and_one_whose_tag_reads_nothing() {
    let tags = |bootstrap: &mut Value, change: &dyn Fn(&mut Vec<Value>)| {
        change(bootstrap["stats_config"]["stats_tags"].as_array_mut().expect("tags"));
    };
    let world = planted(HEALTHY, |b| tags(b, &|tags| tags.retain(|tag| tag["tag_name"] != "tenant")));
    wait(&world);
    must_find(&world, &[], Fault::StatsTag, &["the label tenant has no stats_tag", "restart Envoy"]);
    let world = planted(HEALTHY, |b| {
        tags(b, &|tags| {
            for tag in tags.iter_mut().filter(|tag| tag["tag_name"] == "operation") {
                tag["regex"] = json!(r"^wasmcustom\.(operation\.(.*?)\.)");
            }
        });
    });
    wait(&world);
    must_find(&world, &[], Fault::StatsTag, &["operation"]);
}

#[test]
fn a_rule_of_somebody_elses_that_takes_what_is_ours() {
    for rule in [
        json!({"tag_name": "service", "fixed_value": "edge"}),
        json!({"tag_name": "what", "regex": "((requests)_)"}),
    ] {
        let world = planted(HEALTHY, |bootstrap| {
            let tags = bootstrap["stats_config"]["stats_tags"].as_array_mut().expect("tags");
            tags.insert(0, rule.clone());
        });
        wait(&world);
        // The fault is a real one: the metric is not there as it should be.
        let scrape = Scrape::parse(&world.envoy.scrape().expect("Envoy answers")).expect("its own format");
        assert_eq!(scrape.sum("http_requests_total", &[("service", "shop")]), 0.0, "{rule}");
        must_find(
            &world,
            &[],
            Fault::StatsTag,
            &["takes what is ours", rule["tag_name"].as_str().expect("a tag")],
        );
    }
}

#[test]
fn a_module_that_cannot_be_fetched() {
    let world = planted(HEALTHY, |bootstrap| {
        let cluster = bootstrap.pointer("/static_resources/clusters/0/name").expect("a cluster").clone();
        let plugin = plugin(bootstrap);
        plugin["failure_policy"] = json!("FAIL_OPEN");
        plugin["vm_config"]["code"] = json!({"remote": {
            "http_uri": {"uri": "http://127.0.0.1/redline.wasm", "cluster": cluster, "timeout": "1s"},
            "sha256": "0".repeat(64), "retry_policy": {"num_retries": 0}}});
    });
    let (code, said) = doctor(&world, &[]);
    assert_eq!(faults(&said), [Fault::NotLoaded.name(), Fault::NotRunning.name()], "{said}");
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn a_filter_that_is_switched_off() {
    let world = planted(HEALTHY, |bootstrap| chain(bootstrap)[0]["disabled"] = json!(true));
    must_find(&world, &[], Fault::Disabled, &["counts nothing"]);
}

#[test]
fn a_histogram_without_its_bounds() {
    let world = planted(HEALTHY, |bootstrap| {
        let settings = &mut bootstrap["stats_config"]["histogram_bucket_settings"];
        settings
            .as_array_mut()
            .expect("settings")
            .retain(|setting| setting["match"]["prefix"] != "wasmcustom.http_request_size_bytes.");
    });
    wait(&world);
    must_find(&world, &[], Fault::Buckets, &["http_request_size_bytes"]);
}

#[test]
fn a_matcher_that_throws_away_one_metric_or_all() {
    let world = planted(HEALTHY, |bootstrap| {
        bootstrap["stats_config"]["stats_matcher"] =
            json!({"exclusion_list": {"patterns": [{"prefix": "wasmcustom.tenant_requests_total."}]}});
    });
    wait(&world);
    must_find(&world, &[], Fault::StatsMatcher, &["throws away tenant_requests_total of"]);
    let world = planted(HEALTHY, |bootstrap| {
        bootstrap["stats_config"]["stats_matcher"] = json!({"inclusion_list": {"patterns": [{"prefix": "cluster"}, {"safe_regex": {"regex": "wasm"}}]}});
    });
    must_find(&world, &[], Fault::StatsMatcher, &["every metric"]);
}

#[test]
fn a_token_that_nobody_verified() {
    let world = planted(TOKEN, |_| ());
    wait(&world);
    must_find(&world, &[], Fault::FilterOrder, &["nothing before it verifies the token"]);
    let world = planted(TOKEN, |bootstrap| {
        chain(bootstrap).insert(1, authentication());
    });
    wait(&world);
    must_find(&world, &[], Fault::FilterOrder, &["JwtAuthentication comes after it"]);
}

#[test]
fn a_crash_that_would_close_the_gateway() {
    let world = planted(HEALTHY, |bootstrap| {
        plugin(bootstrap).as_object_mut().expect("a plugin").remove("failure_policy");
    });
    wait(&world);
    must_find(&world, &[], Fault::FailurePolicy, &["FAIL_RELOAD", "listener ingress"]);
}

#[test]
fn a_service_that_is_measured_twice() {
    let chained = planted(HEALTHY, |bootstrap| {
        let again = chain(bootstrap)[0].clone();
        chain(bootstrap).insert(0, again);
    });
    wait(&chained);
    must_find(&chained, &[], Fault::Twice, &["count every request twice"]);
    let other = planted(HEALTHY, |bootstrap| {
        let other = HEALTHY.replace("\"max\": 10", "\"max\": 20");
        told(second_listener(bootstrap), &other);
    });
    wait(&other);
    must_find(&other, &[], Fault::Twice, &["ingress and second", "differently"]);
    let apart = planted(HEALTHY, |bootstrap| {
        second_listener(bootstrap)["vm_config"]["vm_id"] = json!("another");
    });
    wait(&apart);
    must_find(&apart, &[], Fault::Twice, &["ingress and second"]);
}

#[test]
fn a_plugin_with_a_name_that_no_alert_reads() {
    let world = planted(HEALTHY, |bootstrap| plugin(bootstrap)["name"] = json!("metrics"));
    wait(&world);
    // The fault is a real one: what the alerts read is not there.
    let scrape = world.envoy.scrape().expect("Envoy answers");
    assert!(scrape.contains("envoy_wasm_metrics_vm_reload_success{} 0"), "{scrape}");
    assert!(!scrape.contains("envoy_wasm_redline_"), "{scrape}");
    must_find(&world, &[], Fault::PluginName, &["is named metrics", "RedlineVMReloaded", "name it redline"]);
    // Longer names with the service in them are read, too.
    let world = planted(HEALTHY, |bootstrap| plugin(bootstrap)["name"] = json!("redline-shop"));
    wait(&world);
    let (code, said) = doctor(&world, &[]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_listener_without_the_filter() {
    let world = planted(HEALTHY, |bootstrap| {
        chain(bootstrap).remove(0);
    });
    must_find(&world, &[], Fault::NoFilter, &["no listener has the filter"]);
}

#[test]
fn a_configuration_that_is_not_the_one_that_should_run() {
    let world = planted(HEALTHY, |_| ());
    wait(&world);
    let longer = file(&HEALTHY.replace("\"max\": 10", "\"max\": 20").replace("100ms", "10s"));
    let arguments = ["--config", longer.path().to_str().expect("a path")];
    must_find(&world, &arguments, Fault::Configuration, &["something else in tenant, tick"]);
    let other = file(r#"{"service": "stock"}"#);
    let arguments = ["--config", other.path().to_str().expect("a path")];
    must_find(&world, &arguments, Fault::Configuration, &["no filter measures the service stock, but shop"]);
}

#[test]
fn what_was_dropped_and_what_overflowed() {
    let malformed = planted(HEALTHY, |_| ());
    send(&malformed, &[Call::get("/a/1").header("x-do", "header=server-timing:db;dur=;;=\"")]);
    wait(&malformed);
    must_find(&malformed, &[], Fault::Dropped, &["malformed_header 1"]);

    let crowded = planted(&HEALTHY.replace("\"max\": 10", "\"max\": 2"), |_| ());
    let tenant = |name: &str| Call::get("/a/1").header("x-tenant-id", name);
    send(&crowded, &[tenant("globex"), tenant("initech")]);
    wait(&crowded);
    must_find(&crowded, &[], Fault::Overflow, &["_other in place of their tenant"]);
}

#[test]
fn limits_that_are_nearly_reached() {
    let small = format!(r#"{{"limits": {{"max_series": 100}}, {}"#, HEALTHY.trim_start_matches('{'));
    let world = planted(&small, |_| ());
    wait(&world);
    let used = || {
        let scrape = Scrape::parse(&world.envoy.scrape().expect("Envoy answers")).expect("its own format");
        scrape.sum("redline_series", &[])
    };
    // Each status is one label set more. The gauge is a tick behind: in steps, so that they do not overshoot.
    let mut statuses = 201..600_u16;
    while used() < 90.0 {
        let before = used();
        let left = ((90.0 - before) / 8.0).ceil() as usize;
        let calls: Vec<Call> = statuses
            .by_ref()
            .take(left)
            .map(|s| Call::get("/a/1").header("x-do", &format!("status={s}")))
            .collect();
        assert!(!calls.is_empty(), "{before} label sets");
        send(&world, &calls);
        eventually("more label sets", || (used() > before).then_some(()));
    }
    must_find(&world, &[], Fault::NearLimit, &["of 100 label sets are in use"]);
}

#[test]
fn a_filter_that_crashed() {
    let world = world(HEALTHY, faulty_wasm(), |_| ());
    let crash = Call { alone: true, ..Call::get("/a/1").header("x-redline-fault", "trap") };
    send(&world, &[crash]);
    // The next request on that worker gets the new VM.
    eventually("the new VM", || {
        send(&world, &[Call { alone: true, ..Call::get("/a/1") }]);
        world.envoy.scrape().ok()?.contains("vm_reload_success{} 1").then_some(())
    });
    wait(&world);
    must_find(&world, &[], Fault::Crashed, &["a new VM 1 times"]);
}

#[test]
fn a_filter_of_another_version() {
    let module = std::fs::read(wasm()).expect("the filter");
    let version = redline::VERSION.as_bytes();
    let other = "9".repeat(version.len());
    let mut old = module.clone();
    let places: Vec<usize> = module
        .windows(version.len())
        .enumerate()
        .filter(|(_, part)| *part == version)
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "the version is in the module");
    for at in places {
        old[at..at + version.len()].copy_from_slice(other.as_bytes());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("old.wasm");
    std::fs::write(&path, old).expect("a file");
    let world = world(HEALTHY, &path, |_| ());
    wait(&world);
    must_find(&world, &[], Fault::FilterVersion, &[&format!("is of version {other}")]);
}

#[test]
fn gauges_that_nobody_publishes_and_an_envoy_of_another_time() {
    let world = planted(HEALTHY, |_| ());
    wait(&world);
    let client = Client::new(Duration::from_secs(20));
    let mut live = Live::read(&client, &format!("http://{}", world.envoy.admin())).expect("it answers");
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let at = |now_s: u64| Expected { document: None, version: redline::VERSION, now_s };
    assert_eq!(examine(&live, at(now_s)), []);
    let stale = examine(&live, at(now_s + 600));
    assert_eq!(stale.iter().map(|finding| finding.fault).collect::<Vec<_>>(), [Fault::Stale], "{stale:?}");
    for version in ["x/1.35.9/Clean/RELEASE/BoringSSL", "x/1.41.0-dev/Clean/RELEASE/BoringSSL", "none"] {
        live.server_info["version"] = json!(version);
        let findings = examine(&live, at(now_s));
        assert_eq!(findings.iter().map(|f| f.fault).collect::<Vec<_>>(), [Fault::EnvoyVersion], "{version}");
    }
}
