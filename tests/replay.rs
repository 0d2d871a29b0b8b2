//! `redline replay` shows what Envoy would show: the same exchanges through both, real logs against an independent
//! count, and bad input.

mod support;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use support::World;
use support::client::{Body, Call, Version, send_all};

const CONFIGURATION: &str = r#"{"service": "site",
    "endpoints": {"templates": ["/", "/blog/{rest*}", "/blog/{id}", "/images/{file}", "/files/{name}"]},
    "tenant": {"sources": [{"header": "x-tenant-id"}], "max": 50}}"#;

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs `redline replay` with the configuration above on `input`, which comes from standard input.
fn replay_stdin(input: &[u8], arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("redline.json");
    std::fs::write(&config, CONFIGURATION).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_redline"));
    command.arg("replay");
    if !arguments.contains(&"--config") {
        command.arg("--config").arg(&config);
    }
    let mut child = command
        .arg("--wasm")
        .arg(support::wasm())
        .args(arguments)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("redline runs");
    let mut pipe = child.stdin.take().expect("a pipe");
    // It may end before it has read everything.
    let _read = pipe.write_all(input);
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn replay_file(input: &Path, arguments: &[&str]) -> Run {
    replay_stdin(&std::fs::read(input).expect("the recording"), arguments)
}

/// Sums of a counter by one label, from the JSON output.
fn by(json: &str, metric: &str, label: &str) -> BTreeMap<String, u64> {
    let value: Value = serde_json::from_str(json).expect("JSON");
    let mut sums = BTreeMap::new();
    for series in value["series"].as_array().expect("series").iter().filter(|s| s["name"] == metric) {
        let name = series["labels"][label].as_str().expect("the label").to_owned();
        *sums.entry(name).or_default() += series["value"].as_u64().expect("a count");
    }
    sums
}

#[test]
fn the_same_exchanges_give_the_same_counters_in_envoy_and_in_replay_line_for_line() {
    let world = World::start(&CONFIGURATION.replacen('{', r#"{"tick": "500ms", "#, 1), 2);
    let address = world.envoy.listener("ingress").expect("the listener");
    let paths = [
        "/",
        "/blog/1",
        "/blog/1/x/y?q=1",
        "/images/a.png",
        "/files//n",
        "/etc/passwd",
        "/%zz",
        "/files/%2e%2e/blog/2",
    ];
    let tenants = ["acme", "globex", "ev.il;.;x=.=y", ""];
    let (mut calls, mut exchanges) = (Vec::new(), String::new());
    for i in 0..600_usize {
        let (path, tenant) = (paths[i % paths.len()], tenants[i / 3 % tenants.len()]);
        let (status, size, sent) =
            ([200, 404, 503, 201][i / 5 % 4], [0, 7, 530, 64_000][i / 7 % 4], [0, 53][i % 2]);
        let method = if sent > 0 { "POST" } else { "GET" };
        let mut call = Call::get(path).header("x-do", &format!("status={status} size={size}"));
        call.version = if i % 3 == 0 { Version::H2 } else { Version::H1 };
        call.method = method.to_owned();
        call.body = if sent > 0 { Body::Sized(sent) } else { Body::None };
        let mut headers = json!({});
        if !tenant.is_empty() {
            call = call.header("x-tenant-id", tenant);
            headers["x-tenant-id"] = json!(tenant);
        }
        calls.push(call);
        let exchange = json!({
            "time": format!("2026-01-01T00:{:02}:{:02}Z", i / 60, i % 60), "method": method, "path": path,
            "host": "test.example", "request_headers": headers, "status": status, "request_bytes": sent,
            "response_bytes": size, "duration_ms": 1.5, "response_headers": {"x-envoy-upstream-service-time": "1"},
        });
        exchanges.push_str(&format!("{exchange}\n"));
    }
    world.runtime.block_on(send_all(address, 6, &calls));
    support::eventually("the histograms' merge", || {
        (world.scrape().total("http_request_size_bytes_count") == 600).then_some(())
    });
    let sent =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    support::eventually("a tick after the last request", || {
        (world.scrape().total("redline_last_publish_timestamp_seconds") > sent).then_some(())
    });
    let from_envoy = world.envoy.scrape().expect("Envoy answers");
    let replayed =
        replay_stdin(exchanges.as_bytes(), &["--output", "prometheus", "--workers", "2", "--verify"]);
    assert_eq!(replayed.code, Some(0), "{}", replayed.err);
    // How long a request took differs, and with it the sums, and what time it is; everything else is the same text in
    // the same order.
    let ours = |text: &str| {
        let keep = |line: &&str| {
            let name = line.trim_start_matches("# TYPE ");
            let own = ["http_", "tenant_", "redline_", "grpc_", "auth_", "access_"]
                .iter()
                .any(|p| name.starts_with(p));
            let time = ["_milliseconds_bucket", "_milliseconds_sum", "_timestamp_seconds"];
            own && !time.iter().any(|part| line.contains(part))
        };
        text.lines().filter(keep).map(str::to_owned).collect::<Vec<String>>()
    };
    let (envoy, replay) = (ours(&from_envoy), ours(&replayed.out));
    assert!(envoy.len() > 150, "{}", from_envoy);
    for (at, (envoy, replay)) in envoy.iter().zip(&replay).enumerate() {
        assert_eq!(envoy, replay, "line {at}, Envoy's first");
    }
    assert_eq!(envoy.len(), replay.len());
}

#[test]
fn ten_thousand_lines_of_a_real_log_are_counted_as_an_independent_count_has_them() {
    let Some(path) = support::shared_data("apache_access.log") else { return };
    let log = std::fs::read(&path).expect("the log");
    let (mut methods, mut statuses) = (BTreeMap::new(), BTreeMap::new());
    for line in String::from_utf8_lossy(&log).lines() {
        // ... "GET /path HTTP/1.1" 200 ...
        let request = line.split('"').nth(1).expect("a request");
        let method = request.split(' ').next().expect("a method").to_owned();
        let status =
            line.split('"').nth(2).expect("a status").split_whitespace().next().expect("a status").to_owned();
        *methods.entry(method).or_insert(0_u64) += 1;
        *statuses.entry(status).or_insert(0_u64) += 1;
    }
    for workers in ["1", "3"] {
        let run = replay_file(&path, &["--verify", "--output", "json", "--workers", workers]);
        assert_eq!(run.code, Some(0), "{}", run.err);
        assert_eq!(by(&run.out, "http_requests_total", "method"), methods);
        assert_eq!(by(&run.out, "http_requests_total", "status"), statuses);
        assert_eq!(by(&run.out, "http_requests_total", "status").values().sum::<u64>(), 10_000);
    }
}

#[test]
fn real_har_files_are_counted_as_an_independent_count_has_them() {
    for name in ["browsertime_sitespeed.io.har", "firefox_www.nghttp2.org.har"] {
        let Some(path) = support::shared_data(name) else { continue };
        let har: Value = serde_json::from_slice(&std::fs::read(&path).expect("the HAR")).expect("JSON");
        let (mut methods, mut statuses) = (BTreeMap::new(), BTreeMap::new());
        for entry in har["log"]["entries"].as_array().expect("entries") {
            *methods
                .entry(entry["request"]["method"].as_str().expect("a method").to_owned())
                .or_insert(0_u64) += 1;
            *statuses.entry(entry["response"]["status"].to_string()).or_insert(0_u64) += 1;
        }
        let run = replay_file(&path, &["--verify", "--output", "json"]);
        assert_eq!(run.code, Some(0), "{name}: {}", run.err);
        assert_eq!(by(&run.out, "http_requests_total", "method"), methods, "{name}");
        assert_eq!(by(&run.out, "http_requests_total", "status"), statuses, "{name}");
    }
}

const LINE: &str = r#"{"time":"2026-01-01T00:00:00Z","path":"/blog/1","status":200}"#;

#[test]
fn bad_input_is_one_line_with_file_line_and_reason_and_no_totals() {
    let broken_middle = format!("{LINE}\n{LINE}\n{{\"time\":\"2026-01-01T00:00:01Z\",\"path\":7}}\n{LINE}\n");
    let cases: [(&str, &[u8], &str); 8] = [
        ("a broken line in the middle", broken_middle.as_bytes(), ":3: "),
        ("a truncated HAR", br#"{"log":{"version":"1.2","entries":[{"startedDateTime":"2026-01-01T00"#, ":1"),
        ("binary", &[0x7f, b'E', b'L', b'F', 0, 0xff, 0xfe, 1, 2, 3], ":1"),
        ("an empty file", b"", ""),
        (
            "a HAR without entries",
            br#"{"log":{"version":"1.2","entries":[]}}"#,
            "<stdin>: a HAR without entries",
        ),
        ("what is none of the formats", b"# notes\nsome prose\n", "no line of Envoy's JSON log"),
        ("a status that is none", br#"{"time":"2026-01-01T00:00:00Z","path":"/","status":42}"#, ":1"),
        (
            "an unknown key",
            br#"{"time":"2026-01-01T00:00:00Z","path":"/","status":200,"statsu":1}"#,
            "statsu",
        ),
    ];
    for (what, input, place) in cases {
        let run = replay_stdin(input, &[]);
        assert_eq!(run.code, Some(2), "{what}: {}{}", run.out, run.err);
        assert_eq!(run.err.trim_end().lines().count(), 1, "{what}: {}", run.err);
        assert!(run.err.contains(place), "{what}: {}", run.err);
        assert_eq!(run.out, "", "{what}");
        assert!(!run.err.contains("panicked"), "{what}: {}", run.err);
    }
}

#[test]
fn standard_input_is_read_once() {
    let once = "standard input: named twice with -, but it can be read only once\n";
    for arguments in [&["-"][..], &["--config", "-"]] {
        let run = replay_stdin(LINE.as_bytes(), arguments);
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(2), "", once), "{arguments:?}");
    }
}

#[test]
fn the_largest_sizes_that_are_read_are_counted_alike_by_both() {
    let exchange = |bytes: &str| {
        LINE.replace(
            "\"status\"",
            &format!("\"request_bytes\":{bytes},\"response_bytes\":{bytes},\"status\""),
        )
    };
    let largest = exchange("1000000000000000") + "\n";
    let run = replay_stdin(largest.repeat(20).as_bytes(), &["--verify", "--output", "json"]);
    assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
    let larger = replay_stdin(exchange("18446744073709551615").as_bytes(), &["--verify"]);
    assert_eq!(larger.code, Some(2), "{}", larger.out);
}

#[test]
fn with_skip_bad_the_rest_is_counted_and_the_number_skipped_is_said() {
    let input = format!("{LINE}\nnonsense\n{LINE}\n{{}}\n{LINE}\n");
    let run = replay_stdin(input.as_bytes(), &["--skip-bad", "--output", "json", "--format", "exchanges"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert_eq!(by(&run.out, "http_requests_total", "status"), [("200".to_owned(), 3)].into());
    let nothing = replay_stdin(b"nonsense\n", &["--skip-bad", "--format", "exchanges"]);
    assert_eq!(
        (nothing.code, nothing.out.as_str()),
        (Some(2), ""),
        "a file of which nothing is read is no result"
    );
    let table = replay_stdin(input.as_bytes(), &["--skip-bad", "--format", "exchanges"]);
    let said = format!("{}{}", table.out, table.err);
    assert!(said.contains("2 skipped"), "{said}");
}

#[test]
fn envoys_own_log_and_made_up_traffic_are_replayed_and_agree_with_the_independent_count() {
    let line = |start: u32, code: u16, tenant: &str| {
        format!(
            "{{\"start_time\":\"2026-01-01T00:00:{start:02}.000Z\",\"method\":\"GET\",\"path\":\"/blog/{start}\",\
             \"protocol\":\"HTTP/1.1\",\"response_code\":{code},\"response_flags\":\"-\",\"bytes_received\":0,\
             \"bytes_sent\":10,\"duration\":1500,\"x-tenant-id\":\"{tenant}\"}}\n"
        )
    };
    let log: String = [line(5, 200, "acme"), line(4, 503, "acme"), line(9, 200, "globex")].concat();
    for arguments in
        [&["--verify", "--output", "json"][..], &["--verify", "--output", "json", "--format", "envoy-json"]]
    {
        let run = replay_stdin(log.as_bytes(), arguments);
        assert_eq!(run.code, Some(0), "{}", run.err);
        let statuses = by(&run.out, "http_requests_total", "status");
        assert_eq!(statuses, [("200".to_owned(), 2), ("503".to_owned(), 1)].into());
        let tenants = by(&run.out, "tenant_requests_total", "tenant");
        assert_eq!(tenants, [("acme".to_owned(), 2), ("globex".to_owned(), 1)].into());
    }
    let scenario = "duration: 1h\nrate: 2\ntenants: {count: 9, zipf: 1, header: x-tenant-id, prefix: t}\n\
                    requests: [{path: '/blog/{id}', latency: {p50: 9ms, p99: 90ms}, status: {200: 9, 500: 1}}]\n";
    let run = replay_stdin(scenario.as_bytes(), &["--verify", "--output", "json", "--workers", "2"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert_eq!(by(&run.out, "tenant_requests_total", "tenant").len(), 9);
    let requests: u64 = by(&run.out, "http_requests_total", "endpoint").values().sum();
    assert!((6500..7900).contains(&requests), "{requests}");
    let bad = replay_stdin(scenario.replace("9ms", "nine").as_bytes(), &["--format", "scenario"]);
    assert_eq!(bad.code, Some(2), "{}", bad.err);
    assert!(bad.err.contains("<stdin>:") && bad.err.contains("is not a time such as"), "{}", bad.err);
}
