//! Tenants out of every source, and isolation violations: tables and made-up traffic through filter and oracle.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

fn token(payload: impl AsRef<[u8]>) -> String {
    format!("eyJhbGciOiJSUzI1NiJ9.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
}

fn request(path: &[u8], host: &str, headers: &[(&str, &[u8])]) -> Result<Record, BadRecord> {
    let headers = headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()));
    Ok(Record {
        method: Some(b"GET".to_vec()),
        path: Some(path.to_vec()),
        host: host.as_bytes().to_vec(),
        request_headers: headers.collect(),
        status: Some(200),
        duration_ns: Some(1_000_000),
        ..Record::default()
    })
}

fn document(tenant: &str) -> String {
    format!(
        r#"{{"service":"shop","endpoints":{{"templates":["/t/{{tenant}}/orders/{{id}}","/t/{{tenant}}/{{rest*}}","/x"]}},
        "tenant":{tenant}}}"#
    )
}

/// Each request alone through filter and oracle; its tenant, and the tenant of its violation.
fn tenant_of(document: &str, record: Result<Record, BadRecord>) -> (String, Option<String>) {
    let (snapshot, _) = verified(filter(), document, 1, 0, std::iter::once(record));
    let one = |metric| {
        let mut tenants = by(&snapshot, metric, "tenant").into_iter();
        let first = tenants.next();
        assert_eq!(tenants.next(), None);
        first.map(|(tenant, count)| {
            assert_eq!(count, 1);
            tenant
        })
    };
    (one("tenant_requests_total").unwrap(), one("tenant_isolation_violations_total"))
}

const ALL: &str = r#"{"sources":[{"header":"x-tenant-id"},{"jwt":{"header":"authorization","claim":"org.id"}},{"path":"tenant"},
    {"host":"{tenant}.example.com"},{"query":"tenant"}],
    "isolation":{"claim":{"jwt":{"header":"authorization","claim":"org.id"}},"resource":{"path":"tenant"}}}"#;

#[test]
fn every_source_names_the_tenant_in_filter_and_oracle_alike() {
    let jwt = |payload: &str| format!("Bearer {}", token(payload)).into_bytes();
    let nested = jwt(r#"{"org":{"id":"by-claim"}}"#);
    let literal = jwt(r#"{"org":{"id":"nested"},"org.id":"literal"}"#);
    let number = jwt(r#"{"org":{"id":-4.20e1}}"#);
    let twice = jwt(r#"{"org":{"id":"first"},"org":{"id":"second","id":"last"}}"#);
    let escaped = jwt(r#"{"\u006frg":{"id":"\ud83d\ude00\n;.;"}}"#);
    let lone = jwt(r#"{"org":{"id":"a"},"x":["\ud83d"]}"#);
    let deep = jwt(&format!(r#"{{"org":{{"id":"a"}},"x":{}{}}}"#, "[".repeat(64), "]".repeat(64)));
    let deepest = jwt(&format!(r#"{{"org":{{"id":"a"}},"x":{}{}}}"#, "[".repeat(63), "]".repeat(63)));
    let bomb = jwt(&"[".repeat(10_000));
    let list = jwt(r#"{"org":["by-claim"]}"#);
    let large = jwt(&format!(r#"{{"org":{{"id":"{}"}}}}"#, "x".repeat(13_000)));
    let alone = URL_SAFE_NO_PAD.encode(r#"{"org":{"id":true}}"#).into_bytes();
    let long = vec![b'l'; 60_000];
    let long_label = "l".repeat(128);
    type Row<'a> = (&'a [u8], &'a str, &'a [(&'a str, &'a [u8])], &'a str, Option<&'a str>);
    let table: &[Row<'_>] = &[
        (
            b"/t/by-path/orders/1?tenant=q",
            "by-host.example.com",
            &[("x-tenant-id", b"by-header"), ("authorization", &nested)],
            "by-header",
            Some("by-claim"),
        ),
        (
            b"/t/by-path/orders/1?tenant=q",
            "by-host.example.com",
            &[("authorization", &nested)],
            "by-claim",
            Some("by-claim"),
        ),
        (b"/t/by-claim/orders/1", "", &[("authorization", &nested)], "by-claim", None),
        (b"/t/by-path/orders/1?tenant=q", "by-host.example.com", &[], "by-path", None),
        (b"/x?tenant=q", "By-Host.Example.com:8443", &[], "by-host", None),
        (b"/x?tenant=q", "a.by-host.example.com", &[], "q", None),
        (b"/x", "", &[], "_none", None),
        (
            b"/x",
            "",
            &[("x-tenant-id", b""), ("x-tenant-id", b"first"), ("x-tenant-id", b"second")],
            "first",
            None,
        ),
        (b"/x", "", &[("x-tenant-id", b";.;a=.=b")], "___a___b", None),
        (b"/x", "", &[("x-tenant-id", b"\xff\0")], "__", None),
        (b"/x", "", &[("x-tenant-id", b"..")], "__", None),
        (b"/x", "", &[("x-tenant-id", b".other")], "_other", None),
        (b"/x", "", &[("x-tenant-id", &long)], &long_label, None),
        (b"/x", "", &[("authorization", &literal)], "literal", None),
        (b"/x", "", &[("authorization", &number)], "-4_20e1", None),
        (b"/x", "", &[("authorization", &twice)], "last", None),
        (b"/x", "", &[("authorization", &escaped)], "________", None),
        (b"/x", "", &[("authorization", &lone)], "_none", None),
        (b"/x", "", &[("authorization", &deep)], "_none", None),
        (b"/x", "", &[("authorization", &deepest)], "a", None),
        (b"/x", "", &[("authorization", &bomb)], "_none", None),
        (b"/x", "", &[("authorization", &list)], "_none", None),
        (b"/x", "", &[("authorization", &large)], "_none", None),
        // Anybody can write a payload where tokens are expected.
        (b"/x", "", &[("authorization", &alone)], "_none", None),
        (b"/x", "", &[("authorization", b"Bearer ..")], "_none", None),
        (b"/x", "", &[("authorization", b"Basic YTpi")], "_none", None),
        (b"/x", "", &[("authorization", &long)], "_none", None),
        (b"/t/a%2fb/orders/1", "", &[], "a_2Fb", None),
        (b"//t/../t/%61/./b/c?tenant=q", "", &[("authorization", &nested)], "by-claim", Some("by-claim")),
        (b"/t/%zz/orders/1?tenant=q", "", &[("authorization", &nested)], "by-claim", None),
        (b"/t/%zz/orders/1?tenant=q", "", &[], "q", None),
        (b"/x?tenant=&t%65nant=a+b%2Ec%zz&tenant=z", "", &[], "a_b_c_zz", None),
        (b"/x?tenant=a#b", "", &[], "a", None),
        (b"/x#?tenant=a", "", &[], "_none", None),
    ];
    for (path, host, headers, tenant, violation) in table {
        let got = tenant_of(&document(ALL), request(path, host, headers));
        let shown = String::from_utf8_lossy(path);
        assert_eq!(got, ((*tenant).to_owned(), violation.map(str::to_owned)), "{shown} {host}");
    }
}

#[test]
fn the_host_header_is_what_envoy_calls_authority() {
    let of_host = document(r#"{"sources":[{"header":"Host"}]}"#);
    let got = tenant_of(&of_host, request(b"/x", "acme.example.com:80", &[]));
    assert_eq!(got.0, "acme_example_com:80");
}

#[test]
fn violations_and_tenants_share_one_cap_and_one_list() {
    let isolation = r#""isolation":{"claim":{"header":"x-t"},"resource":{"path":"tenant"}}"#;
    let records = || {
        let claims: [&[u8]; 6] = [b"a", b"b", b"b", b"c", b"", b"a"];
        claims.into_iter().map(|claim| request(b"/t/a/orders/1", "", &[("x-t", claim)]))
    };
    let (capped, _) = verified(filter(), &document(&format!(r#"{{"max":1,{isolation}}}"#)), 1, 0, records());
    let violations = |snapshot: &[Sample]| by(snapshot, "tenant_isolation_violations_total", "tenant");
    assert_eq!(violations(&capped), [("b".to_owned(), 2), ("_other".to_owned(), 1)].into());
    let listed = document(&format!(r#"{{"sources":[{{"path":"tenant"}}],"allow":["a","c"],{isolation}}}"#));
    let (listed, _) = verified(filter(), &listed, 1, 0, records());
    assert_eq!(violations(&listed), [("c".to_owned(), 1), ("_other".to_owned(), 2)].into());
}

/// Tokens, hosts and queries of a few pieces that meet each other's syntax.
fn hostile(seed: u64, count: usize) -> Vec<Result<Record, BadRecord>> {
    let mut dice = Dice(seed);
    let json = [
        r#"{"org":"#,
        "{",
        "}",
        "[",
        "]",
        r#""id":"#,
        r#""org.id":"#,
        r#""a""#,
        r#""\u0061""#,
        r#""\ud800""#,
        "7",
        "-0.5e3",
        "01",
        "true",
        "null",
        ",",
        ":",
        " ",
        "\"",
        "\\",
        "\u{e9}",
        "}}",
        r#""org":{"id":"b"}"#,
        r#"{"org":{"id":"c"}}"#,
    ];
    let documents = [
        r#"{"org":{"id":"a"}}"#,
        r#"{"org" : {"id": 7}, "org.id": null }"#,
        r#"{"org.id":true,"org":{"id":"b"}}"#,
        r#"{"x":[{"org":{"id":"no"}},-0.5e3],"org":{"id":"b","x":{}}}"#,
        r#"{"org":{"id":"a"},"org":{"id":"c"}}"#,
        r#"{"org":["a"]}"#,
        "",
    ];
    let schemes = ["Bearer ", "bearer  ", "", "Basic ", " ", "BEARER\t"];
    let texts = [
        "tenant", "=", "&", "a", "%61", "%2", "%zz", "+", "?", "#", "/", "t", ".", "..", ";", "\u{fc}",
        "//t/x/y",
    ];
    let hosts = [
        "acme",
        ".",
        "example.com",
        ".example.com",
        ":",
        "80",
        "EXAMPLE.com",
        "x.",
        "_",
        "-",
        "@",
        "[",
        ".example.com:1",
    ];
    let pieces = |dice: &mut Dice, choices: &[&str], most: u64| -> String {
        (0..dice.roll(most)).map(|_| dice.of(choices)).collect()
    };
    let record = |_| {
        // A whole document, or one with something put into its middle.
        let mut payload = dice.of(&documents).to_owned();
        if dice.roll(2) == 0 {
            let middle = payload.char_indices().map(|(at, _)| at).nth(dice.roll(20) as usize).unwrap_or(0);
            payload.insert_str(middle, &pieces(&mut dice, &json, 3));
        }
        let mut token = format!("{}{}", dice.of(&schemes), token(payload));
        match dice.roll(12) {
            0 => token = token.replacen('.', "", 1),
            1 => token.push_str(".x"),
            2 => token = URL_SAFE_NO_PAD.encode(r#"{"org.id":9}"#),
            3 => token = token.replace(".c2ln", "=.c2ln"),
            4 => token = token.replace('e', "+"),
            _ => {}
        }
        let path = format!("/t/{}?{}", pieces(&mut dice, &texts, 5), pieces(&mut dice, &texts, 8));
        let host = pieces(&mut dice, &hosts, 4);
        let mut headers: Vec<(&str, &[u8])> = vec![("authorization", token.as_bytes())];
        if dice.roll(3) == 0 {
            headers.clear();
        }
        if dice.roll(8) == 0 {
            headers.push(("x-tenant-id", b""));
            headers.push(("x-tenant-id", b"h"));
        }
        request(path.as_bytes(), &host, &headers)
    };
    (0..count).map(record).collect()
}

#[test]
fn a_payload_alone_is_read_from_the_header_that_jwt_authn_forwards_it_in() {
    let document = document(r#"{"sources":[{"jwt":{"header":"x-payload","claim":"org.id"}}]}"#);
    let payload = URL_SAFE_NO_PAD.encode(r#"{"org":{"id":true}}"#);
    let (tenant, _) = tenant_of(&document, request(b"/x", "", &[("x-payload", payload.as_bytes())]));
    assert_eq!(tenant, "true");
}

#[test]
fn hostile_tokens_hosts_and_queries_are_read_by_both_in_the_same_way() {
    let all = document(ALL)
        .replacen('{', r#"{"limits":{"max_series":100000},"#, 1)
        .replace(r#""tenant":{"#, r#""tenant":{"max":50000,"#);
    let (snapshot, _) = verified(filter(), &all, 2, 0, hostile(11, 6000).into_iter());
    let tenants = by(&snapshot, "tenant_requests_total", "tenant");
    for name in ["a", "b", "c", "7", "true", "h", "acme", "_none"] {
        assert!(tenants.contains_key(name), "{name} in {tenants:?}");
    }
    let reversed = all.replace(
        r#"{"header":"x-tenant-id"},{"jwt":{"header":"authorization","claim":"org.id"}},{"path":"tenant"},"#,
        "",
    );
    assert_ne!(all, reversed);
    verified(filter(), &reversed, 2, 0, hostile(12, 6000).into_iter());
}
