//! Response headers into the parsers of signals: what comes out is what other decoders read.
//!
//! Numbers are held against big integers, Server-Timing against regular expressions, load reports against serde_json and
//! prost, structured fields against sfv.
#![no_main]

#[path = "signals/json.rs"]
mod json;
#[path = "signals/number.rs"]
mod number;
#[path = "signals/protobuf.rs"]
mod protobuf;
#[path = "signals/report.rs"]
mod report;
#[path = "signals/server_timing.rs"]
mod server_timing;
#[path = "signals/spaces.rs"]
mod spaces;
#[path = "signals/structured.rs"]
mod structured;
#[path = "signals/text.rs"]
mod text;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use protobuf::Part;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    double: u64,
    message: Vec<Part>,
    /// A header's value: what is left, so that a seed is nine spaces and this.
    line: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let Input { double, message, line } = input;
    number::check(line);
    number::check_double(f64::from_bits(double));
    server_timing::check(line);
    text::check(line);
    json::check(line);
    for line in [[b"{\"named_metrics\":", line, b"}"].concat(), [b"{\"eps\":", line, b"}"].concat()] {
        json::check(&line);
    }
    protobuf::check_base64(line);
    protobuf::check_bytes(line);
    protobuf::check_message(&message);
    for line in [line.to_vec(), [b"a;hit,", line].concat(), [b"a;fwd=", line].concat()] {
        structured::check_cache(&line);
    }
    for line in [line.to_vec(), [b"\"a\";r=1;t=", line].concat(), [b"\"a\";q=1,\"b\";q=", line].concat()] {
        structured::check_rate_limit(&line);
    }
});
