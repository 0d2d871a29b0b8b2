//! Paths and templates: normal form is its own normal form, and the trie agrees with a matcher that tries them all.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use redline::endpoint::{Template, Templates, normalize};

/// Segments of which templates and paths are made, few enough that they meet.
#[derive(Arbitrary, Debug, Clone, Copy)]
enum Piece {
    A,
    B,
    Encoded,
    Dot,
    Up,
    Empty,
    Parameter,
    Rest,
    Odd(u8),
}

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    templates: Vec<Vec<Piece>>,
    /// Any text, as an operator may write it.
    written: Vec<&'a str>,
    path: Vec<Piece>,
    raw: &'a [u8],
}

fn template(pieces: &[Piece]) -> String {
    let segment = |(place, piece): (usize, &Piece)| match piece {
        Piece::A => "/a".to_owned(),
        Piece::B => "/b".to_owned(),
        Piece::Encoded => "/%61%2f".to_owned(),
        Piece::Parameter => format!("/{{p{place}}}"),
        Piece::Rest => format!("/{{r{place}*}}"),
        Piece::Odd(byte) => format!("/{}", char::from(*byte)),
        Piece::Dot => "/.".to_owned(),
        Piece::Up => "/..".to_owned(),
        Piece::Empty => "/".to_owned(),
    };
    pieces.iter().enumerate().map(segment).collect()
}

fn path(pieces: &[Piece]) -> Vec<u8> {
    let mut path = Vec::new();
    for piece in pieces {
        path.push(b'/');
        match piece {
            Piece::A => path.push(b'a'),
            Piece::B => path.push(b'b'),
            Piece::Encoded => path.extend(b"%61%2F"),
            Piece::Dot => path.extend(b"%2e"),
            Piece::Up => path.extend(b".."),
            Piece::Empty => {}
            Piece::Parameter | Piece::Rest => path.extend(b"x"),
            Piece::Odd(byte) => path.push(*byte),
        }
    }
    path
}

/// How specific each segment of a template is for a path that it matches; `None` where it does not.
///
/// Reads the template as written: nothing here knows of the trie or of parsed segments.
fn rank(template: &str, normal: &[u8]) -> Option<Vec<u8>> {
    let segments = |text: &[u8]| -> Vec<Vec<u8>> {
        text.split(|b| *b == b'/').filter(|s| !s.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let (wanted, have) = (segments(template.as_bytes()), segments(normal));
    let mut rank = Vec::new();
    for (place, segment) in wanted.iter().enumerate() {
        let found = have.get(place)?;
        if segment.ends_with(b"*}") {
            rank.push(0);
            return Some(rank);
        }
        if segment.starts_with(b"{") {
            rank.push(1);
            continue;
        }
        let mut literal = Vec::new();
        assert!(normalize(&[b"/", &segment[..]].concat(), &mut literal));
        if literal[1..] != found[..] {
            return None;
        }
        rank.push(2);
    }
    (wanted.len() == have.len()).then_some(rank)
}

fuzz_target!(|input: Input<'_>| {
    let (mut templates, mut ids) = (Templates::default(), Vec::new());
    let texts = input.templates.iter().take(12).map(|pieces| template(pieces));
    for text in texts.chain(input.written.iter().map(|text| (*text).to_owned())) {
        match Template::parse(&text) {
            Ok(parsed) => {
                assert_eq!(parsed.as_str(), text);
                match templates.insert(&parsed) {
                    Ok(id) => {
                        assert_eq!(templates.label(id), text);
                        ids.push(id);
                    }
                    Err(taken) => assert_ne!(taken, "_other", "{text} is refused for one that is there"),
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    for path in [input.raw, &path(&input.path), &[b"/", input.raw].concat()] {
        let (mut normal, mut again) = (Vec::new(), Vec::new());
        let _any_bytes = templates.find(path);
        if !normalize(path, &mut normal) {
            continue;
        }
        assert!(normalize(&normal, &mut again), "{normal:?}");
        assert_eq!(normal, again);
        assert!(normal.starts_with(b"/") && (normal.len() == 1 || !normal.ends_with(b"/")));
        assert!(normal.len() <= path.len());
        for (at, _) in normal.iter().enumerate().filter(|(_, byte)| **byte == b'%') {
            let digits = std::str::from_utf8(&normal[at + 1..at + 3]).expect("two digits");
            let byte = u8::from_str_radix(digits, 16).expect("hexadecimal");
            assert_eq!(digits, format!("{byte:02X}"));
            assert!(
                !(byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)),
                "an escape that nobody needs"
            );
        }
        for segment in normal[1..].split(|b| *b == b'/').filter(|_| normal.len() > 1) {
            assert!(!matches!(segment, b"" | b"." | b".."));
        }
        let best = ids
            .iter()
            .filter_map(|&id| rank(templates.label(id), &normal).map(|rank| (rank, id)))
            .max_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(templates.find(&normal), best.map(|(_, id)| id), "{:?}", String::from_utf8_lossy(&normal));
    }
});
