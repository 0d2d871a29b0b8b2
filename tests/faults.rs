//! VMs that die or stall under load, on a real Envoy: traffic recovers, counters go on, in-flight heals, and what is
//! lost is exactly what the dead VM had in its hands.

mod support;

use redline_cli::envoy::Launch;
use rustix::process::{Pid, Signal, kill_process};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use support::client::{Call, Version};
use support::gateway::{Listener, bootstrap};
use support::hanging::{self, Hanging, hang, hang_on_all};
use support::load::Load;
use support::metrics::Metrics;
use support::native::{self, Row};
use support::{World, eventually, raw};

const WORKERS: usize = 2;
const TRAPPED: &str = "fault: a request asked for a trap";
/// What Envoy's own log says of a stream that a dead VM refused, or left behind.
const REFUSED: &str = "wasm_fail_stream";

fn configuration(tick: &str) -> String {
    let configuration = serde_json::json!({
        "service": "shop", "tick": tick,
        "endpoints": {"templates": ["/api/v1/models", "/api/v1/models/{id}", hanging::ENDPOINT]},
        "tenant": {"sources": [{"header": "x-tenant-id"}]},
    });
    configuration.to_string()
}

/// Two listeners of one service: `ingress` for the load, `side` for what the test watches. A worker's VM serves both.
fn start(tick: &str) -> World {
    let configuration = configuration(tick);
    let listeners = ["ingress", "side"].map(|name| Listener {
        name,
        configuration: &configuration,
        client_values: true,
        quic: None,
    });
    let wasm = support::faulty_wasm().display().to_string();
    let world = World::launch(
        |upstream| quick_reload(&bootstrap(&listeners, &wasm, upstream)),
        |launch: Launch| launch.workers(WORKERS as u32),
    );
    world.expect("Envoy starts")
}

/// Where VMs die every moment, Envoy waits for a second and more before it makes the next; for the tests a tenth.
fn quick_reload(bootstrap: &str) -> String {
    let plain = r#""failure_policy":"FAIL_RELOAD""#;
    assert!(bootstrap.contains(plain), "{bootstrap}");
    let quick = format!(r#"{plain},"reload_config":{{"backoff":{{"base_interval":"0.1s"}}}}"#);
    bootstrap.replace(plain, &quick)
}

/// Answers without a body: Envoy ends such a stream in the callback in which it begins to answer.
fn calls() -> Vec<Call> {
    [("GET", "/api/v1/models"), ("POST", "/api/v1/models/7"), ("GET", "/x")]
        .into_iter()
        .enumerate()
        .map(|(i, (method, path))| {
            let mut call = Call::get(path).header("x-tenant-id", "acme").header("x-do", "status=200");
            call.method = method.to_owned();
            call.version = if i % 2 == 0 { Version::H1 } else { Version::H2 };
            call
        })
        .collect()
}

fn load(world: &World) -> Load {
    let load = Load::start(world, world.envoy.listener("ingress").expect("the listener"), 4, &calls());
    load.flows(100);
    load
}

/// These tests measure time: one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn said(world: &World, words: &str) -> usize {
    world.envoy.log().matches(words).count()
}

fn fault(world: &World, what: &str) -> usize {
    let request = format!(
        "GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-redline-fault: {what}\r\nx-do: status=200\r\n\r\n"
    );
    let (worker, mut stream) = hanging::send(world, "side", &request);
    raw::read_until(&mut stream, b"HTTP/1.1", 1);
    worker
}

/// Kills a worker's VM; which worker's. One that is dead already does not die again: it takes another request.
fn kill(world: &World) -> usize {
    let before = said(world, TRAPPED);
    eventually("a VM that traps", || {
        let worker = fault(world, "trap");
        (said(world, TRAPPED) > before).then_some(worker)
    })
}

fn in_flight(world: &World) -> u64 {
    hanging::gauge(world, "shop")
}

fn in_flight_becomes(world: &World, living: usize) {
    let what = format!("{living} requests in flight");
    eventually(&what, || (in_flight(world) == living as u64).then_some(()));
}

/// Everything that was counted equals what Envoy logged, but for the streams that VMs left behind: those that Envoy
/// itself refused or cut for that, and `left` hanging ones whose client went.
fn assert_counted(world: &World, left: usize) {
    let began = Instant::now();
    let (metrics, expected) = eventually("the last stream's end and the histograms' merge", || {
        let text = world.envoy.scrape().expect("Envoy answers");
        let mut rows = native::logged(&world.envoy, &text, "ingress");
        rows.extend(native::logged(&world.envoy, &text, "side"));
        rows.retain(|row| !row.details.contains(REFUSED));
        let mut left = left as u64;
        for row in
            rows.iter_mut().filter(|row| row.flags == "DC" && hanging::endpoint(row) == hanging::ENDPOINT)
        {
            let gone = left.min(row.streams);
            (row.streams, left) = (row.streams - gone, left - gone);
        }
        rows.retain(|row| row.streams > 0);
        let metrics = Metrics::parse(&text);
        let expected = native::expected("shop", &rows, hanging::endpoint, |_| false);
        let equal = metrics.total("http_requests_total") == expected.total("http_requests_total");
        // After a while the difference itself says more.
        // The last VM's other streams may have yet to be taken off.
        let healed = metrics.total("http_requests_in_progress") == 0;
        let done = (equal && left == 0 && healed || began.elapsed() > Duration::from_secs(10))
            && metrics.total("http_request_size_bytes_count") == metrics.total("http_requests_total");
        done.then_some((metrics, expected))
    });
    native::comparable(&metrics).assert_equals(&expected);
    let in_progress = metrics.only(|name| name == "http_requests_in_progress");
    assert!(in_progress.0.values().all(|value| *value == 0), "{in_progress:?}");
}

/// No counter is below what it was.
fn assert_goes_on(before: &Metrics, now: &Metrics) {
    for (series, value) in &before.only(|name| name.ends_with("_total")).0 {
        assert!(now.0.get(series) >= Some(value), "{series} was {value}, is {:?}", now.0.get(series));
    }
}

#[test]
fn a_vm_that_dies_under_load_takes_its_own_streams_and_nothing_else() {
    const TICK: Duration = Duration::from_secs(1);
    let _alone = alone();
    let world = start("1s");
    let load = load(&world);
    let mut open = hang_on_all(&world, "side", WORKERS);
    in_flight_becomes(&world, open.len());
    // Silence counts from the leader's first tick on.
    eventually("a leader", || (published(&world) > 0).then_some(()));
    let before = world.scrape();

    let dead = kill(&world);
    let died = Instant::now();
    let (gone, alive): (Vec<Hanging>, Vec<Hanging>) = open.drain(..).partition(|h| h.worker == dead);
    in_flight_becomes(&world, alive.len());
    let healed = died.elapsed();
    println!("{} of {} streams left behind, healed in {healed:?}", gone.len(), gone.len() + alive.len());
    // Three ticks of silence and the leader's next one; and a tick for a machine that is busy.
    assert!(healed < TICK * 5, "healing took {healed:?}");
    load.flows(1000);
    assert_goes_on(&before, &world.scrape());

    let tally = load.stop(&world);
    println!("{tally:?}");
    in_flight_becomes(&world, alive.len());
    let left = gone.len();
    drop((gone, alive));
    in_flight_becomes(&world, 0);
    assert_counted(&world, left);
}

#[test]
fn fifty_dead_vms_in_a_row_change_nothing_but_their_own_streams() {
    let _alone = alone();
    let world = start("100ms");
    let load = load(&world);
    let (mut open, mut left, mut slowest): (Vec<Hanging>, usize, Duration) = (Vec::new(), 0, Duration::ZERO);
    let mut before = world.scrape();
    for _ in 0..50 {
        // A VM that is not back yet refuses them.
        while open.len() < 3 {
            let expected = open.len() + 1;
            let new = hang(&world, "side", "hang");
            if eventually("the request in flight, or refused", || settled(&world, &new, expected)) {
                open.push(new);
            }
        }
        let dead = kill(&world);
        let died = Instant::now();
        left += hanging::on(&open, dead);
        open.retain(|h| h.worker != dead);
        in_flight_becomes(&world, open.len());
        slowest = slowest.max(died.elapsed());
        let now = world.scrape();
        assert_goes_on(&before, &now);
        before = now;
    }
    load.flows(1000);
    println!("{:?}; {left} hanging streams left behind, healed within {slowest:?}", load.stop(&world));
    in_flight_becomes(&world, open.len());
    drop(open);
    in_flight_becomes(&world, 0);
    assert_counted(&world, left);
}

/// Whether a request hangs, `Some(false)` where it was refused at once; `None` while neither shows.
fn settled(world: &World, new: &Hanging, expected: usize) -> Option<bool> {
    new.stream.set_nonblocking(true).expect("a socket");
    if new.stream.peek(&mut [0]).is_ok() {
        return Some(false);
    }
    (in_flight(world) == expected as u64).then_some(true)
}

#[test]
fn whoever_leads_may_die_the_main_thread_too_and_another_takes_over_within_three_ticks() {
    const TICK: Duration = Duration::from_millis(500);
    let _alone = alone();
    let world = start("500ms");
    let mut open = hang_on_all(&world, "side", WORKERS);
    in_flight_becomes(&world, open.len());
    // Every worker's VM has streams: a leader without is the main thread's. After it, a worker's.
    let mut leaders: Vec<Last> = Vec::new();
    while leaders.last().is_none_or(|last| last.streams == 0) || leaders.iter().all(|last| last.streams > 0) {
        assert!(leaders.len() < 20, "the main thread's VM never leads: {leaders:?}");
        fault(&world, "kill-leader");
        leaders.push(eventually("the leader's last words", || {
            last_words(&world).into_iter().nth(leaders.len())
        }));
    }
    println!("{leaders:?}");
    // Only a stream wakes a VM, and the main thread has none.
    assert_eq!(leaders.iter().filter(|last| last.streams == 0).count(), 1, "{leaders:?}");
    for pair in leaders.windows(2) {
        // The next one died at the first tick at which it led: three ticks later at most, and one for a busy machine.
        let took = pair[1].at.saturating_sub(pair[0].at);
        assert!(took < TICK * 4, "the lease was taken over after {took:?}");
    }
    let (total, died) = (open.len() as u64, published(&world));
    eventually("six ticks of the next leader", || (published(&world) > died + 3).then_some(()));
    let healed = in_flight(&world);
    assert!(healed < total, "a worker's VM died, and {healed} of {total} streams are in flight");
    world.upstream.release();
    let answers = open.iter_mut().map(|h| raw::read_until(&mut h.stream, b"HTTP/1.1 ", 1));
    let alive = answers.filter(|answer| answer.starts_with(b"HTTP/1.1 200")).count();
    assert_eq!(healed, alive as u64);
    drop(open);
    let load = load(&world);
    load.flows(500);
    load.stop(&world);
    assert_counted(&world, 0);
}

/// What a leader said before it died.
#[derive(Debug)]
struct Last {
    /// Time of day.
    at: Duration,
    streams: u64,
}

fn last_words(world: &World) -> Vec<Last> {
    let log = world.envoy.log();
    let lines = log.lines().filter(|line| line.contains("fault: the leader traps after"));
    lines
        .map(|line| {
            // "[2026-11-22 19:50:37.471]…"
            let time = line.split([' ', ']']).nth(1).expect("a time");
            let part = |i: usize| {
                time.split([':', '.']).nth(i).and_then(|p| p.parse::<u64>().ok()).expect("a number")
            };
            let seconds = (part(0) * 60 + part(1)) * 60 + part(2);
            let streams =
                line.split("after ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a number");
            Last {
                at: Duration::from_millis(seconds * 1000 + part(3)),
                streams: streams.parse().expect("a number"),
            }
        })
        .collect()
}

#[test]
fn a_response_that_was_on_its_way_when_its_vm_died_comes_through_uncounted() {
    let _alone = alone();
    let world = start("100ms");
    let mut open: Vec<Hanging> = Vec::new();
    while (0..WORKERS).any(|worker| hanging::on(&open, worker) == 0) {
        let mut new = hang(&world, "side", "stall size=1000");
        raw::read_until(&mut new.stream, b"xxxx", 1);
        open.push(new);
    }
    in_flight_becomes(&world, open.len());
    let dead = kill(&world);
    let alive = open.len() - hanging::on(&open, dead);
    in_flight_becomes(&world, alive);
    world.upstream.release();
    for hanging in &mut open {
        raw::read_until(&mut hanging.stream, b"x", 1000 - 500);
    }
    let details: Vec<String> = eventually("the last stream's end", || {
        let rows = native::logged(&world.envoy, &world.envoy.scrape().expect("Envoy answers"), "side");
        let rows: Vec<Row> =
            rows.into_iter().filter(|row| hanging::endpoint(row) == hanging::ENDPOINT).collect();
        let streams: u64 = rows.iter().map(|row| row.streams).sum();
        (streams == open.len() as u64).then(|| {
            rows.iter().map(|row| format!("{} {} {}", row.streams, row.status, row.details)).collect()
        })
    });
    println!("{details:?}");
    let labels = [("service", "shop"), ("method", "GET"), ("endpoint", hanging::ENDPOINT), ("status", "200")];
    eventually("those of the living VM", || {
        (world.scrape().get("http_requests_total", &labels) == alive as u64).then_some(())
    });
    in_flight_becomes(&world, 0);
}

#[test]
fn a_worker_that_stalls_and_a_process_that_stands_still_lose_nothing() {
    let _alone = alone();
    let world = start("100ms");
    let open = hang_on_all(&world, "side", WORKERS);
    in_flight_becomes(&world, open.len());
    let living = |worker: usize| open.len() - hanging::on(&open, worker);
    // Its VM does nothing for a second: the others take it for dead, and learn better.
    let request = "GET /x HTTP/1.1\r\nhost: a\r\nx-redline-fault: stall=1500\r\nx-do: status=200\r\n\r\n";
    let (stalled, mut stream) = hanging::send(&world, "side", request);
    in_flight_becomes(&world, living(stalled));
    raw::read_until(&mut stream, b"HTTP/1.1 200", 1);
    in_flight_becomes(&world, open.len());

    let envoy = Pid::from_raw(i32::try_from(world.envoy.pid()).expect("a process id")).expect("one");
    kill_process(envoy, Signal::STOP).expect("it is ours");
    let began = Instant::now();
    eventually("ten ticks", || (began.elapsed() > Duration::from_secs(1)).then_some(()));
    kill_process(envoy, Signal::CONT).expect("it is ours");
    let before = published(&world);
    eventually("a leader", || {
        assert_eq!(in_flight(&world), open.len() as u64, "nobody was dead");
        (published(&world) >= before + 2).then_some(())
    });
    drop((open, stream));
    in_flight_becomes(&world, 0);
    assert_counted(&world, 0);
}

fn published(world: &World) -> u64 {
    world.scrape().get("redline_last_publish_timestamp_seconds", &[("service", "shop")])
}
