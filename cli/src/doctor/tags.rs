//! A bootstrap's `stats_tags` and examples of our stats in; labels and names that do not come out as they should out.

use super::example::Example;
use super::finding::{Fault, Finding, several};
use host_harness::stats::tags::TagRules;
use redline::stat_name::NAMESPACE;
use serde_json::Value;

/// One of the bootstrap's rules.
struct Rule {
    tag: String,
    regex: String,
    alone: TagRules,
}

pub(super) fn check(stats_config: &Value, examples: &[Example], findings: &mut Vec<Finding>) {
    let specifiers = || stats_config.get("stats_tags").and_then(Value::as_array).into_iter().flatten();
    let text = |tag: &Value, key: &str| tag.get(key).and_then(Value::as_str).map(str::to_owned);
    // One by one: Istio's have expressions that this engine does not know. None of those is one of ours.
    let rules: Vec<Rule> = specifiers()
        .filter_map(|specifier| {
            let (tag, regex) = (text(specifier, "tag_name")?, text(specifier, "regex")?);
            let alone = TagRules::new(&[(tag.clone(), regex.clone())]).ok()?;
            Some(Rule { tag, regex, alone })
        })
        .collect();
    let (strangers, readers): (Vec<&Rule>, Vec<&Rule>) =
        rules.iter().partition(|rule| examples.iter().any(|example| rule.is_strange_to(example)));
    let of = |with: &[&Rule]| {
        let kept = rules.iter().filter(|rule| with.iter().any(|kept| std::ptr::eq(*kept, *rule)));
        together(kept)
    };

    // A fixed value stands in every stat, and before what a rule reads.
    let is_label = |tag: &str| examples.iter().any(|e| e.labels.iter().any(|(label, _)| label == tag));
    let fixed = specifiers().filter_map(|specifier| {
        let (tag, value) = (text(specifier, "tag_name")?, text(specifier, "fixed_value")?);
        is_label(&tag).then(|| (tag.clone(), format!("{tag} with the fixed value {value}")))
    });
    let without = of(&readers);
    let changed = strangers.iter().filter_map(|stranger| {
        let mut with = readers.clone();
        with.push(stranger);
        let with = of(&with);
        let spoils = examples.iter().any(|example| example.seen(&with) != example.seen(&without));
        spoils.then(|| (stranger.tag.clone(), format!("{} with the regex {}", stranger.tag, stranger.regex)))
    });
    let spoilers: Vec<(String, String)> = fixed.chain(changed).collect();
    for (_, rule) in &spoilers {
        findings.push(Finding {
            fault: Fault::StatsTag,
            what: format!(
                "the stats_tag {rule} takes what is ours: metrics have another name, or a label another value"
            ),
            mend: "take it out, or narrow it so that it does not match names that begin with wasmcustom, and restart Envoy"
                .to_owned(),
        });
    }

    let mut lost: Vec<&str> = Vec::new();
    for example in examples {
        let (_, values) = example.seen(&without);
        for ((label, expected), value) in example.labels.iter().zip(values) {
            let known = lost.contains(&label.as_str()) || spoilers.iter().any(|(tag, _)| tag == label);
            if value.as_deref() != Some(expected.as_bytes()) && !known {
                lost.push(label);
            }
        }
    }
    let mend = "put what `redline render envoy-stats` writes into the bootstrap (Istio: sidecar.istio.io/extraStatTags) \
                and restart Envoy";
    if !lost.is_empty() {
        let (labels, have) = if lost.len() == 1 { ("label", "has") } else { ("labels", "have") };
        findings.push(Finding {
            fault: Fault::StatsTag,
            what: format!(
                "the {labels} {} {have} no stats_tag that reads them: they are a part of the metrics' names",
                several(&lost)
            ),
            mend: mend.to_owned(),
        });
    }
    if lost.is_empty() && spoilers.is_empty() {
        let all = together(rules.iter());
        let wrong = examples.iter().find_map(|example| {
            let (name, _) = example.seen(&all);
            let expected = format!("{NAMESPACE}{}", example.metric);
            (name != expected.as_bytes()).then_some((expected, name))
        });
        if let Some((expected, name)) = wrong {
            let name = String::from_utf8_lossy(&name);
            findings.push(Finding {
                fault: Fault::StatsTag,
                what: format!("the stats_tags make the name {name} of what should be {expected}"),
                mend: mend.to_owned(),
            });
        }
    }
}

/// The rules as Envoy applies them, in their order.
fn together<'r>(rules: impl Iterator<Item = &'r Rule>) -> TagRules {
    let rules: Vec<(String, String)> = rules.map(|rule| (rule.tag.clone(), rule.regex.clone())).collect();
    // Each was compiled alone.
    TagRules::new(&rules).unwrap_or_default()
}

impl Rule {
    /// Whether it finds something in the name that is not the label that it is named after.
    fn is_strange_to(&self, example: &Example) -> bool {
        let found = self.alone.extract(example.name.as_bytes()).tags;
        let is_label = |tag: &str, value: &[u8]| {
            example.labels.iter().any(|(label, expected)| label == tag && expected.as_bytes() == value)
        };
        found.iter().any(|(tag, value)| !is_label(tag, value))
    }
}
