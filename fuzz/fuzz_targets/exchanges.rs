//! The harness's own format, damaged in any way: records that are whole, or errors that say why.
#![no_main]

#[path = "traffic/reading.rs"]
mod reading;

use host_harness::traffic::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| reading::read(bytes, Format::Exchanges));
