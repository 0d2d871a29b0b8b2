use super::super::*;
use std::collections::BTreeMap;

const SCENARIO: &str = r#"
duration: 2h
seed: 3
rate: [{at: 0s, per_second: 10}, {at: 30m, per_second: 30}]
repeat: 1h
tenants: {count: 20, zipf: 1.2, header: x-tenant-id, prefix: t-}
users: {count: 1000, zipf: 0.5, header: x-user-id, prefix: u-}
requests:
  - path: "/models/{id}"
    ids: 50
    weight: 3
    status: {200: 9, 404: 1}
    latency: {p50: 10ms, p99: 100ms}
    response_bytes: {min: 100, max: 200}
    response_headers: {server: x}
  - {path: /models, method: POST, request_bytes: {mean: 1000}, latency: 1s}
episodes:
  - {from: 1h, to: 1h6m, path: /models, errors: {share: 0.5, status: 0, flags: UH}}
  - {from: 1h30m, to: 1h36m, tenant: t-1, latency: 100, rate: 2}
"#;

fn records(text: &str) -> Vec<Record> {
    read("s.yaml", text.as_bytes(), Format::Auto).collect::<Result<_, _>>().unwrap()
}

fn minute(record: &Record) -> u64 {
    (record.time_ns - 1_767_225_600_000_000_000) / 60_000_000_000
}

/// Whether a share is what it should be, with as many draws.
fn near(share: f64, expected: f64, draws: usize) -> bool {
    (share - expected).abs() < 5.0 * (expected * (1.0 - expected) / draws as f64).sqrt() + 1e-9
}

#[test]
fn the_same_seed_gives_the_same_traffic_in_the_order_of_time() {
    let all = records(SCENARIO);
    assert_eq!(all, records(SCENARIO));
    assert_ne!(all, records(&SCENARIO.replace("seed: 3", "seed: 4")));
    assert!(all.windows(2).all(|pair| pair[0].time_ns <= pair[1].time_ns));
    // An hour: 30 minutes from 10 to 30 a second, 30 at 30; twice, and 6 minutes twice as much.
    let expected: f64 = 2.0 * (1800.0 * 20.0 + 1800.0 * 30.0) + 360.0 * 30.0;
    assert!((all.len() as f64 - expected).abs() < 5.0 * expected.sqrt(), "{} of {expected}", all.len());
}

#[test]
fn rates_change_over_time_and_begin_again() {
    let all = records(SCENARIO);
    let count = |from: u64, to: u64| all.iter().filter(|r| (from..to).contains(&minute(r))).count() as f64;
    for (from, to, per_second) in
        [(0, 3, 11.0), (27, 30, 29.0), (45, 50, 30.0), (60, 63, 11.0), (90, 96, 60.0)]
    {
        let expected = per_second * 60.0 * (to - from) as f64;
        let seen = count(from, to);
        assert!((seen - expected).abs() < 5.0 * expected.sqrt(), "{from}: {seen} of {expected}");
    }
}

#[test]
fn requests_have_their_shares_statuses_and_spreads() {
    let all = records(SCENARIO);
    let (reads, writes): (Vec<&Record>, Vec<&Record>) =
        all.iter().partition(|r| r.method.as_deref() == Some(b"GET"));
    assert!(near(reads.len() as f64 / all.len() as f64, 0.75, all.len()));
    let missing = reads.iter().filter(|r| r.status == Some(404)).count();
    assert!(near(missing as f64 / reads.len() as f64, 0.1, reads.len()), "{missing} of {}", reads.len());
    assert!(reads.iter().all(|r| (100..=200).contains(&r.response_bytes) && r.request_bytes == 0));
    assert!(reads.iter().all(|r| r.response_headers == [(b"server".to_vec(), b"x".to_vec())]));
    let calm: Vec<f64> =
        reads.iter().filter(|r| minute(r) < 90).map(|r| r.duration_ns.unwrap() as f64 / 1e6).collect();
    let below = |ms: f64| calm.iter().filter(|lasted| **lasted <= ms).count() as f64 / calm.len() as f64;
    assert!(near(below(10.0), 0.5, calm.len()) && near(below(100.0), 0.99, calm.len()));
    assert!(writes.iter().all(|r| r.path.as_deref() == Some(b"/models")));
    let ids: std::collections::BTreeSet<_> = reads.iter().map(|r| r.path.clone()).collect();
    assert!(ids.len() == 50 && ids.contains(&Some(b"/models/50".to_vec())));
}

#[test]
fn tenants_follow_zipfs_law() {
    let all = records(SCENARIO);
    let mut counts: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for record in &all {
        let (_, tenant) = record.request_headers.iter().find(|(name, _)| name == b"x-tenant-id").unwrap();
        *counts.entry(tenant.clone()).or_default() += 1;
    }
    assert_eq!(counts.len(), 20);
    let sum: f64 = (1..=20).map(|rank| f64::from(rank).powf(-1.2)).sum();
    for rank in [1, 2, 10] {
        let expected = f64::from(rank).powf(-1.2) / sum;
        let share = counts[format!("t-{rank}").as_bytes()] as f64 / all.len() as f64;
        assert!(near(share, expected, all.len()), "{rank}: {share} of {expected}");
    }
}

#[test]
fn episodes_hit_whom_they_name() {
    let all = records(SCENARIO);
    let failed: Vec<&Record> = all.iter().filter(|r| r.status.is_none()).collect();
    assert!(failed.iter().all(|r| (60..66).contains(&minute(r)) && r.path.as_deref() == Some(b"/models")));
    assert!(failed.iter().all(|r| r.flags == ResponseFlags::parse("UH").unwrap() && r.response_bytes == 0));
    let during =
        all.iter().filter(|r| (60..66).contains(&minute(r)) && r.path.as_deref() == Some(b"/models")).count();
    assert!(near(failed.len() as f64 / during as f64, 0.5, during));
    let slow: Vec<&Record> = all.iter().filter(|r| r.duration_ns == Some(100_000_000_000)).collect();
    assert!(!slow.is_empty());
    assert!(slow.iter().all(|r| (90..96).contains(&minute(r)) && r.request_headers[0].1 == b"t-1"));
}

#[test]
fn a_scenario_that_cannot_be_is_refused_with_its_line() {
    let base = "duration: 1h\nrate: 5\nrequests: [{path: /}]\n";
    assert!(!records(base).is_empty());
    let table = [
        (base.replace("1h", "soon"), "is not a time such as"),
        (base.replace("1h", "0s"), "duration: 0 is not between"),
        (base.replace("rate: 5", "rate: -5"), "is not between"),
        (base.replace("rate: 5", "rate: []"), "rate: there is no point"),
        (base.replace("{path: /}", ""), "requests"),
        (base.replace("path: /", "path: x"), "a path begins with /"),
        (base.replace("path: /", "path: '/{a'"), "a { is not closed"),
        (base.replace("path: /", "path: /, status: {99: 1}"), "status 99"),
        (base.replace("path: /", "path: /, weight: 0"), "none has a weight above 0"),
        (base.replace("path: /", "path: /, latency: {p50: 2s, p99: 1s}"), "latency: expected a value"),
        (base.replace("path: /", "path: /, method: 'G T'"), "is not an HTTP method"),
        (base.to_owned() + "nope: 1\n", "nope"),
        (base.to_owned() + "tenants: {count: 0, header: x}\n", "tenants: count: 0"),
        (base.to_owned() + "tenants: {count: 1, header: 'x y'}\n", "is not a header name"),
        (base.to_owned() + "episodes: [{from: 2m, to: 1m}]\n", "`to` is not after `from`"),
        (base.to_owned() + "episodes: [{from: 1m, to: 2m, errors: {share: 2, status: 500}}]\n", "share: 2"),
        (base.to_owned() + "start: tomorrow\n", "start: \"tomorrow\" is not an RFC 3339 time"),
    ];
    for (text, reason) in table {
        let all: Vec<_> = read("s.yaml", text.as_bytes(), Format::Scenario).collect();
        let [Err(bad)] = all.as_slice() else { panic!("{text}: {} records", all.len()) };
        assert!(bad.reason.contains(reason), "{text}: {bad}");
    }
    let bad =
        read("s.yaml", (base.to_owned() + "nope: 1\n").as_bytes(), Format::Auto).next().unwrap().unwrap_err();
    assert_eq!((bad.file.as_str(), bad.line), ("s.yaml", 4), "{bad}");
}
