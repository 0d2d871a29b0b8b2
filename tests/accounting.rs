//! Every stream once, as Envoy itself counts it: the filter against Envoy's own stats access logger, on messy traffic.

mod support;

use std::net::SocketAddr;
use support::client::{Body, Call, Client, Version, send_all};
use support::gateway::{Listener, bootstrap, route};
use support::metrics::Metrics;
use support::native::{self, Row, comparable};
use support::{World, eventually, raw};

const CONFIGURATION: &str = r#"{"service": "shop",
    "endpoints": {"templates": ["/api/v1/models", "/api/v1/models/{id}", "/retry", "/hello.Greeter/{method}"],
                  "exclude": ["/healthz", {"header": "x-health-check"}]},
    "tenant": {"sources": [{"header": "x-tenant-id"}]},
    "buckets": {"size": [10, 100, 1000, 10000, 100000]}}"#;

/// Each messy kind of stream so many times.
const EACH: usize = 20;

fn endpoint(row: &Row) -> &'static str {
    match row.path.as_str() {
        // The path that Envoy logs is the new one; the stream that ended was for the old.
        _ if row.details == "internal_redirect" => "_other",
        "/api/v1/models" => "/api/v1/models",
        "/retry" => "/retry",
        p if p.starts_with("/api/v1/models/") => "/api/v1/models/{id}",
        p if p.starts_with("/hello.Greeter/") => "/hello.Greeter/{method}",
        _ => "_other",
    }
}

/// Answered before our filter's turn: by the filter in front of it, or by Envoy's connection manager.
fn refused(row: &Row) -> bool {
    row.details.starts_with("rbac_access_denied") || row.method.is_empty()
}

fn start(workers: u32, listeners: &[Listener<'_>]) -> World {
    let world = World::with_bootstrap(workers, |upstream| {
        bootstrap(listeners, &support::wasm().display().to_string(), upstream)
    });
    world.expect("Envoy starts")
}

fn ingress() -> Listener<'static> {
    Listener { name: "ingress", configuration: CONFIGURATION, client_values: true, quic: None }
}

fn call(version: Version, method: &str, path: &str, script: &str) -> Call {
    let mut call = Call::get(path).header("x-tenant-id", "acme");
    call.version = version;
    call.method = method.to_owned();
    if script.is_empty() { call } else { call.header("x-do", script) }
}

/// Well-behaved requests whose answers come from everywhere.
fn polite(count: usize) -> Vec<Call> {
    let kinds: [(&str, &str, &str, Body); 20] = [
        ("GET", "/api/v1/models", "size=53", Body::None),
        ("GET", "/api/v1/models/7", "size=6300 chunked", Body::None),
        ("POST", "/api/v1/models", "status=201 size=7", Body::Sized(420)),
        ("POST", "/api/v1/models", "status=201", Body::Chunked(6300)),
        ("PUT", "/api/v1/models/7", "status=204", Body::Sized(53)),
        ("HEAD", "/api/v1/models/7", "size=6300", Body::None),
        ("DELETE", "/api/v1/models/7", "status=404 size=7", Body::None),
        ("GET", "/x", "status=304", Body::None),
        ("GET", "/x", "status=401", Body::None),
        ("GET", "/x", "status=403", Body::None),
        ("GET", "/x", "status=429", Body::None),
        ("GET", "/x", "status=500 size=53", Body::None),
        ("GET", route::NO_HEALTHY_UPSTREAM, "", Body::None),
        ("GET", route::NO_ROUTE, "", Body::None),
        ("POST", route::DIRECT, "", Body::Sized(53)),
        ("GET", route::DENIED, "", Body::None),
        ("GET", route::LIMITED, "", Body::None),
        ("GET", "/x", "reset", Body::None),
        ("GET", "/x", "cut size=6300", Body::None),
        ("POST", "/x", "early status=413", Body::Sized(64_000)),
    ];
    (0..count)
        .map(|i| {
            let (method, path, script, body) = kinds[i % kinds.len()];
            let version = if i % 3 == 0 { Version::H2 } else { Version::H1 };
            let mut call = call(version, method, path, script);
            call.body = body;
            // What ends in a reset may take its connection with it.
            call.alone = i % 7 == 0 || script.starts_with("reset") || script.starts_with("cut");
            call
        })
        .collect()
}

/// Every stream that ends in its own way; how many streams there were.
fn messy(world: &World, address: SocketAddr) -> u64 {
    let mut streams = 0;
    let mut run = |calls: Vec<Call>, per_call: u64| {
        streams += calls.len() as u64 * per_call;
        world.runtime.block_on(async {
            let tasks: Vec<_> = calls
                .into_iter()
                .map(|call| tokio::spawn(async move { Client::new(address).call(&call).await.map(|_| ()) }))
                .collect();
            for task in tasks {
                // Some end in an error: that is what they are for.
                let _ended = task.await.expect("no panic");
            }
        });
    };
    for version in [Version::H1, Version::H2] {
        let each = |method: &str, path: &str, script: &str| vec![call(version, method, path, script); EACH];
        run(each("GET", route::TIMEOUT, "hang"), 1);
        run(each("GET", route::IDLE, "hang"), 1);
        run(each("GET", route::IDLE, "stall size=6300"), 1);
        run(each("GET", route::RETRY, "status=503"), 1);
        run(each("GET", route::RETRY, "reset"), 1);
        // Envoy ends the first stream and makes a second of it: both are logged, and both are counted.
        run(each("GET", route::REDIRECT, "status=302 header=location:http://test.example/api/v1/models"), 2);
        let upload =
            each("POST", "/x", "status=500").into_iter().map(|c| Call { body: Body::Sized(6300), ..c });
        run(upload.collect(), 1);
    }
    for (script, body) in [
        ("trailer=grpc-status:0 size=53", Body::Sized(53)),
        ("trailer=grpc-status:13 size=7", Body::Chunked(420)),
        ("header=grpc-status:5", Body::Sized(7)),
        ("trailer=grpc-status:99", Body::Sized(7)),
        ("size=7", Body::Sized(7)),
        ("status=503", Body::Sized(7)),
        ("cut size=420", Body::Sized(7)),
    ] {
        let mut rpc = call(Version::H2, "POST", "/hello.Greeter/Say", script)
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        rpc.body = body;
        run(vec![rpc; EACH], 1);
    }
    let refused = call(Version::H2, "POST", route::DENIED, "").header("content-type", "application/grpc");
    run(vec![refused; EACH], 1);
    let health = call(Version::H1, "GET", "/healthz", "");
    run(vec![health; EACH], 1);
    run(vec![Call::get("/api/v1/models").header("x-health-check", "1"); EACH], 1);
    run(vec![call(Version::H2, "FROB", "/x", ""); EACH], 1);
    streams + aborted(world, address) + odd(address)
}

/// Clients that leave: before the answer, in its middle, in the middle of their own upload.
fn aborted(world: &World, address: SocketAddr) -> u64 {
    let request = |method: &str, script: &str, more: &str| {
        format!(
            "{method} /api/v1/models/9 HTTP/1.1\r\nhost: a\r\nx-tenant-id: acme\r\nx-do: {script}\r\n{more}\r\n"
        )
    };
    let reached = |before: u64| {
        eventually("the request at the upstream", || (world.upstream.requests() > before).then_some(()));
    };
    for _ in 0..EACH {
        let before = world.upstream.requests();
        let mut stream = raw::connect(address);
        raw::send(&mut stream, request("GET", "hang", "").as_bytes());
        reached(before);
        drop(stream);

        let mut stream = raw::connect(address);
        raw::send(&mut stream, request("GET", "stall size=6300", "").as_bytes());
        raw::read_until(&mut stream, b"xxxxxxxx", 1);
        drop(stream);

        let (before, bytes) = (world.upstream.requests(), world.upstream.body_bytes());
        let mut stream = raw::connect(address);
        raw::send(&mut stream, request("POST", "status=200", "content-length: 1000000\r\n").as_bytes());
        raw::send(&mut stream, &[b'x'; 5000]);
        reached(before);
        eventually("the upload's first part", || (world.upstream.body_bytes() >= bytes + 5000).then_some(()));
        drop(stream);
    }
    // HTTP/2: the stream is reset, the connection stays.
    world.runtime.block_on(async {
        let mut client = Client::new(address);
        for _ in 0..EACH {
            let before = world.upstream.requests();
            let hang = call(Version::H2, "GET", "/api/v1/models/9", "hang");
            let left = client.call_and_leave(&hang, || world.upstream.requests() > before);
            left.await;
        }
    });
    4 * EACH as u64
}

/// What no well-behaved client sends; streams of which Envoy knows little.
fn odd(address: SocketAddr) -> u64 {
    let long = format!("GET /x HTTP/1.1\r\nhost: a\r\nx-long: {}\r\n\r\n", "x".repeat(100_000));
    let pipelined = "GET /api/v1/models HTTP/1.1\r\nhost: a\r\nx-do: size=7\r\n\r\n".repeat(2)
        + "GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-do: size=7\r\n\r\n";
    let kinds: [(&[u8], u64); 12] = [
        (b"GET /x HTTP/1.0\r\n\r\n", 1),
        (b"GET /x HTTP/1.0\r\nhost: a\r\nx-tenant-id: acme\r\nx-do: size=53\r\n\r\n", 1),
        (b"FROB /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", 1),
        (b"GET /x HTTP/1.1\r\nconnection: close\r\n\r\n", 1),
        (b"QUERY /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", 1),
        (b"GET /x HTTP/1.1\r\nhost: a\r\nx-tenant-id: \xff\xfe\x80\r\nconnection: close\r\n\r\n", 1),
        (b"GET /\xff\xfe HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", 1),
        (b"OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", 1),
        (b"POST /x HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 7\r\nconnection: close\r\n\r\n1234567", 1),
        (
            b"GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
              sec-websocket-version: 13\r\nsec-websocket-key: dGVzdA==\r\nx-do: upgrade\r\n\r\n",
            1,
        ),
        (long.as_bytes(), 1),
        (pipelined.as_bytes(), 3),
    ];
    // Envoy waits a second before it closes on a client that it refused.
    std::thread::scope(|scope| {
        for (bytes, _) in kinds {
            for _ in 0..EACH {
                scope.spawn(move || raw::exchange(address, bytes));
            }
        }
    });
    kinds.iter().map(|(_, streams)| streams * EACH as u64).sum()
}

/// Waits until Envoy has logged every stream; its rows, and what the filter says.
fn settled(world: &World, name: &str, streams: u64) -> (Vec<Row>, Metrics, String) {
    eventually("the last stream's end and the histograms' merge", || {
        let text = world.envoy.scrape().expect("Envoy answers");
        let (rows, metrics) = (native::logged(&world.envoy, &text, name), Metrics::parse(&text));
        let logged: u64 = rows.iter().map(|row| row.streams).sum();
        assert!(logged <= streams, "{logged} streams were logged, {streams} were sent: {rows:#?}");
        let counted = metrics.total("http_requests_total");
        let merged = metrics.total("http_request_size_bytes_count") == counted;
        (logged == streams && merged).then_some((rows, metrics, text))
    })
}

fn excluded(row: &Row) -> bool {
    row.path == "/healthz" || row.health_check
}

fn sum_of(scrape: &str, name: &str) -> f64 {
    let sum = format!("{name}_sum");
    let scrape = redline_cli::scrape::Scrape::parse(scrape).expect("Envoy's own scrape");
    scrape.samples.iter().filter(|s| s.name == sum).map(|s| s.value).sum()
}

/// Sends the whole mix with so many workers, and compares.
fn count_the_mix(workers: u32, polite_requests: usize) {
    let world = start(workers, &[ingress()]);
    let address = world.envoy.listener("ingress").expect("the listener");
    let polite = polite(polite_requests);
    world.runtime.block_on(send_all_lossy(address, 8, &polite));
    let streams = polite.len() as u64 + messy(&world, address);
    let (rows, metrics, text) = settled(&world, "ingress", streams);

    let (out, counted): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(excluded);
    assert_eq!(out.iter().map(|row| row.streams).sum::<u64>(), 2 * EACH as u64, "{out:#?}");
    comparable(&metrics).assert_equals(&native::expected("shop", &counted, endpoint, refused));

    // Two retries each, of those that ended in a response; Envoy sends no attempt count without one.
    let retries = metrics.get("http_retries_total", &[("service", "shop"), ("endpoint", "/retry")]);
    assert_eq!(retries, 2 * 2 * 2 * EACH as u64);

    assert_nothing_in_progress(&metrics);

    let received: u64 = counted.iter().map(|row| row.bytes_received).sum();
    let sent: u64 = counted.iter().map(|row| row.bytes_sent).sum();
    for (name, bytes) in [("http_request_size_bytes", received), ("http_response_size_bytes", sent)] {
        let sum = sum_of(&text, name);
        assert!((sum / bytes as f64 - 1.0).abs() < 0.05, "{name}: {sum} of {bytes}");
    }
    assert_no_wasm_failure(&world);
}

fn assert_nothing_in_progress(metrics: &Metrics) {
    let in_progress = metrics.only(|name| name == "http_requests_in_progress");
    assert!(!in_progress.0.is_empty());
    assert!(in_progress.0.values().all(|value| *value == 0), "{in_progress:?}");
}

fn assert_no_wasm_failure(world: &World) {
    let log = world.envoy.log();
    assert!(!log.contains("proxy_on") && !log.contains("Wasm"), "{log}");
}

#[test]
fn every_stream_is_counted_once_as_envoys_own_logger_counts_it() {
    count_the_mix(2, 20_000);
}

#[test]
fn the_mix_is_counted_by_one_worker_and_by_eight() {
    count_the_mix(1, 1000);
    count_the_mix(8, 1000);
}

#[test]
fn one_worker_and_eight_count_the_same() {
    // What is cut off races with its own end, and how a limit's tokens fall is up to the workers.
    let races = |call: &Call| {
        let script = call.headers.iter().find(|(name, _)| name == "x-do").map_or("", |(_, script)| script);
        ["early", "cut", "reset"].iter().any(|word| script.contains(word)) || call.path == route::LIMITED
    };
    let mut calls = polite(2000);
    calls.retain(|call| !races(call));
    let [one, eight] = [1, 8].map(|workers| {
        let world = start(workers, &[ingress()]);
        let address = world.envoy.listener("ingress").expect("the listener");
        world.runtime.block_on(send_all(address, 8, &calls));
        let (_, metrics, _) = settled(&world, "ingress", calls.len() as u64);
        comparable(&metrics)
    });
    eight.assert_equals(&one);
}

#[test]
fn every_http3_stream_is_counted_though_envoy_never_logs_it_to_a_filter() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (certificate, key) = (file("cert.pem"), file("key.pem"));
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(&certificate, issued.cert.pem()).expect("a file");
    std::fs::write(&key, issued.signing_key.serialize_pem()).expect("a file");
    let quic = Listener {
        name: "quic",
        configuration: CONFIGURATION,
        client_values: true,
        quic: Some((&certificate, &key)),
    };
    let world = start(2, &[quic]);
    let port = world.envoy.port("quic").expect("the listener");
    let client = std::process::Command::new(support::root().join(".tools/bin/python-http3"))
        .arg(support::root().join("tests/support/http3_client.py"))
        .args([port.to_string(), EACH.to_string()])
        .output()
        .expect("the HTTP/3 client that `make setup` installs");
    assert!(client.status.success(), "{}", String::from_utf8_lossy(&client.stderr));
    let streams: u64 = String::from_utf8_lossy(&client.stdout).trim().parse().expect("the number of streams");
    // A stream that another filter answers before our turn is the one kind that no callback tells of on HTTP/3.
    let unseen = EACH as u64;
    let (rows, metrics, _) = settled(&world, "quic", streams);
    let (lost, seen): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(refused);
    assert_eq!(lost.iter().map(|row| row.streams).sum::<u64>(), unseen, "{lost:#?}");
    comparable(&metrics).assert_equals(&native::expected("shop", &seen, endpoint, refused));
    assert_nothing_in_progress(&metrics);
    assert_no_wasm_failure(&world);
}

#[test]
fn two_services_do_not_mix_and_one_on_two_listeners_is_one() {
    let other = CONFIGURATION.replace("\"shop\"", "\"bakery\"");
    let second = Listener { name: "second", configuration: CONFIGURATION, client_values: true, quic: None };
    let third = Listener { name: "third", configuration: &other, client_values: true, quic: None };
    let world = start(2, &[ingress(), second, third]);
    let calls = vec![call(Version::H1, "GET", "/api/v1/models/7", "size=7"); 100];
    for (name, count) in [("ingress", 100), ("second", 70), ("third", 40)] {
        let address = world.envoy.listener(name).expect("the listener");
        world.runtime.block_on(send_all(address, 4, &calls[..count]));
    }
    let metrics = eventually("the last stream's end", || {
        let metrics = world.scrape();
        (metrics.total("http_requests_total") == 210).then_some(metrics)
    });
    let count = |service: &str| {
        let labels =
            [("service", service), ("method", "GET"), ("endpoint", "/api/v1/models/{id}"), ("status", "200")];
        metrics.get("http_requests_total", &labels)
    };
    assert_eq!((count("shop"), count("bakery")), (170, 40));
    let bytes = |service: &str| {
        metrics.get("tenant_response_bytes_total", &[("service", service), ("tenant", "acme")])
    };
    assert_eq!((bytes("shop"), bytes("bakery")), (170 * 7, 40 * 7));
}

/// [`send_all`] for calls of which some are cut off.
async fn send_all_lossy(address: SocketAddr, lanes: usize, calls: &[Call]) {
    let (whole, lossy): (Vec<Call>, Vec<Call>) = calls
        .iter()
        .cloned()
        .partition(|call| !call.headers.iter().any(|(_, value)| value.contains("early")));
    send_all(address, lanes, &whole).await;
    let tasks: Vec<_> = (0..lanes)
        .map(|lane| {
            let share: Vec<Call> = lossy.iter().skip(lane).step_by(lanes).cloned().collect();
            tokio::spawn(async move {
                for call in share {
                    let _answered_or_cut = Client::new(address).call(&call).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
}
