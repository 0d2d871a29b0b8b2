//! A path in, the endpoint template that it belongs to out: every template is a regular expression, and the most
//! specific one that matches wins.

use super::facts::OTHER;
use redline::config::{EndpointSource, Endpoints as Written, Exclude};
use regex::bytes::{Regex, RegexBuilder};

/// The templates of a configuration.
#[derive(Debug)]
pub(super) struct Endpoints {
    /// Most specific first.
    templates: Vec<Template>,
    excluded: Vec<Template>,
    /// Recorded traffic knows no route names.
    by_route: bool,
}

#[derive(Debug)]
struct Template {
    written: String,
    regex: Regex,
    /// For each segment 0 a literal, 1 a parameter, 2 the rest: the order of specificity, from the left.
    kinds: Vec<u8>,
}

impl Endpoints {
    pub(super) fn new(written: &Written) -> Self {
        let mut templates: Vec<_> =
            written.templates.iter().filter_map(|t| Template::new(t.as_str())).collect();
        templates.sort_by(|a, b| a.kinds.cmp(&b.kinds));
        let excluded = written.exclude.iter().filter_map(|exclude| match exclude {
            Exclude::Template(template) => Template::new(template.as_str()),
            Exclude::Header(_) => None,
        });
        Self {
            templates,
            excluded: excluded.collect(),
            by_route: written.source == EndpointSource::RouteName,
        }
    }

    /// The label `endpoint`.
    pub(super) fn find(&self, path: Option<&[u8]>) -> String {
        let normal = path.filter(|_| !self.by_route).and_then(normal);
        let found = normal.and_then(|path| self.matching(&path));
        found.map_or(OTHER, |template| &template.written).to_owned()
    }

    /// What stands for a parameter of the path's template, in the path's normal form.
    pub(super) fn parameter(&self, path: Option<&[u8]>, name: &str) -> Option<Vec<u8>> {
        let path = path.and_then(normal)?;
        let found = self.matching(&path)?.regex.captures(&path)?;
        found.name(name).map(|part| part.as_bytes().to_vec())
    }

    fn matching(&self, normal: &[u8]) -> Option<&Template> {
        self.templates.iter().find(|template| template.regex.is_match(normal))
    }

    /// Whether requests of this path are counted nowhere.
    pub(super) fn excludes(&self, path: Option<&[u8]>) -> bool {
        let normal = path.and_then(normal);
        normal.is_some_and(|path| self.excluded.iter().any(|t| t.regex.is_match(&path)))
    }
}

impl Template {
    fn new(written: &str) -> Option<Self> {
        let mut pattern = String::from("^");
        let mut kinds = Vec::new();
        for segment in written.split('/').filter(|segment| !segment.is_empty()) {
            pattern.push('/');
            match segment.strip_prefix('{') {
                Some(parameter) => {
                    let name = parameter.trim_end_matches(['*', '}']);
                    let rest = parameter.ends_with("*}");
                    pattern.push_str(&format!("(?P<{name}>{})", if rest { "(?s:.+)" } else { "[^/]+" }));
                    kinds.push(if rest { 2 } else { 1 });
                }
                None => {
                    let literal = String::from_utf8(decoded(segment.as_bytes())?).ok()?;
                    pattern.push_str(&regex::escape(&literal));
                    kinds.push(0);
                }
            }
        }
        if kinds.is_empty() {
            pattern.push('/');
        }
        pattern.push('$');
        let regex = RegexBuilder::new(&pattern).unicode(false).build().ok()?;
        Some(Self { written: written.to_owned(), regex, kinds })
    }
}

/// A path's normal form; `None` where it cannot be read.
fn normal(path: &[u8]) -> Option<Vec<u8>> {
    let path = path.split(|b| matches!(b, b'?' | b'#')).next()?;
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for segment in path.strip_prefix(b"/")?.split(|b| *b == b'/') {
        match decoded(segment)? {
            segment if segment.is_empty() || segment == b"." => {}
            segment if segment == b".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    Some([b"/".to_vec(), kept.join(&b'/')].concat())
}

/// A segment with its unreserved bytes decoded and its other escapes in upper case.
fn decoded(segment: &[u8]) -> Option<Vec<u8>> {
    let mut parts = segment.split(|b| *b == b'%');
    let mut text = parts.next()?.to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let code = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let byte = u8::from_str_radix(code, 16).ok()?;
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(byte);
        } else {
            text.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
        text.extend_from_slice(rest);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use redline::config::Config;

    fn endpoints(templates: &[&str], exclude: &[&str]) -> Endpoints {
        let document =
            serde_json::json!({"service": "s", "endpoints": {"templates": templates, "exclude": exclude}});
        Endpoints::new(&Config::from_json(document.to_string().as_bytes()).unwrap().endpoints)
    }

    #[test]
    fn the_most_specific_template_wins_segment_by_segment() {
        let all = [
            "/",
            "/a",
            "/a/{x}",
            "/a/{x}/b",
            "/a/{rest*}",
            "/{x}/b",
            "/a/c/{y}",
            "/{rest*}",
            "/f.html",
            "/%7Euser/{x}",
        ];
        let endpoints = endpoints(&all, &[]);
        for (path, want) in [
            ("/", "/"),
            ("//?q", "/"),
            ("/a", "/a"),
            ("/a/", "/a"),
            ("/a/1", "/a/{x}"),
            ("/a/1/b", "/a/{x}/b"),
            ("/a/c/b", "/a/c/{y}"),
            ("/a/c/b/d", "/a/{rest*}"),
            ("/a/b", "/a/{x}"),
            ("/z/b", "/{x}/b"),
            ("/z/c", "/{rest*}"),
            ("/f.html", "/f.html"),
            ("/fxhtml", "/{rest*}"),
            ("/~user/1", "/%7Euser/{x}"),
            ("/A", "/{rest*}"),
            ("/%61", "/a"),
            ("/a%2Fb", "/{rest*}"),
            ("/a/../a/./1", "/a/{x}"),
            ("/../a", "/a"),
            ("/a/%zz", "_other"),
            ("/a/%4", "_other"),
            ("a", "_other"),
            ("*", "_other"),
        ] {
            assert_eq!(endpoints.find(Some(path.as_bytes())), want, "{path}");
        }
        assert_eq!(endpoints.find(None), "_other");
    }

    #[test]
    fn excluded_paths_are_excluded_in_any_spelling() {
        let endpoints = endpoints(&["/a"], &["/healthz", "/internal/{rest*}"]);
        for path in ["/healthz", "/healthz/?x=1", "//healthz", "/internal/a/b"] {
            assert!(endpoints.excludes(Some(path.as_bytes())), "{path}");
        }
        for path in ["/a", "/healthzz", "/internal"] {
            assert!(!endpoints.excludes(Some(path.as_bytes())), "{path}");
        }
    }
}
