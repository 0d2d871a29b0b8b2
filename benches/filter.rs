//! The pure parts of a request's way through the filter, without a host.

use criterion::{Criterion, criterion_group, criterion_main};
use redline::active_users::{self, Window};
use redline::attributes::{Attributes, HeaderMap, HostStatus, Property, RequestInterests};
use redline::config::{Config, Duration};
use redline::endpoint::{Template, Templates, normalize};
use redline::memory_host::encode_pairs;
use redline::metric::Kind;
use redline::recorder::{Recorder, Stream};
use redline::shared::{Cas, Machine, SharedData};
use redline::sink::{MetricId, MetricSink};
use redline::source::{Request, Sources};
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

impl Machine for NullHost {
    fn monotonic_ns(&mut self) -> u64 {
        0
    }
    fn unix_seconds(&mut self) -> u64 {
        0
    }
    fn random(&mut self) -> u64 {
        0
    }
}

impl Attributes for NullHost {
    fn headers(&mut self, _: HeaderMap, into: &mut Vec<u8>) -> Result<(), HostStatus> {
        into.clear();
        into.extend_from_slice(&self.headers);
        Ok(())
    }
    fn header(&mut self, _: HeaderMap, _: &str, into: &mut Vec<u8>) -> Result<(), HostStatus> {
        into.clear();
        Err(HostStatus::NOT_FOUND)
    }
    fn property(&mut self, _: Property, into: &mut Vec<u8>) -> Result<(), HostStatus> {
        into.clear();
        Err(HostStatus::NOT_FOUND)
    }
    fn integer(&mut self, property: Property) -> Result<i64, HostStatus> {
        Ok(if property == Property::ResponseCode { 200 } else { 12_345_678 })
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

/// The payload of a token as an identity provider issues it, about 600 bytes, with the claim at its end.
const PAYLOAD: &str = r#"{"iss":"https://id.example.com/realms/shop","sub":"248289761001","aud":["shop","account"],"exp":1767225600,"iat":1767222000,"auth_time":1767221990,"jti":"3f0e5c2e-6d53-4b5c-b8bb-3d2f4c7f9b11","azp":"web","acr":"1","allowed-origins":["https://shop.example.com"],"realm_access":{"roles":["offline_access","default-roles-shop","uma_authorization"]},"resource_access":{"account":{"roles":["manage-account","view-profile"]}},"scope":"openid email profile","email_verified":true,"name":"Alice Example","preferred_username":"alice","email":"alice@example.com","tenant_id":"acme"}"#;

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let group = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        (0..=chunk.len())
            .map(move |n| char::from(DIGITS[(bits >> (18 - 6 * n) & 63) as usize]))
            .collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

fn sources(c: &mut Criterion) {
    let mut group = c.benchmark_group("source");
    let token = format!("Bearer {0}.{1}.{0}", base64url(&[7; 256]), base64url(PAYLOAD.as_bytes()));
    let headers = [
        (":authority", "acme.example.com:8443"),
        (":path", "/t/acme/orders/42?page=3&tenant=acme&sort=name"),
        (":method", "GET"),
        (":scheme", "http"),
        ("user-agent", "bench"),
        ("accept", "*/*"),
        ("x-tenant-id", "acme"),
        ("authorization", &token),
    ];
    let pairs: Vec<_> = headers.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())).collect();
    let encoded = encode_pairs(&pairs);
    for (name, source) in [
        ("none", ""),
        ("header", r#"{"header":"x-tenant-id"}"#),
        ("jwt", r#"{"jwt":{"header":"authorization","claim":"tenant_id"}}"#),
        ("path", r#"{"path":"tenant"}"#),
        ("host", r#"{"host":"{tenant}.example.com"}"#),
        ("query", r#"{"query":"tenant"}"#),
    ] {
        let document = format!(
            r#"{{"service":"shop","endpoints":{{"templates":["/t/{{tenant}}/orders/{{id}}"]}},"tenant":{{"sources":[{source}]}}}}"#
        );
        let Ok(config) = Config::from_json(document.as_bytes()) else {
            return;
        };
        let sources = Sources::new(&config);
        let interests = RequestInterests::new(&config, sources.headers());
        let mut templates = Templates::default();
        for template in &config.endpoints.templates {
            let _unique = templates.insert(template);
        }
        let mut normal = Vec::new();
        // With the reading of the headers and of the path, which every request costs: `none` is that alone.
        group.bench_function(name, |b| {
            b.iter(|| {
                let head = interests.read(black_box(&encoded));
                normalize(head.path.unwrap_or_default(), &mut normal);
                let template = templates.find(&normal);
                let request = Request::new(&head, template.map(|id| (id, normal.as_slice())));
                sources.tenant(&request, &templates).map_or(0, |value| black_box(&value).len())
            });
        });
    }
    group.finish();
}

fn active_users(c: &mut Criterion) {
    let mut group = c.benchmark_group("active_users");
    group.bench_function("hash", |b| {
        b.iter(|| active_users::hash(black_box([7; 16]), black_box(b"alice@example.com")));
    });
    for users in [100, 100_000] {
        let mut window = Window::new(Duration::from_secs(900));
        for user in 0..users {
            window.insert(user * 1_000_000, active_users::hash([7; 16], &user.to_le_bytes()));
        }
        let known = active_users::hash([7; 16], &7_u64.to_le_bytes());
        group.bench_function(format!("insert, {users} users"), |b| {
            b.iter(|| window.insert(black_box(1), known));
        });
        group.bench_function(format!("estimate, {users} users"), |b| {
            b.iter(|| window.estimate(black_box(100_000_000_000)));
        });
    }
    group.finish();
}

criterion_group!(benches, endpoint_matching, stat_name_encoding, recorder, sources, active_users);
criterion_main!(benches);
