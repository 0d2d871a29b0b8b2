use super::sheet::fitting;
use super::*;

fn plot() -> Plot {
    Plot {
        time: (0, 10_000_000_000),
        values: Axis::from_zero(4.0, |value| format!("{value}/s")),
        layers: vec![
            Layer::Area(Ink::Good, vec![(0.0, 4.0), (10.0, 4.0)], vec![(0.0, 0.0), (10.0, 0.0)]),
            Layer::Lines(Ink::First, steps([(0.0, 5.0, Some(1.0)), (5.0, 10.0, Some(3.0))])),
        ],
        limits: vec![(2.0, "limit".to_owned())],
    }
}

#[test]
fn colours_become_classes_and_the_name_is_escaped() {
    let Drawing { wide, narrow } = plot().draw("a \"b\" <c> & d").unwrap();
    for (svg, class) in [(&wide, "wide"), (&narrow, "narrow")] {
        let start =
            format!("<svg class=\"{class}\" role=\"img\" aria-label=\"a &quot;b&quot; &lt;c&gt; &amp; d\"");
        assert!(svg.starts_with(&start) && svg.ends_with("</svg>"), "{svg}");
        for part in [
            "class=\"f-good\"",
            "class=\"s-one\"",
            "class=\"s-limit\"",
            "class=\"s-grid\"",
            "4/s",
            "00:00:10",
        ] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        for gone in ["#", "xmlns", "font-", "opacity", "\n", " \""] {
            assert!(!svg.contains(gone), "{gone:?}: {svg}");
        }
    }
}

#[test]
fn every_ink_has_a_class_and_a_colour_of_its_own() {
    let sheet = include_str!("../../../../templates/report.css");
    let inks = [
        Ink::Main,
        Ink::First,
        Ink::Second,
        Ink::Third,
        Ink::Fourth,
        Ink::Limit,
        Ink::Mark,
        Ink::Peak,
        Ink::Grid,
        Ink::Axis,
        Ink::Failed,
    ];
    for ink in inks {
        assert!(sheet.contains(&format!(".s-{}", ink.class())), "{ink:?}");
    }
    for ink in Ink::CLASSES.into_iter().chain([Ink::Main, Ink::Text, Ink::Quiet, Ink::Grid, Ink::Track]) {
        assert!(sheet.contains(&format!(".f-{}", ink.class())), "{ink:?}");
    }
}

#[test]
fn steps_join_what_is_level_and_break_where_nothing_is() {
    let values = [
        (0.0, 1.0, Some(5.0)),
        (1.0, 2.0, Some(5.0)),
        (2.0, 3.0, Some(7.0)),
        (3.0, 4.0, None),
        (4.0, 5.0, Some(7.0)),
    ];
    let expected = vec![vec![(0.0, 5.0), (2.0, 5.0), (2.0, 7.0), (3.0, 7.0)], vec![(4.0, 7.0), (5.0, 7.0)]];
    assert_eq!(steps(values), expected);
}

#[test]
fn hostile_names_of_rows_are_text() {
    let row = |name: &str| Bar {
        name: name.to_owned(),
        value: 99.0,
        text: "9".to_owned(),
        ink: Ink::Main,
        limits: vec![1.0],
        peak: Some(100.0),
    };
    let axis = Axis::from_zero(4.0, |value| value.to_string());
    let drawing = bars("x", &[row("</text><script>alert(1)</script>")], &axis).unwrap();
    assert!(!drawing.wide.contains("<script") && drawing.wide.contains("&lt;script&gt;"), "{}", drawing.wide);
    let span = Span { from_s: 1.0, to_s: 1.0, ink: Ink::Main };
    let drawing = spans("x", &[("<b>".to_owned(), vec![span])], (0, 10_000_000_000)).unwrap();
    assert!(drawing.narrow.contains("&lt;b&gt;") && drawing.narrow.contains("f-main"));
}

#[test]
fn long_names_end_with_an_ellipsis() {
    assert_eq!(
        (fitting("short", 100), fitting("a rather long name", 68)),
        ("short".to_owned(), "a rather …".to_owned())
    );
}
