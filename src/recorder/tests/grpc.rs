//! The codes of gRPC calls.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Content type, trailers, status, flags, and the code that is expected.
type GrpcCase<'a> = (&'a str, Option<Headers<'a>>, Option<i64>, i64, &'a str);

#[test]
fn a_grpc_call_that_was_refused_before_us_has_the_code_that_was_sent() {
    let headers = [(":method", "POST"), (":path", "/x"), ("content-type", "application/grpc")];
    let (mut recorder, mut host) = (recorder(json!({})), MemoryHost::with_headers(&headers));
    host.response_headers = Some(owned_pairs(&[("grpc-status", "5")]));
    end(&mut host, 200);
    host.set_number(Property::ResponseFlags, 1 << 10);
    recorder.finish(&mut Stream::New, &mut host);
    assert_eq!(
        host.value(&endpoint_only("grpc_requests_total", "_other", Some(("grpc_code", "5")))),
        Some(1)
    );
}

#[test]
fn grpc_calls_are_counted_by_the_code_that_their_client_sees() {
    let (mut recorder, mut host) = (recorder(json!({})), MemoryHost::default());
    let call = |content_type| [(":method", "POST"), (":path", "/x"), ("content-type", content_type)];
    let cases: [GrpcCase<'_>; 6] = [
        ("application/grpc", Some(&[("grpc-status", "0")]), Some(200), 0, "0"),
        ("application/grpc+proto", Some(&[("grpc-status", "13")]), Some(200), 0, "13"),
        ("application/grpc", Some(&[("grpc-status", "42")]), Some(200), 0, "2"),
        ("application/grpc", None, Some(200), 1 << 14, "1"),
        ("application/grpc", None, None, 1 << 6, "14"),
        ("application/grpc", Some(&[("grpc-status", "nonsense")]), Some(200), 0, "2"),
    ];
    for (content_type, trailers, status, flags, _) in cases {
        run(&mut recorder, &mut host, &call(content_type), &[], trailers, (status, flags));
    }
    for code in ["0", "1", "2", "13", "14"] {
        let expected = cases.iter().filter(|case| case.4 == code).count() as u64;
        let name = endpoint_only("grpc_requests_total", "_other", Some(("grpc_code", code)));
        assert_eq!(host.value(&name), Some(expected), "{code}");
    }
    let at_once = [("grpc-status", "5")];
    run(&mut recorder, &mut host, &call("application/grpc"), &at_once, None, (Some(200), 0));
    let name = endpoint_only("grpc_requests_total", "_other", Some(("grpc_code", "5")));
    assert_eq!(host.value(&name), Some(1), "trailers-only");
    for content_type in ["application/grpc-web", "application/grpcx", "application/json"] {
        run(&mut recorder, &mut host, &call(content_type), &[], None, (Some(200), 0));
    }
    assert_eq!(host.names().filter(|n| n.starts_with("grpc_requests_total")).count(), 6);
}
