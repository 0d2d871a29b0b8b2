//! A JSON value in, typed values out; every mistake is kept, none ends the reading.
//!
//! Serde's derive stops at the first mistake and does not know its path, and costs the module about 65 KB:
//! a user who fixes a configuration wants the whole list.
//!
//! Nothing here is inlined: it runs once a configuration, and copied into each reader it makes the module a fifth
//! larger.

use super::error::{ConfigError, ConfigErrors};
use super::units::{Duration, parse_duration};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// A value and the path that leads to it.
pub(super) struct Node<'v> {
    pub(super) path: String,
    pub(super) value: &'v Value,
}

impl<'v> Node<'v> {
    /// The whole document.
    pub(super) fn root(value: &'v Value) -> Self {
        Self { path: "$".to_owned(), value }
    }

    /// Keeps a mistake about this value; returns `None` so that readers can end with it.
    pub(super) fn fail<T>(&self, errors: &mut ConfigErrors, reason: impl Into<String>) -> Option<T> {
        self.keep(errors, reason.into());
        None
    }

    #[cold]
    #[inline(never)]
    fn keep(&self, errors: &mut ConfigErrors, reason: String) {
        let value = shorten(self.value);
        errors.0.push(ConfigError { path: self.path.clone(), value, reason });
    }

    /// A string.
    #[inline(never)]
    pub(super) fn text(&self, errors: &mut ConfigErrors) -> Option<&'v str> {
        match self.value {
            Value::String(s) => Some(s),
            _ => self.fail(errors, "expected a string"),
        }
    }

    /// A string for which `valid` holds; `expected` completes "expected ...".
    #[inline(never)]
    pub(super) fn text_where(
        &self,
        errors: &mut ConfigErrors,
        expected: &str,
        valid: &dyn Fn(&str) -> bool,
    ) -> Option<String> {
        match self.value {
            Value::String(s) if valid(s) => Some(s.clone()),
            _ => self.fail(errors, format!("expected {expected}")),
        }
    }

    /// A whole number in `range`. 5.0 and 1e3 are read too: Envoy turns a Struct's numbers into doubles.
    #[inline(never)]
    pub(super) fn integer(&self, errors: &mut ConfigErrors, range: RangeInclusive<u64>) -> Option<u64> {
        match whole_number(self.value) {
            Some(n) if range.contains(&n) => Some(n),
            _ => self
                .fail(errors, format!("expected a whole number from {} to {}", range.start(), range.end())),
        }
    }

    /// A boolean.
    #[inline(never)]
    pub(super) fn boolean(&self, errors: &mut ConfigErrors) -> Option<bool> {
        match self.value {
            Value::Bool(b) => Some(*b),
            _ => self.fail(errors, "expected true or false"),
        }
    }

    /// A duration such as `250ms`, `15m` or `30d`, in `range`.
    #[inline(never)]
    pub(super) fn duration(
        &self,
        errors: &mut ConfigErrors,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let parsed = self.value.as_str().and_then(parse_duration);
        match parsed {
            Some(d) if range.contains(&d) => Some(d),
            _ => {
                let (low, high) = (range.start(), range.end());
                self.fail(
                    errors,
                    format!("expected a duration such as 250ms, 15m or 30d, from {low} to {high}"),
                )
            }
        }
    }

    /// The elements of a list; a mistake and nothing where it is no list.
    #[inline(never)]
    pub(super) fn list(&self, errors: &mut ConfigErrors) -> Vec<Node<'v>> {
        match self.value {
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(i, value)| Node { path: format!("{}[{i}]", self.path), value })
                .collect(),
            _ => self.fail(errors, "expected a list").unwrap_or_default(),
        }
    }

    /// The elements of a list, each read by `read`; elements that fail are left out.
    pub(super) fn list_of<T>(
        &self,
        errors: &mut ConfigErrors,
        mut read: impl FnMut(&Node<'v>, &mut ConfigErrors) -> Option<T>,
    ) -> Vec<T> {
        let nodes = self.list(errors);
        nodes.iter().filter_map(|node| read(node, errors)).collect()
    }

    /// The fields of an object.
    #[inline(never)]
    pub(super) fn fields(&self, errors: &mut ConfigErrors) -> Option<Fields<'v>> {
        match self.value {
            Value::Object(map) => Some(Fields { path: self.path.clone(), map, known: Vec::new() }),
            _ => self.fail(errors, "expected an object"),
        }
    }
}

/// The fields of one object; remembers which were asked for, so that the rest can be refused.
pub(super) struct Fields<'v> {
    path: String,
    map: &'v Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'v> Fields<'v> {
    /// The field `key` where it is present and not null.
    #[inline(never)]
    pub(super) fn take(&mut self, key: &'static str) -> Option<Node<'v>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let value = self.map.get(key).filter(|v| !v.is_null())?;
        Some(Node { path: format!("{}.{key}", self.path), value })
    }

    /// The field `key`; a mistake where it is absent.
    #[inline(never)]
    pub(super) fn require(&mut self, key: &'static str, errors: &mut ConfigErrors) -> Option<Node<'v>> {
        let node = self.take(key);
        if node.is_none() {
            self.complain(errors, format!("`{key}` is required"));
        }
        node
    }

    /// Every field with its own path, for maps whose keys the user chooses.
    #[inline(never)]
    pub(super) fn entries(&self) -> Vec<(&'v str, Node<'v>)> {
        self.map
            .iter()
            .map(|(key, value)| (key.as_str(), Node { path: format!("{}.{key}", self.path), value }))
            .collect()
    }

    /// Keeps a mistake about the object as a whole.
    #[cold]
    #[inline(never)]
    pub(super) fn complain(&self, errors: &mut ConfigErrors, reason: String) {
        errors.0.push(ConfigError { path: self.path.clone(), value: String::new(), reason });
    }

    /// Refuses every field that was not asked for, naming the nearest that exists.
    #[inline(never)]
    pub(super) fn finish(self, errors: &mut ConfigErrors) {
        for (key, value) in self.map {
            if self.known.contains(&key.as_str()) {
                continue;
            }
            let near = self.known.iter().filter(|k| distance_is_small(k, key)).min_by_key(|k| k.len());
            let reason = match near {
                Some(near) => format!("unknown key; did you mean `{near}`?"),
                None if self.known.is_empty() => "unknown key; none is expected here".to_owned(),
                None => format!("unknown key; expected one of {}", self.known.join(", ")),
            };
            let path = format!("{}.{key}", self.path);
            errors.0.push(ConfigError { path, value: shorten(value), reason });
        }
    }
}

/// A JSON number without a fraction, as u64.
pub(super) fn whole_number(value: &Value) -> Option<u64> {
    if let Some(n) = value.as_u64() {
        return Some(n);
    }
    let f = value.as_f64()?;
    // 2^53: above it a double does not hold every whole number.
    let exact = f.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&f);
    exact.then_some(f as u64)
}

/// The value as compact JSON, cut at 80 characters.
fn shorten(value: &Value) -> String {
    const LIMIT: usize = 80;
    // Not `Display`, which brings the pretty form along. A value that was read can be written.
    let text = serde_json::to_string(value).unwrap_or_default();
    match text.char_indices().nth(LIMIT) {
        Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or_default()),
        None => text,
    }
}

/// Whether two keys differ by at most two edits (one for short keys).
fn distance_is_small(a: &str, b: &str) -> bool {
    let limit = if a.len().min(b.len()) < 5 { 1 } else { 2 };
    if a.len().abs_diff(b.len()) > limit {
        return false;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.bytes().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(i.saturating_add(1));
        for (cb, pair) in b.bytes().zip(row.windows(2)) {
            let (diagonal, above) = match pair {
                [d, u] => (*d, *u),
                _ => return false,
            };
            let left = next.last().copied().unwrap_or_default();
            let substitute = diagonal.saturating_add(usize::from(ca != cb));
            next.push(substitute.min(above.saturating_add(1)).min(left.saturating_add(1)));
        }
        row = next;
    }
    row.last().is_some_and(|d| *d <= limit)
}
