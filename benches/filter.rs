//! The pure parts of a request's way through the filter, without a host.

use criterion::{Criterion, criterion_group, criterion_main};
use redline::attributes::{Attributes, HeaderMap, HostStatus, Property};
use redline::config::Config;
use redline::endpoint::{Template, Templates, normalize};
use redline::memory_host::encode_pairs;
use redline::metric::Kind;
use redline::recorder::{Recorder, Stream};
use redline::registry::{MetricId, MetricSink};
use redline::shared::{Cas, Clock, SharedData};
use redline::stat_name;
use std::hint::black_box;

fn templates(count: usize) -> Templates {
    let mut templates = Templates::default();
    for i in 0..count {
        let text = match i % 3 {
            0 => format!("/api/v1/resource-{i}/{{id}}"),
            1 => format!("/api/v1/resource-{i}/{{id}}/items/{{item}}"),
            _ => format!("/static/area-{i}/{{file*}}"),
        };
        if let Ok(template) = Template::parse(&text) {
            let _unique = templates.insert(&template);
        }
    }
    templates
}

fn endpoint_matching(c: &mut Criterion) {
    let mut group = c.benchmark_group("endpoint");
    let path = b"/api/v1/resource-7/42/items/99?page=3&sort=name";
    for count in [10, 1000] {
        let templates = templates(count);
        let mut normal = Vec::new();
        group.bench_function(format!("{count} templates"), |b| {
            b.iter(|| {
                normalize(black_box(path), &mut normal);
                templates.find(&normal)
            });
        });
    }
    group.finish();
}

fn stat_name_encoding(c: &mut Criterion) {
    let labels =
        [("service", "shop"), ("method", "GET"), ("endpoint", "/api/v1/models/{id}"), ("status", "200")];
    c.bench_function("stat_name/encode", |b| {
        b.iter(|| stat_name::encode("http_requests_total", black_box(labels)));
    });
    let mut out = String::new();
    c.bench_function("stat_name/escape", |b| {
        b.iter(|| stat_name::escape_into(black_box(b"tenant-4711.example"), 128, &mut out));
    });
}

/// A host whose answers cost next to nothing, so that the recorder's own cost is seen.
struct NullHost {
    headers: Vec<u8>,
    next: u32,
}

impl MetricSink for NullHost {
    fn define(&mut self, _: Kind, _: &str) -> Result<MetricId, HostStatus> {
        self.next += 1;
        Ok(MetricId(self.next))
    }
    fn add(&mut self, id: MetricId, delta: i64) -> Result<(), HostStatus> {
        black_box((id, delta));
        Ok(())
    }
    fn set(&mut self, id: MetricId, value: u64) -> Result<(), HostStatus> {
        black_box((id, value));
        Ok(())
    }
    fn observe(&mut self, id: MetricId, value: u64) -> Result<(), HostStatus> {
        black_box((id, value));
        Ok(())
    }
    fn total(&mut self, _: MetricId) -> Result<u64, HostStatus> {
        Ok(1)
    }
}

impl SharedData for NullHost {
    fn read(&mut self, _: &[u8]) -> Result<(Vec<u8>, Cas), HostStatus> {
        Ok((vec![0; 32], Cas(1)))
    }
    fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), HostStatus> {
        black_box((key, value));
        Ok(())
    }
    fn swap(&mut self, key: &[u8], value: &[u8], _: Cas) -> Result<(), HostStatus> {
        self.write(key, value)
    }
}

impl Clock for NullHost {
    fn monotonic_ns(&mut self) -> u64 {
        0
    }
    fn unix_seconds(&mut self) -> u64 {
        0
    }
}

impl Attributes for NullHost {
    fn headers(&mut self, _: HeaderMap) -> Result<Vec<u8>, HostStatus> {
        Ok(self.headers.clone())
    }
    fn property(&mut self, property: Property) -> Result<Vec<u8>, HostStatus> {
        let value: i64 = if property == Property::ResponseCode { 200 } else { 12_345_678 };
        Ok(value.to_le_bytes().to_vec())
    }
}

fn recorder(c: &mut Criterion) {
    let document = br#"{"service":"shop","endpoints":{"templates":["/api/v1/models","/api/v1/models/{id}"]},
                        "tenant":{"sources":[{"header":"x-tenant-id"}]}}"#;
    let Ok(config) = Config::from_json(document) else {
        return;
    };
    let headers = [
        (":authority", "api.example.com"),
        (":path", "/api/v1/models/42?x=1"),
        (":method", "GET"),
        (":scheme", "http"),
        ("user-agent", "bench"),
        ("accept", "*/*"),
        ("x-tenant-id", "acme"),
        ("x-request-id", "3f0e5c2e-6d53-4b5c-b8bb-3d2f4c7f9b11"),
    ];
    let pairs: Vec<_> = headers.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())).collect();
    let mut host = NullHost { headers: encode_pairs(&pairs), next: 0 };
    let mut recorder = Recorder::new(&config);
    c.bench_function("recorder/exchange", |b| {
        b.iter(|| {
            let mut stream = Stream::New;
            recorder.begin(&mut stream, true, &mut host);
            recorder.finish(&mut stream, &mut host);
        });
    });
}

criterion_group!(benches, endpoint_matching, stat_name_encoding, recorder);
criterion_main!(benches);
