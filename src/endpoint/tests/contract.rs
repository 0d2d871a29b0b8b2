//! The contract's sentences on paths, one after the other, as a table.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const TEMPLATES: [&str; 17] = [
    "/",
    "/api/v1/models",
    "/api/v1/models/{id}",
    "/api/v1/models/{id}/predict",
    "/api/v1/models/latest",
    "/api/v1/{kind}/latest",
    "/api/v1/{any*}",
    "/t/{tenant}/orders/{id}",
    "/t/{tenant}/{rest*}",
    "/t/acme/{rest*}",
    "/static/{file*}",
    "/static/app.js",
    "/a%2Fb/{x}",
    "/%7Eme",
    "/Caf%c3%a9",
    "/v1/items:batch",
    "/trailing/{x}/",
];

/// Where the second is empty the path is `_other`.
type Cases<'a> = &'a [(&'a str, &'a [u8], &'a [u8])];

#[rustfmt::skip]
const CASES: Cases<'static> = &[
    ("the template as written", b"/api/v1/models", b"/api/v1/models"),
    ("the template as written", b"/", b"/"),
    ("the template as written", b"/v1/items:batch", b"/v1/items:batch"),
    ("the template as written", b"/~me", b"/%7Eme"),
    ("the template as written", b"/trailing/1", b"/trailing/{x}/"),
    ("most specific wins", b"/api/v1/models/latest", b"/api/v1/models/latest"),
    ("most specific wins", b"/api/v1/users/latest", b"/api/v1/{kind}/latest"),
    ("most specific wins", b"/api/v1/models/7", b"/api/v1/models/{id}"),
    ("most specific wins", b"/api/v1/models/7/predict", b"/api/v1/models/{id}/predict"),
    ("most specific wins", b"/api/v1/models/latest/predict", b"/api/v1/models/{id}/predict"),
    ("most specific wins", b"/api/v1/models/7/other", b"/api/v1/{any*}"),
    ("most specific wins", b"/static/app.js", b"/static/app.js"),
    ("most specific wins", b"/static/app.js/x", b"/static/{file*}"),
    ("most specific wins", b"/t/acme/orders/1", b"/t/acme/{rest*}"),
    ("most specific wins", b"/t/globex/orders/1", b"/t/{tenant}/orders/{id}"),
    ("most specific wins", b"/t/globex/orders/1/2", b"/t/{tenant}/{rest*}"),
    ("most specific wins", b"/t/globex/orders", b"/t/{tenant}/{rest*}"),
    ("one {name} is one segment", b"/t/globex/orders/", b"/t/{tenant}/{rest*}"),
    ("one {name} is one segment", b"/trailing", b""),
    ("one {name} is one segment", b"/trailing/1/2", b""),
    ("one {name} is one segment", b"/trailing//", b""),
    ("{name*} the rest", b"/static/js/app.js", b"/static/{file*}"),
    ("{name*} the rest", b"/static/a/b/c/d/e/f/g", b"/static/{file*}"),
    ("{name*} the rest: not nothing", b"/static", b""),
    ("{name*} the rest: not nothing", b"/static/", b""),
    ("{name*} the rest: not nothing", b"/t/globex", b""),
    ("{name*} the rest: not nothing", b"/api/v1", b""),
    ("anything not matched", b"/api/v2/models", b""),
    ("anything not matched", b"/api", b""),
    ("anything not matched", b"/apix/v1/models", b""),
    ("the query is cut off", b"/api/v1/models?", b"/api/v1/models"),
    ("the query is cut off", b"/api/v1/models?page=2&q=/x/../y", b"/api/v1/models"),
    ("the query is cut off", b"/?/api/v1/models", b"/"),
    ("the query is cut off", b"/api/v1/models/?a=%zz", b"/api/v1/models"),
    ("the query is cut off: a fragment too", b"/api/v1/models#top", b"/api/v1/models"),
    ("case-sensitive", b"/API/v1/models", b""),
    ("case-sensitive", b"/api/v1/Models", b"/api/v1/{any*}"),
    ("case-sensitive", b"/caf%C3%A9", b""),
    ("one trailing slash ignored", b"/api/v1/models/", b"/api/v1/models"),
    ("one trailing slash ignored", b"/api/v1/models/7/", b"/api/v1/models/{id}"),
    ("one trailing slash ignored", b"/static/app.js/", b"/static/app.js"),
    ("only unreserved bytes decoded", b"/%61pi/v1/models", b"/api/v1/models"),
    ("only unreserved bytes decoded", b"/api/v1/model%73", b"/api/v1/models"),
    ("only unreserved bytes decoded", b"/%7Eme", b"/%7Eme"),
    ("only unreserved bytes decoded", b"/%7eme", b"/%7Eme"),
    ("only unreserved bytes decoded", b"/static/app%2Ejs", b"/static/app.js"),
    ("only unreserved bytes decoded", b"/v1/items%3Abatch", b""),
    ("only unreserved bytes decoded", b"/Caf%C3%A9", b"/Caf%c3%a9"),
    ("only unreserved bytes decoded", b"/Caf\xc3\xa9", b""),
    ("only unreserved bytes decoded, once", b"/%2561pi/v1/models", b""),
    ("%2F stays", b"/a%2Fb/1", b"/a%2Fb/{x}"),
    ("%2F stays", b"/a%2fb/1", b"/a%2Fb/{x}"),
    ("%2F stays", b"/a/b/1", b""),
    ("%2F stays", b"/api/v1%2Fmodels", b""),
    ("%2F stays", b"/api/v1/models/a%2Fb", b"/api/v1/models/{id}"),
    ("// merged", b"//api//v1///models", b"/api/v1/models"),
    ("// merged", b"//", b"/"),
    ("// merged", b"/api/v1/models//7", b"/api/v1/models/{id}"),
    (". and .. resolved", b"/api/./v1/models/.", b"/api/v1/models"),
    (". and .. resolved", b"/api/v1/x/../models", b"/api/v1/models"),
    (". and .. resolved", b"/api/v1/models/7/..", b"/api/v1/models"),
    (". and .. resolved", b"/../../api/v1/models", b"/api/v1/models"),
    (". and .. resolved", b"/static/../../../etc/passwd", b""),
    (". and .. resolved", b"/static/%2e%2e/api/v1/models", b"/api/v1/models"),
    (". and .. resolved", b"/static/.%2E/api/%2e/v1/models", b"/api/v1/models"),
    (". and .. resolved", b"/api/v1//../models", b""),
    (". and .. resolved: nothing else", b"/static/...", b"/static/{file*}"),
    (". and .. resolved: nothing else", b"/static/..%2f..", b"/static/{file*}"),
    (". and .. resolved: nothing else", b"/static/..;/x", b"/static/{file*}"),
    ("a path that cannot be read so", b"/api/v1/models/%", b""),
    ("a path that cannot be read so", b"/api/v1/models/%4", b""),
    ("a path that cannot be read so", b"/api/v1/models/%zz", b""),
    ("a path that cannot be read so", b"/api/v1/models/%u0061", b""),
    ("a path that cannot be read so", b"", b""),
    ("a path that cannot be read so", b"*", b""),
    ("a path that cannot be read so", b"api/v1/models", b""),
    ("a path that cannot be read so", b"http://h/api/v1/models", b""),
    ("a path that cannot be read so", b"?/api/v1/models", b""),
    ("any byte", b"/api/v1/models/\0", b"/api/v1/models/{id}"),
    ("any byte", b"/api/v1/models/\xff\xfe", b"/api/v1/models/{id}"),
    ("any byte", b"/api/v1/models/;.;=.=", b"/api/v1/models/{id}"),
    ("any byte", b"/api/v1/models/{id}", b"/api/v1/models/{id}"),
    ("any byte", b"/api/v1/models/_other", b"/api/v1/models/{id}"),
    ("any byte", b"/api/v1/models\\7", b"/api/v1/{any*}"),
    ("any byte", b"/api/v1/models/a b", b"/api/v1/models/{id}"),
];

#[test]
fn paths_become_endpoints_word_for_word_as_the_contract_says() {
    let set = templates(&TEMPLATES);
    for (words, path, expected) in CASES {
        let expected = if expected.is_empty() { "_other" } else { std::str::from_utf8(expected).unwrap() };
        assert_eq!(endpoint(&set, path), expected, "{words}: {}", String::from_utf8_lossy(path));
    }
    assert!(CASES.len() >= 80);
}

#[test]
fn very_long_paths_have_an_answer_too() {
    let set = templates(&TEMPLATES);
    let long =
        |start: &str, piece: &str, count: usize, end: &str| format!("{start}{}{end}", piece.repeat(count));
    let cases = [
        (long("/static", "/x", 60_000, ""), "/static/{file*}"),
        (long("/api/v1/models/", "x", 60_000, ""), "/api/v1/models/{id}"),
        (long("/api/v1/models/", "x", 60_000, "/predict"), "/api/v1/models/{id}/predict"),
        (long("", "/", 60_000, "api/v1/models"), "/api/v1/models"),
        (long("", "/x/..", 20_000, "/api/v1/models"), "/api/v1/models"),
        (long("", "/..", 20_000, "/api/v1/models"), "/api/v1/models"),
        (long("/api", "/%2e", 20_000, "/v1/models"), "/api/v1/models"),
        (long("/api/v1/models?", "/x", 60_000, ""), "/api/v1/models"),
        (long("", "/x", 60_000, ""), "_other"),
        (long("/", "%", 60_000, ""), "_other"),
    ];
    for (path, expected) in cases {
        assert_eq!(endpoint(&set, path.as_bytes()), expected, "{path:.60}");
    }
}
