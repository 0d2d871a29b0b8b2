use super::*;
use crate::memory_host::{MemoryHost, encode_pairs};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn owned(pairs: &[(&[u8], &[u8])]) -> Vec<(Vec<u8>, Vec<u8>)> {
    pairs.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
}

#[test]
fn header_pairs_of_any_bytes_come_back_as_they_were() {
    let pairs: [(&[u8], &[u8]); 4] =
        [(b":path", b"/x"), (b"empty", b""), (b"x-nul", b"a\0b"), (b"x-high", &[0xff, 0xfe])];
    let bytes = encode_pairs(&owned(&pairs));
    assert_eq!(header_pairs(&bytes).collect::<Vec<_>>(), pairs);
}

#[test]
fn header_pairs_cut_short_end_early_and_never_invent() {
    let pairs: [(&[u8], &[u8]); 2] = [(b"a", b"1"), (b"bb", b"22")];
    let whole = encode_pairs(&owned(&pairs));
    for length in 0..whole.len() {
        let got: Vec<_> = header_pairs(&whole[..length]).collect();
        assert!(pairs.starts_with(&got), "{length}: {got:?}");
        assert!(got.len() < 2, "{length}");
    }
    for hostile in [&[0xff; 4][..], &[0xff; 64], &[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1]] {
        assert_eq!(header_pairs(hostile).count(), 0);
    }
}

#[test]
fn numbers_are_read_absent_ones_are_none_and_others_are_errors() {
    let mut host = MemoryHost::default();
    assert_eq!(number(&mut host, Property::ResponseCode), Ok(None));
    host.set_number(Property::ResponseCode, 503);
    assert_eq!(number(&mut host, Property::ResponseCode), Ok(Some(503)));
    host.set_number(Property::RequestDuration, -1);
    assert_eq!(number(&mut host, Property::RequestDuration), Ok(None));
    host.properties = vec![(Property::ResponseCode, b"503".to_vec())];
    assert_eq!(number(&mut host, Property::ResponseCode), Err(HostStatus::SERIALIZATION_FAILURE));
    host.refuses_reads = Some(HostStatus(10));
    assert_eq!(number(&mut host, Property::ResponseCode), Err(HostStatus(10)));
}

#[test]
fn body_bytes_are_the_total_without_the_headers_in_every_version_of_envoy() {
    let mut host = MemoryHost::with_headers(&[(":path", "/x"), ("a", "bc")]);
    assert_eq!(request_body_bytes(&mut host, &mut Vec::new()), Ok(None));
    host.set_number(Property::RequestTotalSize, 1010);
    assert_eq!(request_body_bytes(&mut host, &mut Vec::new()), Ok(Some(1000)), "summed up");
    host.set_number(Property::RequestHeadersBytes, 300);
    assert_eq!(request_body_bytes(&mut host, &mut Vec::new()), Ok(Some(710)), "told");
    host.set_number(Property::RequestHeadersBytes, 5000);
    assert_eq!(request_body_bytes(&mut host, &mut Vec::new()), Ok(Some(0)), "never below 0");
    let mut bare = MemoryHost::default();
    bare.set_number(Property::RequestTotalSize, 77);
    assert_eq!(request_body_bytes(&mut bare, &mut Vec::new()), Ok(Some(77)), "no headers, none in the total");
}
