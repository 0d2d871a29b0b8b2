use super::*;
use serde_json::json;

fn mistakes(file: &str, text: &str) -> String {
    Document::from_text(file, text).unwrap_err().to_string()
}

#[test]
fn json_and_yaml_say_the_same() {
    let yaml = Document::from_text("a.yaml", "service: shop\nlimits: {max_series: 500}\n").unwrap();
    let json = Document::from_text("a.json", "{\"service\": \"shop\",\n\t\"limits\": {\"max_series\": 500}}")
        .unwrap();
    assert_eq!(yaml.value, json!({"service": "shop", "limits": {"max_series": 500}}));
    assert_eq!((yaml.value, yaml.config), (json.value, json.config));
}

#[test]
fn yaml_1_2_leaves_words_alone() {
    let document =
        Document::from_text("a.yaml", "service: x\ntenant: {allow: [no, on, 'null', \"5\", 2020-01-01]}");
    assert_eq!(document.unwrap().config.tenant.allow, ["no", "on", "null", "5", "2020-01-01"]);
}

#[test]
fn each_mistake_has_its_line_and_the_words_of_the_filter() {
    let text = "service: Shop\n\nendpoints:\n  templates:\n    - /a\n    - b\nlimits:\n  max_series:\n    1\nfoo:\n  bar: 1\n";
    let value = json!({
        "service": "Shop", "endpoints": {"templates": ["/a", "b"]}, "limits": {"max_series": 1}, "foo": {"bar": 1}
    });
    let said = mistakes("shop.yaml", text);
    let filter = Config::from_json(value.to_string().as_bytes()).unwrap_err();
    let lines =
        [("$.service", 1), ("$.endpoints.templates[1]", 6), ("$.limits.max_series", 8), ("$.foo", 10)];
    assert_eq!(filter.0.len(), lines.len());
    for (path, line) in lines {
        let error = filter.iter().find(|e| e.path == path).unwrap();
        assert!(said.lines().any(|l| l == format!("shop.yaml:{line}: {error}")), "{path} in\n{said}");
    }
}

#[test]
fn what_is_missing_has_no_line() {
    assert_eq!(mistakes("a.yaml", "tick: 1s"), "a.yaml: $: `service` is required");
}

#[test]
fn a_key_that_is_there_twice_is_refused_in_both_formats() {
    assert_eq!(mistakes("a.yaml", "service: x\nservice: y\n"), "a.yaml:2: the key `service` is there twice");
    assert_eq!(
        mistakes("a.json", "{\"service\":\"x\",\n\"service\":\"y\"}"),
        "a.json:2: the key `service` is there twice"
    );
}

#[test]
fn broken_syntax_is_said_with_its_line() {
    let yaml = mistakes("a.yaml", "service: x\nendpoints: [a\n");
    assert!(yaml.starts_with("a.yaml:") && yaml.contains("not YAML: "), "{yaml}");
    let braces = mistakes("a.yaml", "service: x\nendpoints:\n  templates: [/a/{id}, /b]\n");
    assert!(braces.contains("braces want quotes"), "{braces}");
    assert_eq!(yaml.lines().count(), 1);
    let two = mistakes("a.yaml", "service: x\n---\nservice: y\n");
    assert_eq!(two, "a.yaml:3: a second document begins here; a configuration is one");
}

#[test]
fn json_is_refused_in_the_words_of_the_filter() {
    for text in ["{\"service\": \"x\",}", "{\"service\": x}", "{\"service\": \"x\"", " \n "] {
        let filter = Config::from_json(text.as_bytes()).unwrap_err();
        assert_eq!(mistakes("a.json", text), format!("a.json: {filter}"));
    }
}

#[test]
fn json_that_yaml_cannot_say_is_read_all_the_same() {
    let text = "{\"service\": \"x\", \"tenant\": {\"allow\": [\"\\ud83d\\ude00\"]}}";
    assert_eq!(Document::from_text("a.json", text).unwrap().config.tenant.allow, ["😀"]);
}

#[test]
fn aliases_that_multiply_or_recur_end_in_an_error() {
    let mut bomb = "a0: &a0 [x]\n".to_owned();
    for i in 1..40 {
        let before = format!("*a{},", i - 1).repeat(9);
        bomb.push_str(&format!("a{i}: &a{i} [{before}]\n"));
    }
    assert!(Document::from_text("a.yaml", &bomb).is_err());
    assert!(Document::from_text("a.yaml", "service: &a [*a]").is_err());
    assert!(Document::from_text("a.yaml", &"[".repeat(100_000)).is_err());
}

#[test]
fn bytes_that_are_no_text_and_files_that_are_not_there_are_named() {
    let error = Document::from_bytes("a.yaml", vec![0xff, 0xfe, 0]).unwrap_err();
    assert_eq!(error.to_string(), "a.yaml: not UTF-8 text: this is no configuration");
    let error = Document::load(Path::new("/nowhere/a.yaml")).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/a.yaml: "), "{error}");
    assert_eq!(error.count(), 1);
}
