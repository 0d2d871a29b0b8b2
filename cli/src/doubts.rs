//! A valid configuration in; what in it is hardly meant, in words, out.
//!
//! None of it is a mistake: a segment `*` is one that a path can have. But who writes it comes from another router.

use redline::config::Config;

/// What `redline check` and `redline run` warn of, beside alerts that nobody is told of.
pub fn doubts(config: &Config) -> Vec<String> {
    templates(config).collect()
}

/// Wildcards of other routers, which are text here: no request would ever be counted for them.
fn templates(config: &Config) -> impl Iterator<Item = String> {
    config.endpoints.templates.iter().enumerate().filter_map(|(i, template)| {
        let (segment, meant) = template.as_str().split('/').find_map(|segment| Some((segment, meant(segment)?)))?;
        let written = template.as_str();
        Some(format!(
            "$.endpoints.templates[{i}]: {written:?}: the segment {segment:?} is that text and nothing else; did you mean {meant}?"
        ))
    })
}

/// What says here what a segment says elsewhere.
fn meant(segment: &str) -> Option<String> {
    let name = |name: &str| if name.is_empty() { "id".to_owned() } else { name.to_owned() };
    match segment {
        "*" => Some("{id}, for one segment, or {rest*}, for all that follow".to_owned()),
        "**" | "..." => Some("{rest*}".to_owned()),
        _ => {
            let named = segment.strip_prefix([':', '$']).map(|text| format!("{{{}}}", name(text)));
            named.or_else(|| Some(format!("{{{}*}}", name(segment.strip_prefix('*')?))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_of_other_routers_are_doubted_and_nothing_else_is() {
        for (template, said) in [
            ("/api/:id", "did you mean {id}?"),
            ("/api/*", "did you mean {id}, for one segment, or {rest*}, for all that follow?"),
            ("/a/**", "did you mean {rest*}?"),
            ("/a/*path", "did you mean {path*}?"),
            ("/a/$id", "did you mean {id}?"),
            ("/a/:", "did you mean {id}?"),
        ] {
            let document = serde_json::json!({"service": "x", "endpoints": {"templates": ["/", template]}});
            let doubts = doubts(&Config::from_value(&document).unwrap());
            assert!(doubts.len() == 1 && doubts[0].ends_with(said), "{template}: {doubts:?}");
            assert!(doubts[0].starts_with("$.endpoints.templates[1]: "), "{doubts:?}");
        }
        let templates =
            ["/", "/a/{id}", "/a/{rest*}", "/shop.v1.Orders/Place", "/v1/models:predict", "/a/b*c"];
        let document = serde_json::json!({"service": "x", "endpoints": {"templates": templates}});
        assert_eq!(doubts(&Config::from_value(&document).unwrap()), Vec::<String>::new());
    }
}
