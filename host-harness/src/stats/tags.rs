//! A full stat name in; the name without its tags, and the tags, out, by `stats_config.stats_tags` rules.
//!
//! Measured on Envoy 1.40: every rule looks at the whole name, `wasmcustom.` included; group 1 is cut out, group 2
//! (or 1 where there is no other) is the value, which may be empty; the first rule of a tag name wins; tags stand
//! in the order of the rules, those without a literal first word (`^word\.`) before the others.

use super::config::StatError;
use regex::bytes::{Regex, RegexBuilder};

/// The rules of one `stats_config`, compiled.
#[derive(Debug, Default)]
pub struct TagRules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    tag: String,
    regex: Regex,
    /// The only first word of a name that the rule can match.
    first_word: Option<Vec<u8>>,
}

/// A stat name taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// What is left of the name, without dots at its end.
    pub name: Vec<u8>,
    /// Tag names and values, in the order in which Envoy prints them.
    pub tags: Vec<(String, Vec<u8>)>,
}

impl TagRules {
    /// Compiles (tag name, regular expression) rules; the first that is not valid is the error.
    pub fn new(rules: &[(String, String)]) -> Result<Self, StatError> {
        let mut compiled: Vec<Rule> =
            rules.iter().map(|(tag, regex)| Rule::new(tag, regex)).collect::<Result<_, _>>()?;
        // A stable sort: false (no first word) goes first.
        compiled.sort_by_key(|rule| rule.first_word.is_some());
        Ok(Self(compiled))
    }

    /// Takes a full stat name apart.
    pub fn extract(&self, name: &[u8]) -> Extracted {
        let first_word = name.iter().position(|b| *b == b'.').and_then(|dot| name.get(..dot));
        let mut tags: Vec<(String, Vec<u8>)> = Vec::new();
        let mut cut = vec![false; name.len()];
        for rule in &self.0 {
            if rule.first_word.is_some() && rule.first_word.as_deref() != first_word {
                continue;
            }
            let Some(groups) = rule.regex.captures(name) else { continue };
            let Some(removed) = groups.get(1) else { continue };
            if tags.iter().any(|(tag, _)| *tag == rule.tag) {
                continue;
            }
            let value = if groups.len() > 2 {
                groups.get(2).map_or(&b""[..], |m| m.as_bytes())
            } else {
                removed.as_bytes()
            };
            tags.push((rule.tag.clone(), value.to_vec()));
            if let Some(range) = cut.get_mut(removed.range()) {
                range.fill(true);
            }
        }
        let left = name.iter().zip(&cut).filter(|(_, cut)| !**cut).map(|(byte, _)| *byte).collect();
        Extracted { name: without_final_dots(left), tags }
    }
}

/// Envoy drops dots at the end of every name.
pub(super) fn without_final_dots(mut name: Vec<u8>) -> Vec<u8> {
    while name.last() == Some(&b'.') {
        name.pop();
    }
    name
}

impl Rule {
    fn new(tag: &str, pattern: &str) -> Result<Self, StatError> {
        let refuse =
            |reason: String| StatError::Tag { tag: tag.to_owned(), regex: pattern.to_owned(), reason };
        if pattern.len() > 1024 {
            return Err(refuse(format!("{} bytes; Envoy takes at most 1024", pattern.len())));
        }
        let regex = RegexBuilder::new(pattern).unicode(false).build().map_err(|e| refuse(e.to_string()))?;
        if regex.captures_len() < 2 {
            return Err(refuse("has no group; group 1 is what is cut out of the name".to_owned()));
        }
        Ok(Self { tag: tag.to_owned(), regex, first_word: literal_first_word(pattern) })
    }
}

fn literal_first_word(pattern: &str) -> Option<Vec<u8>> {
    let rest = pattern.strip_prefix('^')?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    let (word, after) = rest.split_at_checked(end)?;
    (!word.is_empty() && after.starts_with("\\.")).then(|| word.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redline_rules() -> TagRules {
        let rules: Vec<_> = ["service", "method", "endpoint", "status"]
            .iter()
            .map(|l| ((*l).to_owned(), format!(r"^wasmcustom\.(?:.*?[.;])??({l}=\.=(.*?);\.;)")))
            .collect();
        TagRules::new(&rules).unwrap()
    }

    /// Names given to Envoy 1.40.0 with the same rules, and what it showed.
    #[test]
    fn names_come_apart_as_in_envoy() {
        type Tags = &'static [(&'static str, &'static str)];
        let table: &[(&str, &str, Tags)] = &[
            ("b_total.method=.=GET;.;service=.=r;.;", "b_total", &[("service", "r"), ("method", "GET")]),
            ("zf.service=.=;.;method=.=GET;.;", "zf", &[("service", ""), ("method", "GET")]),
            ("zg.service=.=q\"uo\\te;.;", "zg", &[("service", "q\"uo\\te")]),
            ("zi.xstatus=.=20;.;", "zi.xstatus=.=20;.;", &[]),
            ("zj.status=.=1;.;status=.=2;.;", "zj.status=.=2;.;", &[("status", "1")]),
            ("zk.status=.=a.b;.;", "zk", &[("status", "a.b")]),
            ("zm.service=.=a-b;.;x", "zm.x", &[("service", "a-b")]),
            ("service=.=x;.;zo", "zo", &[("service", "x")]),
            ("zp.method=.=X;service=.=y;.;", "zp", &[("service", "y"), ("method", "X;service=.=y")]),
            ("zc.d..", "zc.d", &[]),
        ];
        let rules = redline_rules();
        for (given, name, tags) in table {
            let got = rules.extract(format!("wasmcustom.{given}").as_bytes());
            assert_eq!(String::from_utf8_lossy(&got.name), format!("wasmcustom.{name}"), "{given}");
            let want: Vec<_> = tags.iter().map(|(k, v)| ((*k).to_owned(), v.as_bytes().to_vec())).collect();
            assert_eq!(got.tags, want, "{given}");
        }
    }

    #[test]
    fn rules_without_a_literal_first_word_come_first() {
        let rules = [("a", r"^wasmcustom\.(a=(\w);)"), ("b", r"(b=(\w);)")]
            .map(|(t, r)| (t.to_owned(), r.to_owned()));
        let got = TagRules::new(&rules).unwrap().extract(b"wasmcustom.a=1;b=2;x");
        assert_eq!(got.tags, [("b".to_owned(), b"2".to_vec()), ("a".to_owned(), b"1".to_vec())]);
    }

    #[test]
    fn a_rule_of_one_group_cuts_out_its_value() {
        let rules = TagRules::new(&[("code".to_owned(), r"_rq(_\d{3})$".to_owned())]).unwrap();
        let got = rules.extract(b"wasmcustom.x_rq_200");
        assert_eq!((got.name.as_slice(), got.tags[0].1.as_slice()), (&b"wasmcustom.x_rq"[..], &b"_200"[..]));
    }

    #[test]
    fn a_rule_that_cannot_work_is_refused() {
        for pattern in ["(", "no group"] {
            let error = TagRules::new(&[("t".to_owned(), pattern.to_owned())]).unwrap_err();
            assert!(error.to_string().contains(pattern), "{error}");
        }
    }
}
