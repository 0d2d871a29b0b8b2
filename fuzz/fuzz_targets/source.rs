//! Headers, tokens, hosts, paths and queries into the value sources: what comes out is what other decoders read.
//!
//! Tokens are held against base64 and serde_json, queries against percent-encoding, hosts and paths against string
//! functions.
#![no_main]

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode;
use redline::attributes::RequestInterests;
use redline::config::Config;
use redline::endpoint::{Templates, normalize};
use redline::memory_host::encode_pairs;
use redline::source::{Request, Sources};
use serde_json::Value;
use std::sync::LazyLock;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// The header's value as it is.
    header: &'a [u8],
    /// The payload of a well-made token.
    payload: &'a [u8],
    host: &'a [u8],
    path: &'a [u8],
}

const TEMPLATES: [&str; 3] = ["/t/{tenant}/x", "/t/{tenant}/{rest*}", "/{tenant*}"];
const CLAIM: &str = "a.b";

/// One source alone, as a configuration's.
struct Filter {
    interests: RequestInterests,
    sources: Sources,
    templates: Templates,
}

static FILTERS: LazyLock<[Filter; 5]> =
    LazyLock::new(|| {
        ["{\"header\":\"x-t\"}", "{\"jwt\":{\"header\":\"x-t\",\"claim\":\"a.b\"}}", "{\"path\":\"tenant\"}",
     "{\"host\":\"x-{t}.example.com\"}", "{\"query\":\"a\"}"].map(|source| {
        let document = format!(
            r#"{{"service":"s","endpoints":{{"templates":{TEMPLATES:?}}},"tenant":{{"sources":[{source}]}}}}"#
        );
        let config = Config::from_json(document.as_bytes()).expect("valid");
        let sources = Sources::new(&config);
        let mut templates = Templates::default();
        for template in &config.endpoints.templates {
            templates.insert(template).expect("of its own shape");
        }
        Filter { interests: RequestInterests::new(&config, sources.headers()), sources, templates }
    })
    });

impl Filter {
    fn value(&self, header: &[u8], host: &[u8], path: &[u8]) -> Option<Vec<u8>> {
        let pairs = [
            (b":authority".to_vec(), host.to_vec()),
            (b":path".to_vec(), path.to_vec()),
            (b"x-t".to_vec(), header.to_vec()),
        ];
        let encoded = encode_pairs(&pairs);
        let head = self.interests.read(&encoded);
        let mut normal = Vec::new();
        let readable = head.path.is_some_and(|path| normalize(path, &mut normal));
        let matched = readable.then(|| self.templates.find(&normal)).flatten();
        let request = Request::new(&head, matched.map(|id| (id, normal.as_slice())));
        let value = self.sources.tenant(&request, &self.templates).map(|value| value.into_owned());
        assert!(value.as_ref().is_none_or(|value| !value.is_empty()));
        assert_eq!(self.sources.user(&request, &self.templates), None);
        assert_eq!(self.sources.violation(&request, &self.templates), None);
        value
    }
}

fuzz_target!(|input: Input<'_>| {
    let Input { header, payload, host, path } = input;
    let [by_header, by_claim, by_path, by_host, by_query] = &*FILTERS;
    assert_eq!(
        by_header.value(header, host, path).as_deref(),
        Some(header).filter(|value| !value.is_empty())
    );

    check_claim(by_claim.value(header, host, path), token_payload(header));
    let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    for document in [
        payload.to_vec(),
        [b"{\"a.b\":", payload, b"}"].concat(),
        [b"{\"a\":{\"b\":", payload, b"}}"].concat(),
    ] {
        let token = format!("{}.{}.{}", encode(header), encode(&document), encode(host));
        let known = Some(document).filter(|_| token.len() <= 16 * 1024);
        check_claim(by_claim.value(format!("Bearer {token}").as_bytes(), host, path), known);
    }

    let ending = |path: &[u8]| [b"/t/", path].concat();
    for path in [path.to_vec(), ending(path)] {
        assert_eq!(
            by_path.value(header, host, &path),
            tenant_of_path(&path),
            "{:?}",
            String::from_utf8_lossy(&path)
        );
    }
    for host in [host.to_vec(), [b"x-", host, b".example.com"].concat(), [b"x-a.example.com", host].concat()]
    {
        assert_eq!(by_host.value(header, &host, path), label(&host), "{:?}", String::from_utf8_lossy(&host));
    }
    for path in [path.to_vec(), [b"/?a=", path].concat(), [b"/?", path, b"&a=1"].concat()] {
        assert_eq!(by_query.value(header, host, &path), query(&path), "{:?}", String::from_utf8_lossy(&path));
    }
});

/// The payload of a header that may hold a token.
fn token_payload(header: &[u8]) -> Option<Vec<u8>> {
    let header = header.trim_ascii_start();
    let bearer = header.len() >= 7 && header[..7].eq_ignore_ascii_case(b"bearer ");
    let token = header[if bearer { 7 } else { 0 }..].trim_ascii();
    let parts: Vec<&[u8]> = token.split(|byte| *byte == b'.').collect();
    let digits = |text: &[u8]| text.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let payload = match parts[..] {
        [payload] => payload,
        [head, payload, _] if digits(head) => payload,
        _ => return None,
    };
    let payload = payload.strip_suffix(b"=").unwrap_or(payload);
    let payload = payload.strip_suffix(b"=").unwrap_or(payload);
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true);
    let decoded = GeneralPurpose::new(&base64::alphabet::URL_SAFE, config).decode(payload).ok();
    decoded.filter(|_| token.len() <= 16 * 1024)
}

fn check_claim(got: Option<Vec<u8>>, payload: Option<Vec<u8>>) {
    let Some(payload) = payload else {
        return assert_eq!(got, None);
    };
    let shown = String::from_utf8_lossy(&payload);
    let value: Value = match serde_json::from_slice(&payload) {
        Ok(value) => value,
        Err(error) => {
            // It makes numbers of digits, where the filter keeps the digits.
            assert!(got.is_none() || error.to_string().contains("number out of range"), "{error}: {shown}");
            return;
        }
    };
    if depth(&value) > 64 {
        return assert_eq!(got, None, "{shown}");
    }
    let found = |value: Option<&Value>| {
        value.cloned().filter(|value| match value {
            Value::String(text) => !text.is_empty(),
            Value::Number(_) | Value::Bool(_) => true,
            _ => false,
        })
    };
    let nested = || CLAIM.split('.').try_fold(&value, |value, name| value.as_object()?.get(name));
    let expected = found(value.as_object().and_then(|object| object.get(CLAIM))).or_else(|| found(nested()));
    match (expected, got) {
        (Some(Value::Number(number)), Some(got)) => {
            let text = String::from_utf8(got).expect("digits");
            assert!(payload.windows(text.len()).any(|part| part == text.as_bytes()), "as it is written");
            assert_eq!(text.parse::<f64>().ok(), number.as_f64(), "{shown}");
        }
        (Some(Value::String(text)), got) => assert_eq!(got, Some(text.into_bytes()), "{shown}"),
        (expected, got) => assert_eq!(got, expected.map(|value| value.to_string().into_bytes()), "{shown}"),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn tenant_of_path(path: &[u8]) -> Option<Vec<u8>> {
    let mut normal = Vec::new();
    if !normalize(path, &mut normal) || normal == b"/" {
        return None;
    }
    let segments: Vec<&[u8]> = normal[1..].split(|byte| *byte == b'/').collect();
    match segments[..] {
        [b"t", tenant, _, ..] => Some(tenant.to_vec()),
        _ => Some(normal[1..].to_vec()),
    }
}

fn label(host: &[u8]) -> Option<Vec<u8>> {
    let host = std::str::from_utf8(host).ok()?.to_ascii_lowercase();
    let port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let name = host.rsplit_once(':').filter(|(_, after)| port(after)).map_or(host.as_str(), |(name, _)| name);
    let label = name.strip_suffix('.').unwrap_or(name).strip_prefix("x-")?.strip_suffix(".example.com")?;
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (!label.is_empty() && label.bytes().all(known)).then(|| label.as_bytes().to_vec())
}

fn query(path: &[u8]) -> Option<Vec<u8>> {
    let path = &path[..path.iter().position(|byte| *byte == b'#').unwrap_or(path.len())];
    let query = &path[path.iter().position(|byte| *byte == b'?')? + 1..];
    let decode = |text: &[u8]| {
        let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        percent_decode(&spaced).collect::<Vec<u8>>()
    };
    let pairs = query.split(|byte| *byte == b'&').filter_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        Some((decode(&pair[..equals]), decode(&pair[equals + 1..])))
    });
    pairs.into_iter().find(|(name, value)| name == b"a" && !value.is_empty()).map(|(_, value)| value)
}
