use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_stat_name_is_the_metric_and_then_each_label_in_istios_encoding() {
    let name = encode("http_requests_total", [("service", "shop"), ("endpoint", "/api/v1/models/{id}")]);
    assert_eq!(name, "http_requests_total.service=.=shop;.;endpoint=.=/api/v1/models/{id};.;");
    let labels = vec![("service", "shop"), ("endpoint", "/api/v1/models/{id}")];
    assert_eq!(decode(&name), Some(("http_requests_total", labels)));
    assert_eq!(in_envoy("x_total"), "wasmcustom.x_total.");
}

#[test]
fn names_that_are_not_ours_do_not_decode() {
    for name in ["", "plain", "m.label", "m.label=.=value", "m.label=.value;.;"] {
        assert_eq!(decode(name), None, "{name}");
    }
    assert_eq!(decode("m."), Some(("m", Vec::new())));
}

#[test]
fn escaping_keeps_the_contracts_alphabet_and_nothing_else() {
    let cases: &[(&[u8], Option<&str>)] = &[
        (b"acme", Some("acme")),
        (b"A-Z_a/z{}*:@+~09", Some("A-Z_a/z{}*:@+~09")),
        (b"cache.example.com", Some("cache_example_com")),
        (b"a;.;status=.=200", Some("a___status___200")),
        (b"\"\\\n\0\xff", Some("_____")),
        ("é".as_bytes(), Some("__")),
        (b"..", Some("__")),
        (b"", None),
        (b"_other", None),
        (b"_none", None),
        (b"_OTHER", None),
        (b".other", None),
        (b"_others", Some("_others")),
        (b"0123456789abcdefgXYZ", Some("0123456789abcdefg")),
    ];
    for (value, expected) in cases {
        assert_eq!(escape(value, 17).as_deref(), *expected, "{value:?}");
    }
}

#[cfg(not(target_family = "wasm"))]
mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_survive_encoding_as_their_escaped_value(
            values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..6),
        ) {
            let labels = ["service", "method", "endpoint", "status", "tenant", "code_class"];
            let escaped: Vec<String> =
                values.iter().map(|v| escape(v, 128).unwrap_or_else(|| OTHER.to_owned())).collect();
            let pairs: Vec<(&str, &str)> = labels.into_iter().zip(escaped.iter().map(String::as_str)).collect();
            let name = encode("m_total", pairs.clone());
            prop_assert_eq!(decode(&name), Some(("m_total", pairs)));
        }
    }
}
