//! A file's bytes and its format in; what every record and every error must be, checked.

use host_harness::traffic::{self, Format, Record};

/// Reads all, told and untold what it is.
pub fn read(bytes: &[u8], format: Format) {
    for format in [format, Format::Auto] {
        let mut records = traffic::read("input", bytes, format);
        let first = records.first_time_ns();
        let mut times = Vec::new();
        // Made-up traffic may be that of ten years.
        for read in records.by_ref().take(2000) {
            match read {
                Ok(record) => {
                    check(&record);
                    times.push(record.time_ns);
                }
                Err(bad) => assert!(!bad.reason.is_empty() && bad.file == "input"),
            }
        }
        assert_eq!(first, times.first().copied());
    }
}

fn check(record: &Record) {
    assert!(record.status.is_none_or(|status| (100..=999).contains(&status)));
    assert!(record.path.as_ref().is_none_or(|path| !path.is_empty()));
    assert!(record.duration_ns.is_none_or(|duration| duration <= 3_200_000_000_000_000_000));
    let parts = [&record.request_headers, &record.response_headers, &record.response_trailers];
    for (name, value) in parts.into_iter().flatten() {
        assert!(
            !name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase())
        );
        assert!(value.iter().all(|byte| !matches!(byte, 0 | b'\r' | b'\n')));
    }
}
