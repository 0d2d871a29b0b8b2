use super::*;

fn files(texts: &[&str]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let write = |(i, text): (usize, &&str)| {
        let path = folder.path().join(format!("{i}.jsonl"));
        std::fs::write(&path, text).unwrap();
        path
    };
    let paths = texts.iter().enumerate().map(write).collect();
    (folder, paths)
}

fn exchange(second: u32, path: &str) -> String {
    format!("{{\"time\":\"2026-01-01T00:00:{second:02}Z\",\"path\":\"{path}\",\"status\":200}}\n")
}

fn paths_of(inputs: Merged<'_>) -> Vec<String> {
    inputs
        .map(|record| match record {
            Ok(record) => String::from_utf8(record.path.unwrap()).unwrap(),
            Err(bad) => format!("bad line {}", bad.line),
        })
        .collect()
}

#[test]
fn files_follow_one_another_by_time_and_are_interleaved() {
    let later = exchange(5, "/d") + &exchange(6, "/e");
    let one = exchange(1, "/a") + &exchange(3, "/c");
    let other = exchange(2, "/b") + &exchange(6, "/f");
    let (_folder, files) = files(&[&later, &one, &other]);
    let mut inputs = open(&files, Format::Auto).unwrap();
    // 2026-01-01T00:00:01Z
    assert_eq!(inputs.first_time_ns(), Some(1_767_225_601_000_000_000));
    assert_eq!(paths_of(inputs), ["/a", "/b", "/c", "/d", "/e", "/f"]);
}

#[test]
fn a_bad_line_comes_as_soon_as_it_is_met() {
    let good = exchange(1, "/a") + &exchange(2, "/b");
    let bad = format!("{}broken\n{}", exchange(1, "/c"), exchange(9, "/d"));
    let (_folder, files) = files(&[&good, &bad]);
    let inputs = open(&files, Format::Exchanges).unwrap();
    assert_eq!(paths_of(inputs), ["/a", "/c", "bad line 2", "/b", "/d"]);
}

#[test]
fn a_file_that_is_not_there_is_an_error_at_once() {
    let error = open(&[PathBuf::from("/nowhere/x.log")], Format::Auto).unwrap_err();
    assert_eq!((error.file.as_str(), error.line), ("/nowhere/x.log", 0));
}
