use super::*;
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
fn a_scenario_that_cannot_be_is_refused_with_the_line_and_the_path() {
    let base = "duration: 1h\nrate: 5\nrequests:\n- path: /a\n- path: /\n  method: GET\n";
    assert!(!records(base).is_empty());
    let with = |more: &str| format!("{base}{more}\n");
    let request = |more: &str| format!("{base}  {more}\n");
    let rate = |rate: &str| base.replace("rate: 5", &format!("rate: {rate}"));
    let people = "tenants: {count: 3, header: X-T, prefix: t}";
    let episode =
        |more: &str| format!("{base}{people}\nepisodes:\n- {{from: 1m, to: 2m, latency: 2}}\n- {more}\n");
    let table = [
        (base.replace("1h", "soon"), 1, "is not a time such as"),
        (base.replace("1h", "0s"), 1, "duration: 0 is not between"),
        (base.replace("1h", "-1h"), 1, "is not a time such as"),
        (
            base.replace("duration: 1h", "start: 2262-04-11T00:00:00Z\nduration: 2d"),
            2,
            "duration: the end is after April",
        ),
        (rate("-5"), 2, "rate: -5 is not between"),
        (rate(".nan"), 2, "non-finite float `.nan`"),
        (rate("0"), 2, "rate: it is 0 all the time"),
        (rate("[]"), 2, "rate: there is no point"),
        (
            rate("\n- {at: 0s, per_second: 1}\n- {at: 1m, per_second: -1}"),
            4,
            "rate[1].per_second: -1 is not between",
        ),
        (rate("[{at: 1m, per_second: 1}, {at: 0s, per_second: 1}]"), 2, "not in the order of time"),
        (rate("[{at: 0s, per_second: 1, per: 2}]"), 2, "unknown field"),
        (with("repeat: 1h"), 7, "repeat: the rate is always the same"),
        (
            rate("[{at: 0s, per_second: 1}, {at: 2h, per_second: 1}]") + "repeat: 1h\n",
            7,
            "repeat: the rate's last point",
        ),
        (with("host: 'a b'"), 7, "host: \"a b\" is not a host"),
        (with("host: ''"), 7, "host: \"\" is not a host"),
        ("duration: 1h\nrate: 5\nrequests: []\n".to_owned(), 3, "requests: there is none"),
        (base.replace("path: /a", "path: x"), 4, "requests[0].path: \"x\": a path begins with /"),
        (base.replace("path: /a", "path: '/a b'"), 4, "has no blanks"),
        (base.replace("path: /a", "path: '/{a'"), 4, "requests[0].path: a { is not closed"),
        (base.replace("path: /a", "path: '/a}'"), 4, "requests[0].path: a } closes nothing"),
        (request("status: {99: 1}"), 5, "requests[1].status: status 99"),
        (request("status: {}"), 5, "requests[1].status: there is none"),
        (request("status: {200: -1}"), 5, "requests[1].status: weight: -1 is not between"),
        (request("weight: -1"), 5, "requests[1].weight: -1 is not between"),
        (request("ids: 0"), 5, "requests[1].ids: 0"),
        (
            base.replace("method: GET", "weight: 0").replace("/a", "/a\n  weight: 0"),
            4,
            "requests: none has a weight above 0",
        ),
        (request("latency: {p50: 2s, p99: 1s}"), 5, "requests[1].latency: expected a value"),
        (request("latency: {min: 2s, max: 1s}"), 5, "requests[1].latency: expected a value"),
        (request("latency: {}"), 5, "requests[1].latency: expected a value"),
        (request("latency: 20y"), 7, "is not a time such as"),
        (request("latency: 9000d"), 5, "requests[1].latency: 777600000 is not between"),
        (request("latency: 5"), 7, "5 is not a time such as"),
        (request("response_bytes: -5"), 5, "requests[1].response_bytes: -5 is not between"),
        (request("response_bytes: {mean: .inf}"), 5, "requests[1].response_bytes: inf is not between"),
        (
            request("request_headers: {'a b': c}"),
            5,
            "requests[1].request_headers: \"a b\" is not a header name",
        ),
        (
            base.replace("method: GET", "method: 'G T'"),
            5,
            "requests[1].method: \"G T\" is not an HTTP method",
        ),
        (with("nope: 1"), 7, "nope"),
        (request("nope: 1"), 7, "nope"),
        (with("tenants: {count: 0, header: x}"), 7, "tenants.count: 0"),
        (with("tenants: {count: 1, zipf: -1, header: x}"), 7, "tenants.zipf: -1"),
        (with("tenants: {count: 1, header: 'x y'}"), 7, "tenants.header: \"x y\" is not a header name"),
        (with(people) + "users: {count: 1, header: x-t}\n", 8, "users.header: x-t is the tenants' already"),
        (episode("{from: 2m, to: 1m, latency: 2}"), 10, "episodes[1].to: it is not after `from`"),
        (episode("{from: 1h, to: 2h, latency: 2}"), 10, "episodes[1].from: the scenario has ended by then"),
        (
            episode("{from: 1m, to: 2m, path: /b, latency: 2}"),
            10,
            "episodes[1].path: /b: no request has this path",
        ),
        (
            episode("{from: 1m, to: 2m, tenant: t4, latency: 2}"),
            10,
            "episodes[1].tenant: t4: there is no such tenant",
        ),
        (episode("{from: 1m, to: 2m}"), 10, "episodes[1]: it changes nothing"),
        (episode("{from: 1m, to: 2m, latency: -2}"), 10, "episodes[1].latency: -2 is not between"),
        (episode("{from: 1m, to: 2m, rate: .inf}"), 10, "episodes[1].rate: inf is not between"),
        (
            episode("{from: 1m, to: 2m, rate: 1000000, latency: 1}") + "- {from: 1m, to: 2m, rate: 9}",
            2,
            "rate: with its episodes",
        ),
        (episode("{from: 1m, to: 2m, errors: {share: 2, status: 500}}"), 10, "episodes[1].errors.share: 2"),
        (
            episode("{from: 1m, to: 2m, errors: {share: 1, status: 42}}"),
            10,
            "episodes[1].errors.status: status 42",
        ),
        (
            episode("{from: 1m, to: 2m, errors: {share: 1, status: 0, flags: XX}}"),
            10,
            "episodes[1].errors.flags: Envoy has",
        ),
        (with("start: tomorrow"), 7, "start: \"tomorrow\" is not an RFC 3339 time"),
        (with("start: 2600-01-01T00:00:00Z"), 7, "start: 2600-01-01T00:00:00Z is after April 2262"),
        (with("seed: -1"), 7, "invalid u64"),
    ];
    let mut wrong = Vec::new();
    for (text, line, reason) in table {
        let all: Vec<_> = read("s.yaml", text.as_bytes(), Format::Scenario).collect();
        match all.as_slice() {
            [Err(bad)]
                if bad.reason.contains(reason)
                    && !bad.reason.contains("error:")
                    && bad.line == line
                    && bad.file == "s.yaml" => {}
            [Err(bad)] => wrong.push(format!("{line}: {reason}: {bad}")),
            _ => wrong.push(format!("{reason}: {} records", all.len())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for fine in [
        episode("{from: 1m, to: 2m, tenant: t3, rate: 0}"),
        rate("[{at: 1m, per_second: 1}]"),
        with("host: 'h:80'"),
    ] {
        assert!(!records(&fine).is_empty(), "{fine}");
    }
}
