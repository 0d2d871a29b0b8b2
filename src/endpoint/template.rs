//! A template as written in, its segments out.

use super::path::normalize;
use std::fmt;

/// An endpoint template such as `/api/v1/models/{id}` or `/static/{file*}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    written: String,
    segments: Vec<Segment>,
}

/// One segment of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// Must be equal, in normal form.
    Literal(Box<[u8]>),
    /// `{name}`: any one segment.
    Parameter(String),
    /// `{name*}`: one or more segments, up to the end.
    Rest(String),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateError {
    /// It does not begin with a slash.
    NoSlash,
    /// It is longer than 512 bytes.
    TooLong,
    /// It has a byte that no path has, or that separates labels in a stat name.
    Byte(char),
    /// A `%` without two hexadecimal digits.
    Escape,
    /// An empty segment, `.` or `..`.
    Segment,
    /// Braces that are no whole `{name}` or `{name*}` segment.
    Braces(String),
    /// The same parameter twice.
    Twice(String),
    /// `{name*}` before the end.
    RestNotLast,
    /// A dot at the end, which Envoy cuts off a label's value: two templates could become one series, twice.
    FinalDot,
    /// A text that Envoy's or Istio's own tag extractors would read.
    Extractor(&'static str),
}

/// Fragments after which Envoy's or Istio's tag extractors would read the template as their own label.
const EXTRACTORS: [&str; 9] = [
    "cache.",
    "component.",
    "tag.",
    "wasm_filter.",
    "rbac.",
    ".shadow_allowed",
    ".shadow_denied",
    ".istio_dry_run_allow_",
    ".istio_dry_run_deny_",
];

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSlash => f.write_str("a template begins with /"),
            Self::TooLong => f.write_str("a template has at most 512 bytes"),
            Self::Byte(c) => {
                write!(f, "{c:?} cannot be in a template; percent-encode it if it is in the path")
            }
            Self::Escape => f.write_str("% must be followed by two hexadecimal digits"),
            Self::Segment => {
                f.write_str("no segment may be empty, . or .., since paths are matched without them")
            }
            Self::Braces(segment) => {
                write!(f, "{segment}: a parameter is a whole segment, {{name}}, or {{name*}} for the rest")
            }
            Self::Twice(name) => write!(f, "the parameter {{{name}}} is there twice"),
            Self::RestNotLast => f.write_str("{name*} takes the rest of the path and must be last"),
            Self::FinalDot => {
                f.write_str("Envoy cuts a dot off the end of a label; percent-encode it as %2E")
            }
            Self::Extractor(text) => {
                write!(f, "Envoy's or Istio's tag extractors would read {text:?} as a label of their own")
            }
        }
    }
}

impl Template {
    /// Reads a template; literal segments are brought into a path's normal form, the label stays as written.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let body = text.strip_prefix('/').ok_or(TemplateError::NoSlash)?;
        if text.len() > 512 {
            return Err(TemplateError::TooLong);
        }
        // RFC 3986 pchar and "/", without ; and = which delimit labels in a stat name; and our own braces.
        let allowed = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,:@{}".contains(c);
        if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
            return Err(TemplateError::Byte(bad));
        }
        if let Some(fragment) = EXTRACTORS.into_iter().find(|e| text.contains(e)) {
            return Err(TemplateError::Extractor(fragment));
        }
        let body = body.strip_suffix('/').unwrap_or(body);
        let mut segments = Vec::new();
        for part in body.split('/').filter(|_| !body.is_empty()) {
            if let Some(Segment::Rest(_)) = segments.last() {
                return Err(TemplateError::RestNotLast);
            }
            let segment = parse_segment(part)?;
            if let Some(name) = segment.name()
                && segments.iter().any(|s: &Segment| s.name() == Some(name))
            {
                return Err(TemplateError::Twice(name.to_owned()));
            }
            segments.push(segment);
        }
        if text.ends_with('.') {
            return Err(TemplateError::FinalDot);
        }
        Ok(Self { written: text.to_owned(), segments })
    }

    /// As written: the value of the label.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The names of its parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(Segment::name)
    }

    /// What stands for a parameter in a path in normal form that this template matches (see [`normalize`]).
    ///
    /// Escapes that the normal form keeps are left as they are: `a%2Fb` is `a%2Fb`.
    pub fn parameter<'p>(&self, name: &str, normal: &'p [u8]) -> Option<&'p [u8]> {
        let mut rest = normal;
        for segment in &self.segments {
            rest = rest.strip_prefix(b"/")?;
            let end = rest.iter().position(|b| *b == b'/').unwrap_or(rest.len());
            match segment {
                Segment::Rest(own) if own == name => return Some(rest),
                Segment::Parameter(own) if own == name => return rest.get(..end),
                _ => rest = rest.get(end..)?,
            }
        }
        None
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

impl Segment {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Parameter(name) | Self::Rest(name) => Some(name),
            Self::Literal(_) => None,
        }
    }
}

fn parse_segment(part: &str) -> Result<Segment, TemplateError> {
    if matches!(part, "" | "." | "..") || part.contains("..") {
        return Err(TemplateError::Segment);
    }
    if part.contains(['{', '}']) {
        let inner = part.strip_prefix('{').and_then(|s| s.strip_suffix('}'));
        let inner = inner.ok_or_else(|| TemplateError::Braces(part.to_owned()))?;
        let (name, rest) = inner.strip_suffix('*').map_or((inner, false), |name| (name, true));
        let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if !first || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(TemplateError::Braces(part.to_owned()));
        }
        return Ok(if rest { Segment::Rest(name.to_owned()) } else { Segment::Parameter(name.to_owned()) });
    }
    let mut normal = Vec::new();
    if !normalize(format!("/{part}").as_bytes(), &mut normal) {
        return Err(TemplateError::Escape);
    }
    match normal.strip_prefix(b"/") {
        Some(literal) if !literal.is_empty() => Ok(Segment::Literal(literal.into())),
        _ => Err(TemplateError::Segment),
    }
}
