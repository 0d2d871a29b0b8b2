use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod contract;

fn templates(written: &[&str]) -> Templates {
    let mut templates = Templates::default();
    for text in written {
        templates.insert(&Template::parse(text).unwrap()).unwrap();
    }
    templates
}

/// The label of a raw path.
fn endpoint(templates: &Templates, path: &[u8]) -> String {
    let mut normal = Vec::new();
    let found = normalize(path, &mut normal).then(|| templates.find(&normal)).flatten();
    templates.label(found.unwrap_or(EndpointId::OTHER)).to_owned()
}

#[test]
fn the_most_specific_template_wins_whatever_the_order() {
    let mut written = [
        "/",
        "/a",
        "/a/{x}",
        "/a/{x}/b",
        "/a/b",
        "/a/b/{rest*}",
        "/a/{rest*}",
        "/{t}/orders/{id}",
        "/t/{tenant}/orders/{id}",
        "/t/acme/orders/{id}",
        "/static/{file*}",
    ];
    let cases = [
        ("/", "/"),
        ("/a", "/a"),
        ("/a/1", "/a/{x}"),
        ("/a/b", "/a/b"),
        ("/a/1/b", "/a/{x}/b"),
        ("/a/b/b", "/a/b/{rest*}"),
        ("/a/b/c/d", "/a/b/{rest*}"),
        ("/a/1/c", "/a/{rest*}"),
        ("/a/1/b/c", "/a/{rest*}"),
        ("/z/orders/7", "/{t}/orders/{id}"),
        ("/t/x/orders/7", "/t/{tenant}/orders/{id}"),
        ("/t/acme/orders/7", "/t/acme/orders/{id}"),
        ("/t/orders/7", "/{t}/orders/{id}"),
        ("/static/js/app.js", "/static/{file*}"),
        ("/static", "_other"),
        ("/z", "_other"),
        ("/z/orders", "_other"),
        ("/z/orders/7/8", "_other"),
        ("/A", "_other"),
    ];
    for _ in 0..written.len() {
        written.rotate_left(1);
        let templates = templates(&written);
        for (path, expected) in cases {
            assert_eq!(endpoint(&templates, path.as_bytes()), expected, "{path} with {written:?}");
        }
    }
}

#[test]
fn paths_are_matched_in_their_normal_form() {
    let cases: &[(&[u8], Option<&str>)] = &[
        (b"/", Some("/")),
        (b"/a/b", Some("/a/b")),
        (b"/a/b/", Some("/a/b")),
        (b"/a//b", Some("/a/b")),
        (b"//a///b//", Some("/a/b")),
        (b"/a/./b", Some("/a/b")),
        (b"/a/b/.", Some("/a/b")),
        (b"/a/x/../b", Some("/a/b")),
        (b"/a/b/..", Some("/a")),
        (b"/../../a", Some("/a")),
        (b"/..", Some("/")),
        (b"/a/%2e%2E/b", Some("/b")),
        (b"/a?x=/b/c", Some("/a")),
        (b"/?q", Some("/")),
        (b"/a#frag", Some("/a")),
        (b"/%61%7e%2D", Some("/a~-")),
        (b"/a%2fb", Some("/a%2Fb")),
        (b"/a%2Fb/", Some("/a%2Fb")),
        (b"/%c3%a9", Some("/%C3%A9")),
        (b"/a%20b", Some("/a%20b")),
        (b"/%25", Some("/%25")),
        (b"/...", Some("/...")),
        (b"/.hidden", Some("/.hidden")),
        (b"/a;v=1", Some("/a;v=1")),
        (b"", None),
        (b"*", None),
        (b"a/b", None),
        (b"http://h/a", None),
        (b"/%", None),
        (b"/%2", None),
        (b"/%zz", None),
        (b"/a%+1", None),
        (b"?/a", None),
    ];
    for (path, expected) in cases {
        let mut normal = Vec::new();
        let readable = normalize(path, &mut normal);
        let got = readable.then(|| String::from_utf8(normal).unwrap());
        assert_eq!(got.as_deref(), *expected, "{}", String::from_utf8_lossy(path));
    }
}

#[test]
fn a_path_of_any_bytes_and_any_length_has_an_answer() {
    let templates = templates(&["/a/{x}", "/{rest*}"]);
    assert_eq!(endpoint(&templates, b"/a/\xff\xfe\0"), "/a/{x}");
    let long = [b"/a".repeat(60_000), b"/".repeat(60_000), b"/..".repeat(60_000)].concat();
    assert_eq!(endpoint(&templates, &long), "_other");
    assert_eq!(endpoint(&templates, &b"/a".repeat(60_000)), "/{rest*}");
}

#[test]
fn a_template_keeps_its_text_and_is_matched_in_normal_form() {
    let templates = templates(&["/%7Euser/{id}/", "/caf%c3%a9", "/v1.2/x"]);
    assert_eq!(endpoint(&templates, b"/~user/7"), "/%7Euser/{id}/");
    assert_eq!(endpoint(&templates, b"/caf%C3%A9"), "/caf%c3%a9");
    assert_eq!(endpoint(&templates, b"/v1.2/x"), "/v1.2/x");
    assert_eq!(endpoint(&templates, b"/v1_2/x"), "_other");
}

#[test]
fn two_templates_of_one_shape_are_refused() {
    let mut set = templates(&["/a/{x}/b", "/r/{rest*}"]);
    for (text, taken) in [("/a/{y}/b", "/a/{x}/b"), ("/a/{y}/b/", "/a/{x}/b"), ("/r/{z*}", "/r/{rest*}")] {
        assert_eq!(set.insert(&Template::parse(text).unwrap()), Err(taken.to_owned()), "{text}");
    }
    assert!(set.insert(&Template::parse("/r/{one}").unwrap()).is_ok());
}

#[test]
fn what_is_no_template_is_refused_with_the_reason() {
    let cases = [
        ("a/b", TemplateError::NoSlash),
        ("", TemplateError::NoSlash),
        ("/a b", TemplateError::Byte(' ')),
        ("/a;b", TemplateError::Byte(';')),
        ("/a=b", TemplateError::Byte('=')),
        ("/a?b", TemplateError::Byte('?')),
        ("/é", TemplateError::Byte('é')),
        ("/a\"", TemplateError::Byte('"')),
        ("/%zz", TemplateError::Escape),
        ("/a//b", TemplateError::Segment),
        ("/a/../b", TemplateError::Segment),
        ("/a/.", TemplateError::Segment),
        ("/%2e%2e", TemplateError::Segment),
        ("/v{n}", TemplateError::Braces("v{n}".to_owned())),
        ("/{}", TemplateError::Braces("{}".to_owned())),
        ("/{a", TemplateError::Braces("{a".to_owned())),
        ("/{a}{b}", TemplateError::Braces("{a}{b}".to_owned())),
        ("/{1}", TemplateError::Braces("{1}".to_owned())),
        ("/{a}/{a}", TemplateError::Twice("a".to_owned())),
        ("/{a*}/b", TemplateError::RestNotLast),
        ("/cache.x/b", TemplateError::Extractor("cache.")),
        ("/x/tag.y", TemplateError::Extractor("tag.")),
        ("/x.shadow_allowed", TemplateError::Extractor(".shadow_allowed")),
        ("/a.istio_dry_run_allow_b", TemplateError::Extractor(".istio_dry_run_allow_")),
        ("/a.", TemplateError::FinalDot),
    ];
    for (text, reason) in cases {
        assert_eq!(Template::parse(text), Err(reason), "{text}");
    }
    assert_eq!(Template::parse(&format!("/{}", "a".repeat(600))), Err(TemplateError::TooLong));
}
