use super::*;
use crate::attributes::RequestInterests;
use crate::base64::tests::base64url;
use crate::endpoint::{Template, normalize};
use crate::memory_host::encode_pairs;
use serde_json::{Value, json};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A token with this payload.
pub(super) fn token(payload: &str) -> String {
    format!("eyJhbGciOiJIUzI1NiJ9.{}.c2lnbmF0dXJl", base64url(payload.as_bytes()))
}

type Headers<'a> = &'a [(&'a [u8], &'a [u8])];

fn config(more: Value) -> Config {
    let mut document = json!({
        "service": "s",
        "endpoints": {"templates": ["/t/{tenant}/orders/{id}", "/files/{tenant}/{path*}", "/{tenant*}"]},
    });
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Config::from_value(&document).unwrap()
}

/// What `ask` finds in a request, as the recorder asks.
fn ask<T>(
    config: &Config,
    headers: Headers<'_>,
    ask: impl FnOnce(&Sources, &Request<'_>, &Templates) -> T,
) -> T {
    let mut templates = Templates::default();
    for template in &config.endpoints.templates {
        templates.insert(template).unwrap();
    }
    let sources = Sources::new(config);
    let pairs: Vec<_> = headers.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    let encoded = encode_pairs(&pairs);
    let head = RequestInterests::new(config, sources.headers()).read(&encoded);
    let mut normal = Vec::new();
    let readable = head.path.is_some_and(|path| normalize(path, &mut normal));
    let matched = readable.then(|| templates.find(&normal)).flatten();
    ask(&sources, &Request::new(&head, matched.map(|id| (id, normal.as_slice()))), &templates)
}

fn tenant_of(sources: Value, headers: Headers<'_>) -> Option<Vec<u8>> {
    let config = config(json!({"tenant": {"sources": sources}}));
    ask(&config, headers, |sources, request, templates| {
        sources.tenant(request, templates).map(Cow::into_owned)
    })
}

fn text(value: Option<Vec<u8>>) -> Option<String> {
    value.map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn a_header_is_taken_as_it_came_and_of_several_the_first_that_is_not_empty() {
    let long = vec![b'x'; 60_000];
    let cases: &[(Headers<'_>, Option<&[u8]>)] = &[
        (&[(b"x-t", b"acme")], Some(b"acme")),
        (&[(b"x-t", b"a"), (b"x-t", b"b")], Some(b"a")),
        (&[(b"x-t", b""), (b"x-t", b"b"), (b"x-t", b"c")], Some(b"b")),
        (&[(b"x-t", b"")], None),
        (&[], None),
        (&[(b"x-t2", b"acme"), (b"x-", b"acme")], None),
        (&[(b"x-t", b";.;")], Some(b";.;")),
        (&[(b"x-t", b"=.=")], Some(b"=.=")),
        (&[(b"x-t", b"a\0b")], Some(b"a\0b")),
        (&[(b"x-t", b"\xff\xfe")], Some(b"\xff\xfe")),
        (&[(b"x-t", b"..")], Some(b"..")),
        (&[(b"x-t", b"%zz")], Some(b"%zz")),
        (&[(b"x-t", b" ")], Some(b" ")),
        (&[(b"x-t", &long)], Some(&long)),
    ];
    for (headers, expected) in cases {
        assert_eq!(tenant_of(json!([{"header": "X-T"}]), headers).as_deref(), *expected, "{headers:?}");
    }
}

#[test]
fn the_host_header_is_envoys_authority() {
    let headers: Headers<'_> = &[(b":authority", b"acme.example.com:8080"), (b":path", b"/")];
    assert_eq!(
        text(tenant_of(json!([{"header": "Host"}]), headers)).as_deref(),
        Some("acme.example.com:8080")
    );
    let both = json!([{"host": "{t}.example.org"}, {"header": "host"}]);
    assert_eq!(text(tenant_of(both, headers)).as_deref(), Some("acme.example.com:8080"));
}

#[test]
fn a_claim_of_a_token_is_read_and_whatever_is_none_yields_nothing() {
    let bomb = format!(r#"{{"t":"acme","x":{}"#, "[".repeat(10_000));
    let cases: Vec<(String, Option<&str>)> = vec![
        (format!("Bearer {}", token(r#"{"t":"acme"}"#)), Some("acme")),
        (format!("bEARER {}", token(r#"{"t":7}"#)), Some("7")),
        (token(r#"{"t":"a b;.;"}"#), Some("a b;.;")),
        (token(r#"{"t":"\u0000=.="}"#), Some("\0=.=")),
        (token(r#"{"t":"a","t":"b"}"#), Some("b")),
        (token(r#"{"t":""}"#), None),
        (token(r#"{"t":[]}"#), None),
        (token(r#"{"t":null}"#), None),
        (token(r#"{"u":"acme"}"#), None),
        (token(r#"{"t":"acme""#), None),
        (token(&bomb), None),
        (token(&format!(r#"{{"t":"{}"}}"#, "x".repeat(13_000))), None),
        ("Bearer ".to_owned(), None),
        ("Bearer a.b.c".to_owned(), None),
        ("Bearer ..".to_owned(), None),
        ("..".to_owned(), None),
        ("%zz".to_owned(), None),
        ("x".repeat(60_000), None),
        (String::new(), None),
    ];
    for (header, expected) in &cases {
        let sources = json!([{"jwt": {"header": "Authorization", "claim": "t"}}]);
        let headers: Headers<'_> = &[(b"authorization", header.as_bytes())];
        assert_eq!(text(tenant_of(sources, headers)).as_deref(), *expected, "{header:.80}");
    }
}

#[test]
fn a_parameter_of_the_template_is_read_from_the_paths_normal_form() {
    let long = [b"/t/".to_vec(), vec![b'y'; 60_000], b"/orders/1".to_vec()].concat();
    let cases: &[(&[u8], Option<&[u8]>)] = &[
        (b"/t/acme/orders/7", Some(b"acme")),
        (b"/t/acme/orders/7/?tenant=x", Some(b"acme")),
        (b"//t/./x/../acme//orders/7#y", Some(b"acme")),
        (b"/t/%61cme/orders/7", Some(b"acme")),
        (b"/t/ac%2fme/orders/7", Some(b"ac%2Fme")),
        (b"/t/a%20b/orders/7", Some(b"a%20b")),
        (b"/t/;.;=.=/orders/7", Some(b";.;=.=")),
        (b"/t/\xff\0/orders/7", Some(b"\xff\0")),
        (b"/t/%zz/orders/7", None),
        (b"/t/../orders/7", Some(b"orders/7")),
        (b"/files/acme/a/b/c", Some(b"acme")),
        (b"/x/y", Some(b"x/y")),
        (b"/", None),
        (b"*", None),
        (b"", None),
        (&long, Some(&long[3..60_003])),
    ];
    for (path, expected) in cases {
        let got = tenant_of(json!([{"path": "tenant"}]), &[(b":path", path)]);
        assert_eq!(got.as_deref(), *expected, "{:.80}", String::from_utf8_lossy(path));
    }
    assert_eq!(tenant_of(json!([{"path": "tenant"}]), &[]), None);
    let rest = Template::parse("/files/{tenant}/{path*}").unwrap();
    assert_eq!(rest.parameter("path", b"/files/acme/a/b/c"), Some(&b"a/b/c"[..]));
    assert_eq!(rest.parameter("other", b"/files/acme/a/b/c"), None);
    assert_eq!(rest.parameter("path", b"/"), None, "a path that it does not match");
}

#[test]
fn one_label_of_the_host_is_read_whatever_its_case_and_port() {
    let long = format!("{}.example.com", "x".repeat(60_000));
    let below: &[(&str, Option<&str>)] = &[
        ("acme.example.com", Some("acme")),
        ("ACME.Example.COM:8443", Some("acme")),
        ("acme.example.com.", Some("acme")),
        ("acme.example.com.:80", Some("acme")),
        ("acme.example.com:", Some("acme")),
        ("a-b_c9.example.com", Some("a-b_c9")),
        ("example.com", None),
        (".example.com", None),
        ("a.b.example.com", None),
        ("acme.example.com.evil.org", None),
        ("acme.example.org", None),
        ("acmeexample.com", None),
        ("acme.example.com:80:80", None),
        ("acme.example.com:x", None),
        ("user@acme.example.com", None),
        ("a;.;b=.=c.example.com", None),
        ("a%2e.example.com", None),
        ("\u{e9}.example.com", None),
        ("a\0.example.com", None),
        ("..example.com", None),
        ("[::1]:80", None),
        ("10.0.0.1", None),
        ("", None),
        (&long, Some(long.split('.').next().unwrap())),
    ];
    let inside: &[(&str, Option<&str>)] = &[
        ("api-acme.eu.example.com", Some("acme")),
        ("api-.eu.example.com", None),
        ("acme.eu.example.com", None),
    ];
    let whole: &[(&str, Option<&str>)] =
        &[("Acme:80", Some("acme")), ("acme.example.com", None), ("7:80", Some("7"))];
    let overlapping: &[(&str, Option<&str>)] = &[("aa", None), ("a", None), ("aba", Some("b"))];
    for (pattern, cases) in [
        ("{tenant}.Example.com", below),
        ("api-{tenant}.eu.example.com", inside),
        ("{tenant}", whole),
        ("a{tenant}a", overlapping),
    ] {
        for (host, expected) in cases {
            let got = text(tenant_of(json!([{"host": pattern}]), &[(b":authority", host.as_bytes())]));
            assert_eq!(got.as_deref(), *expected, "{host:.80} with {pattern}");
        }
    }
}

#[test]
fn a_query_parameter_is_read_like_a_forms() {
    let long = [b"/?tenant=".to_vec(), vec![b'z'; 60_000]].concat();
    let cases: &[(&[u8], Option<&[u8]>)] = &[
        (b"/?tenant=acme", Some(b"acme")),
        (b"/x?a=1&tenant=acme&b=2", Some(b"acme")),
        (b"/?tenant=a&tenant=b", Some(b"a")),
        (b"/?tenant=&tenant&tenant=b", Some(b"b")),
        (b"/?tenant=a+b%20c%2B", Some(b"a b c+")),
        (b"/?t%65nant=acme", Some(b"acme")),
        (b"/?tenant=a=b", Some(b"a=b")),
        (b"/?tenant=a?b", Some(b"a?b")),
        (b"/?tenant=a;tenant=b", Some(b"a;tenant=b")),
        (b"/?tenant=a%26b", Some(b"a&b")),
        (b"/?tenant=%zz%4%", Some(b"%zz%4%")),
        (b"/?tenant=%%41", Some(b"%A")),
        (b"/?tenant=%00%ff", Some(b"\0\xff")),
        (b"/?tenant=\xff\xfe", Some(b"\xff\xfe")),
        (b"/?tenant=;.;=.=", Some(b";.;=.=")),
        (b"/?tenant=..", Some(b"..")),
        (b"/?&&&=x&tenant=acme", Some(b"acme")),
        (b"/%zz?tenant=acme", Some(b"acme")),
        (b"?tenant=acme", Some(b"acme")),
        (b"/?tenant=a#&tenant=b", Some(b"a")),
        (b"/?Tenant=acme", None),
        (b"/?xtenant=acme&tenantx=acme", None),
        (b"/?tenant", None),
        (b"/?tenant=", None),
        (b"/#?tenant=acme", None),
        (b"/tenant=acme", None),
        (b"/?", None),
        (b"", None),
        (&long, Some(&long[9..])),
    ];
    for (path, expected) in cases {
        let got = tenant_of(json!([{"query": "tenant"}]), &[(b":path", path)]);
        assert_eq!(got.as_deref(), *expected, "{:.80}", String::from_utf8_lossy(path));
    }
}

#[test]
fn the_first_source_that_yields_a_value_wins() {
    let jwt = token(r#"{"tenant_id":"by-claim"}"#);
    let all: Headers<'_> = &[
        (b":path", b"/t/by-path/orders/1?tenant=by-query"),
        (b":authority", b"by-host.example.com"),
        (b"authorization", jwt.as_bytes()),
        (b"x-tenant-id", b"by-header"),
    ];
    let sources = json!([
        {"header": "x-tenant-id"},
        {"jwt": {"header": "authorization", "claim": "tenant_id"}},
        {"path": "tenant"},
        {"host": "{tenant}.example.com"},
        {"query": "tenant"},
    ]);
    let names = ["by-header", "by-claim", "by-path", "by-host", "by-query"];
    for (rotation, first) in names.into_iter().enumerate() {
        let mut sources = sources.as_array().unwrap().clone();
        sources.rotate_left(rotation);
        assert_eq!(text(tenant_of(json!(sources), all)).as_deref(), Some(first));
    }
    let sources = |headers: Headers<'_>| tenant_of(sources.clone(), headers);
    assert_eq!(text(sources(&all[..3])).as_deref(), Some("by-claim"));
    assert_eq!(text(sources(&all[..2])).as_deref(), Some("by-path"));
    assert_eq!(text(sources(&[(b":path", b"/?tenant=by-query"), all[1]])).as_deref(), Some("by-host"));
    assert_eq!(text(sources(&[(b":path", b"/?tenant=by-query")])).as_deref(), Some("by-query"));
    assert_eq!(sources(&[(b":path", b"/")]), None);
}

#[test]
fn tokens_of_different_headers_are_told_apart() {
    let (one, two) = (token(r#"{"t":"one"}"#), token(r#"{"t":"two","u":"sub"}"#));
    let headers: Headers<'_> = &[(b"x-one", one.as_bytes()), (b"x-two", two.as_bytes())];
    let jwt = |header: &str, claim: &str| json!({"jwt": {"header": header, "claim": claim}});
    assert_eq!(
        text(tenant_of(json!([jwt("x-one", "u"), jwt("x-two", "u")]), headers)).as_deref(),
        Some("sub")
    );
    assert_eq!(
        text(tenant_of(json!([jwt("x-two", "t"), jwt("x-one", "t")]), headers)).as_deref(),
        Some("two")
    );
    assert_eq!(
        text(tenant_of(json!([jwt("x-no", "t"), jwt("x-one", "t")]), headers)).as_deref(),
        Some("one")
    );
}

#[test]
fn a_violation_is_a_claim_and_a_resource_that_are_both_there_and_differ() {
    let isolation = json!({"claim": {"header": "x-t"}, "resource": {"path": "tenant"}});
    let config = config(json!({"tenant": {"isolation": isolation}}));
    let cases: &[(Headers<'_>, Option<&[u8]>)] = &[
        (&[(b":path", b"/t/acme/orders/1"), (b"x-t", b"globex")], Some(b"globex")),
        (&[(b":path", b"/t/acme/orders/1"), (b"x-t", b"acme")], None),
        (&[(b":path", b"/t/acme/orders/1"), (b"x-t", b"")], None),
        (&[(b":path", b"/t/acme/orders/1")], None),
        (&[(b":path", b"/"), (b"x-t", b"acme")], None),
        (&[(b":path", b"/t/%zz/orders/1"), (b"x-t", b"acme")], None),
        (&[(b":path", b"/t/a_b/orders/1"), (b"x-t", b"a.b")], Some(b"a.b")),
        (&[(b":path", b"/t/Acme/orders/1"), (b"x-t", b"acme")], Some(b"acme")),
    ];
    for (headers, expected) in cases {
        let got = ask(&config, headers, |sources, request, templates| {
            sources.violation(request, templates).map(Cow::into_owned)
        });
        assert_eq!(got.as_deref(), *expected, "{headers:?}");
    }
}

#[test]
fn users_have_sources_of_their_own_and_every_list_has_its_headers() {
    let many = |prefix: &str| -> Vec<Value> {
        (0..crate::config::MAX_SOURCES).map(|n| json!({"header": format!("{prefix}-{n}")})).collect()
    };
    let tenant =
        json!({"sources": many("t"), "isolation": {"claim": {"header": "c"}, "resource": {"header": "r"}}});
    // The section is gated by `support`; its sources are not.
    let mut config = config(json!({"tenant": tenant}));
    config.user.sources = (0..8).map(|n| ValueSource::Header(format!("u-{n}"))).collect();
    let headers: Headers<'_> = &[(b"t-7", b"acme"), (b"u-7", b"alice"), (b"c", b"1"), (b"r", b"2")];
    ask(&config, headers, |sources, request, templates| {
        assert_eq!(sources.headers().len(), 18);
        assert_eq!(sources.tenant(request, templates).as_deref(), Some(&b"acme"[..]));
        assert_eq!(sources.user(request, templates).as_deref(), Some(&b"alice"[..]));
        assert_eq!(sources.violation(request, templates).as_deref(), Some(&b"1"[..]));
    });
}
