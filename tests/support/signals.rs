//! A seed in, exchanges out whose headers have what custom metrics read: valid, odd and broken.

use super::random::Random;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use host_harness::traffic::{self, Format, Record};
use serde_json::json;

const NUMBERS: [&str; 30] = [
    "1",
    "0",
    "12",
    "0.29",
    " 41.5 ",
    "0.5",
    "2.5",
    "1e3",
    "1.5e-1",
    "+7",
    ".5",
    "5.",
    "-1",
    "-0",
    "-0.2",
    "1e300",
    "1e-300",
    "9007199254740993",
    "4503599627370497.5",
    "",
    "x",
    "1,5",
    "0x10",
    "NaN",
    "inf",
    "1 2",
    "--1",
    "1e",
    "01",
    "12345678901234567890123",
];
const TIMINGS: [&str; 16] = [
    "db;dur=1.7, db;dur=5.5",
    "db;dur=2;desc=insert, app;dur=9.99",
    r#"db;dur=53;desc="select * from t", app;dur=47.2"#,
    r#"app;desc="a \"quoted\", with comma";dur=3, db;dur=0.4"#,
    "DB;dur=1",
    "db",
    "db;desc=only",
    "db;dur=",
    "db;dur",
    "db;dur=-1",
    "db;DUR=7;Desc=upper",
    "db;dur=1;dur=2",
    "db; ; dur = 4 ;x=y",
    r#"db;dur="8""#,
    "db;dur=1, , db;dur=2;desc=insert,",
    "cdn-cache;desc=HIT, edge;dur=1",
];
const REPORTS: [&str; 16] = [
    "TEXT cpu_utilization=0.25,named_metrics.pool=20",
    "TEXT cpu_utilization:0.3, mem_utilization:0.9,eps=2",
    "TEXT named_metrics.pool = 1.5e1 ,utilization.total=0.5",
    "TEXT ",
    "TEXT eps=1,eps=2",
    "TEXT rps=3",
    r#"JSON {"cpu_utilization": 0.7, "rps": 12, "named_metrics": {"pool": 12, "x": 1e2}, "request_cost": {"db": 3.49}}"#,
    r#"JSON {"cpuUtilization": "0.125", "rps": "9", "requestCost": {"db": "7"}, "eps": null}"#,
    r#"JSON {"eps": 0.5, "namedMetrics": {"p\u006fol": 7}}"#,
    "JSON {}",
    r#"JSON {"eps": -1}"#,
    r#"JSON {"unknown": 1}"#,
    r#"JSON {"rps": 1.5}"#,
    r#"JSON {"eps": "\u0031"}"#,
    "BIN CQAAAAAAAOA/MQAAAAAAAFlAOQAAAAAAAEBA",
    "XML <x/>",
];
const CACHE_STATUSES: [&str; 12] = [
    "Origin; hit",
    "a; fwd=miss, b; hit",
    r#""My Cache"; fwd=stale; fwd-status=304; collapsed"#,
    "a; hit=?0; fwd=miss",
    "a;hit;fwd=miss",
    "a",
    "",
    "a; hit,",
    "1; hit",
    "(a b); hit",
    r#"a; ttl=376; detail="x", b; fwd=uri-miss"#,
    "a; hit; x=:aGk=:; y=@12; z=%\"%c3%bc\"",
];
const VENDORS: [&str; 9] = [
    "HIT",
    "Miss from cloudfront",
    "TCP_HIT",
    "MISS, HIT",
    "RefreshHit from cloudfront",
    "none",
    "DYNAMIC",
    "EXPIRED",
    "",
];
const AGES: [&str; 7] = ["0", "17", " 3 ", "-1", "x", "007", ""];
const LIMITS: [&str; 8] = [
    r#""default";r=50;t=30"#,
    r#""default";r=50;t=30, "burst";r=7;t=1"#,
    r#"a;r=7, "b";r=7;t=2"#,
    r#""a";t=3"#,
    r#""a";r=-1"#,
    r#""a";r=5;t=1.5"#,
    "r=1;;",
    "",
];
const POLICIES: [&str; 5] = [
    r#""default";q=100;w=60, "burst";q=10;w=1"#,
    r#"a;q=9, "b";q=8"#,
    r#""b";w=1"#,
    "100;w=60",
    r#""default";q=5;q=6"#,
];
const OLD_LIMITS: [&str; 6] = ["100", "100, 100;w=60", "10.5", "-3", "x", "1000000000000000"];

/// One thing or another in one place of a text: what parsers stumble over.
fn broken(text: &str, random: &mut Random) -> String {
    const ODD: [&str; 24] = [
        ";", ",", "=", "\"", "\\", " ", "\t", "(", ")", "?", ":", "@", "%", ".", "-", "0", "9", "e", "a",
        "Z", "*", "é", "{", "}",
    ];
    let mut chars: Vec<String> = text.chars().map(String::from).collect();
    for _ in 0..=random.below(2) {
        let at = random.below(chars.len() + 1);
        match random.below(3) {
            0 if at < chars.len() => drop(chars.remove(at)),
            1 if at < chars.len() => chars[at] = random.pick(&ODD).to_owned(),
            _ => chars.insert(at, random.pick(&ODD).to_owned()),
        }
    }
    chars.concat()
}

/// A load report on the wire, sometimes with a wrong byte.
fn binary(random: &mut Random) -> String {
    let double = |field: u8, value: f64| [&[field << 3 | 1][..], &value.to_le_bytes()].concat();
    let bytes = |field: u8, value: &[u8]| [&[field << 3 | 2, value.len() as u8][..], value].concat();
    let values =
        [0.5, 0.29, 12.0, 100.25, 0.0, -0.0, 1e300, -1.0, f64::NAN, f64::INFINITY, 1e15 + 0.5, 5e-324];
    let mut value = || values[random.mostly_below(5, 4, values.len())];
    let entry = |key: &[u8], value: f64| [bytes(1, key), double(2, value)].concat();
    let parts = [
        double(1, value()),
        bytes(8, &entry(b"pool", value())),
        bytes(4, &entry(b"db", value())),
        double(7, value()),
        vec![3 << 3, 0x96, 0x01],
        // A field that nobody knows, and one that is known with another type.
        vec![15 << 3, 7],
        vec![1 << 3, 7],
        bytes(8, &entry(b"", 1.0)),
        bytes(8, b""),
        bytes(5, &entry(&[0xff, 0xfe], 1.0)),
    ];
    let mut message = Vec::new();
    // No field comes twice: the filter refuses a report for each bad value in it, also for one that a later replaces.
    let odd = random.below(6) == 0;
    for (place, part) in parts.iter().enumerate() {
        if random.below(2) == 0 && (place < 5 || (odd && random.below(3) == 0)) {
            message.extend_from_slice(part);
        }
    }
    message.extend_from_slice(&parts[0][..if message.is_empty() { 9 } else { 0 }]);
    if random.below(6) == 0 {
        let at = random.below(message.len());
        message[at] = random.next() as u8;
    }
    if random.below(12) == 0 {
        message.truncate(random.below(message.len()));
    }
    let mut text = BASE64_STANDARD.encode(&message);
    if random.below(2) == 0 {
        text.truncate(text.trim_end_matches('=').len());
    }
    text
}

struct Generator {
    random: Random,
    response: Vec<(&'static str, String)>,
}

impl Generator {
    /// One of these values for a header of this name in one of `odds` responses, in one of ten broken.
    fn offer(&mut self, odds: usize, name: &'static str, values: &[&str]) {
        if self.random.below(odds) == 0 {
            let mut value = self.random.pick(values).to_owned();
            if self.random.below(10) == 0 {
                value = broken(&value, &mut self.random);
            }
            self.response.push((name, value));
        }
    }

    fn signals(&mut self) -> Vec<(&'static str, String)> {
        for _ in 0..2 {
            self.offer(4, "server-timing", &TIMINGS);
        }
        self.offer(5, "endpoint-load-metrics", &REPORTS);
        self.offer(9, "x-endpoint-load-metrics", &REPORTS);
        for name in ["endpoint-load-metrics-bin", "x-endpoint-load-metrics-bin"] {
            if self.random.below(8) == 0 {
                let value = binary(&mut self.random);
                self.response.push((name, value));
            }
        }
        std::mem::take(&mut self.response)
    }

    fn response(&mut self) -> Vec<(&'static str, String)> {
        self.response = self.signals();
        for _ in 0..2 {
            self.offer(6, "cache-status", &CACHE_STATUSES);
            self.offer(6, "x-price", &NUMBERS);
        }
        for name in ["x-cache", "x-cache-status", "cf-cache-status"] {
            self.offer(8, name, &VENDORS);
        }
        self.offer(6, "age", &AGES);
        for _ in 0..2 {
            self.offer(8, "ratelimit", &LIMITS);
            self.offer(8, "ratelimit-policy", &POLICIES);
        }
        for name in ["ratelimit-limit", "x-ratelimit-limit"] {
            self.offer(8, name, &OLD_LIMITS);
        }
        for name in ["ratelimit-remaining", "ratelimit-reset", "x-ratelimit-remaining", "x-ratelimit-reset"] {
            self.offer(8, name, &NUMBERS);
        }
        if self.random.below(3) == 0 {
            let outcome = self.random.below(12).to_string();
            self.response.push((
                "x-outcome",
                ["", "_other", "a.b", "approved", &outcome][self.random.below(5)].to_owned(),
            ));
        }
        self.offer(6, "x-envoy-upstream-service-time", &["1", "900", "x"]);
        self.offer(9, "x-envoy-attempt-count", &["1", "3", "0", "5000"]);
        std::mem::take(&mut self.response)
    }

    fn request(&mut self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if self.random.below(4) > 0 {
            // Some come again and again, others once.
            let tenant = self.random.mostly_below(9, 3, 200);
            headers.push(("x-tenant-id", format!("tenant.{tenant}")));
        }
        if self.random.below(2) == 0 {
            let client = self.random.mostly_below(20, 5, 300);
            headers.push((
                "x-client",
                ["", "ios 17.2", "_none"].get(client).map_or(format!("c{client}"), ToString::to_string),
            ));
        }
        if self.random.below(3) == 0 {
            headers.push(("x-count", self.random.pick(&NUMBERS).to_owned()));
        }
        if self.random.below(20) == 0 {
            headers.push(("content-type", "application/grpc".to_owned()));
        }
        headers
    }

    fn path(&mut self) -> String {
        let id = self.random.mostly_below(12, 5, 150);
        match self.random.below(9) {
            0 | 1 => "/m".to_owned(),
            2 | 3 => format!("/m/{id}"),
            4 => format!("/m/g%70t%2D{id}//predict/?tenant=q"),
            5 => format!("/files/{id}/x%2Fy"),
            6 => "/f".to_owned(),
            7 => "/healthz".to_owned(),
            _ => "/%zz".to_owned(),
        }
    }
}

/// A JSON object in which a name may come twice.
fn object(pairs: &[(&str, String)]) -> String {
    let member = |(name, value): &(&str, String)| format!("{}:{}", json!(name), json!(value));
    format!("{{{}}}", pairs.iter().map(member).collect::<Vec<_>>().join(","))
}

/// Exchanges that overlap, over some ten minutes and more; the same for one seed.
pub fn exchanges(seed: u64, count: usize) -> Vec<Record> {
    let mut generator = Generator { random: Random(seed), response: Vec::new() };
    let mut at_ms = 0;
    let mut lines = String::new();
    for _ in 0..count {
        let request = object(&generator.request());
        let response = object(&generator.response());
        let trailers = if generator.random.below(5) == 0 { generator.signals() } else { Vec::new() };
        let trailers = object(&trailers);
        let path = generator.path();
        let random = &mut generator.random;
        let method = random.pick(&["GET", "GET", "GET", "POST", "PUT", "CONNECT", "DELETE", "get", "PURGE"]);
        let host = random.pick(&[
            "a.example",
            "A.example.:8443",
            "[::1]:80",
            "b.example",
            ":80",
            "",
            "c_d.example:x",
        ]);
        let host =
            if random.below(30) == 0 { format!("h{}.example", random.below(40)) } else { host.to_owned() };
        let status =
            [200, 200, 200, 201, 204, 304, 404, 409, 429, 500, 503, 101, 0, 418, 302][random.below(15)];
        let flags = if status == 0 { "DC" } else { random.pick(&["", "", "", "UF", "RL"]) };
        let duration = if random.below(9) == 0 {
            "null".to_owned()
        } else {
            format!("{}.{:03}", random.mostly_below(30, 2, 2000), random.below(1000))
        };
        let upstream = match random.below(6) {
            0 => "null".to_owned(),
            n => format!("\"10.0.0.{}:8080\"", n + random.below(2)),
        };
        let (sent, received) = (random.below(3) * random.below(100), random.below(100_000));
        let (seconds, ms) = (at_ms / 1000, at_ms % 1000);
        lines.push_str(&format!(
            r#"{{"time":"2026-01-01T{:02}:{:02}:{:02}.{ms:03}Z","method":"{method}","path":"{path}","host":"{host}","status":{status},"flags":"{flags}","duration_ms":{duration},"request_bytes":{sent},"response_bytes":{received},"upstream":{upstream},"request_headers":{request},"response_headers":{response},"response_trailers":{trailers}}}"#,
            seconds / 3600, seconds / 60 % 60, seconds % 60,
        ));
        lines.push('\n');
        at_ms += random.below(700);
    }
    traffic::read("generated", lines.as_bytes(), Format::Exchanges)
        .map(|record| record.expect("an exchange"))
        .collect()
}
