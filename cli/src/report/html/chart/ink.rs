//! What plotters wrote in; the same with classes for colours, and without what the style sheet says, out.

use plotters::style::RGBColor;
use regex::Regex;
use std::sync::LazyLock;

/// What a line, an area or a letter is for; the style sheet has a colour, and for lines a dash, for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Lines behind the data.
    Grid,
    /// The plot's edges.
    Axis,
    /// Letters.
    Text,
    /// Letters that say what a threshold is.
    Quiet,
    /// A limit that the data may cross.
    Limit,
    /// The same across a bar.
    Mark,
    /// The highest value of before.
    Peak,
    /// The way that a bar could go.
    Track,
    /// The one series of a chart.
    Main,
    /// Of several series the first to the fourth, each with its own dash.
    First,
    /// The second.
    Second,
    /// The third.
    Third,
    /// The fourth.
    Fourth,
    /// Requests by class: 2xx.
    Good,
    /// 1xx.
    Informed,
    /// 3xx.
    Redirected,
    /// 4xx.
    Refused,
    /// 5xx.
    Failed,
    /// No response.
    Unanswered,
}

impl Ink {
    const ALL: [Self; 19] = [
        Self::Grid,
        Self::Axis,
        Self::Text,
        Self::Quiet,
        Self::Limit,
        Self::Mark,
        Self::Peak,
        Self::Track,
        Self::Main,
        Self::First,
        Self::Second,
        Self::Third,
        Self::Fourth,
        Self::Good,
        Self::Informed,
        Self::Redirected,
        Self::Refused,
        Self::Failed,
        Self::Unanswered,
    ];

    /// The ending of its classes `s-…` (stroke) and `f-…` (fill).
    pub const fn class(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Axis => "axis",
            Self::Text => "text",
            Self::Quiet => "quiet",
            Self::Limit => "limit",
            Self::Mark => "mark",
            Self::Peak => "peak",
            Self::Track => "track",
            Self::Main => "main",
            Self::First => "one",
            Self::Second => "two",
            Self::Third => "three",
            Self::Fourth => "four",
            Self::Good => "good",
            Self::Informed => "informed",
            Self::Redirected => "redirected",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unanswered => "unanswered",
        }
    }

    /// By [`CLASSES`](crate::course::CLASSES).
    pub const CLASSES: [Self; 6] =
        [Self::Good, Self::Informed, Self::Redirected, Self::Refused, Self::Failed, Self::Unanswered];

    /// The colour that stands for it while plotters draws.
    pub(super) const fn color(self) -> RGBColor {
        RGBColor(0xED, 0x00, self as u8)
    }
}

/// What the style sheet says instead, and white space.
#[expect(clippy::unwrap_used, reason = "a constant expression, which a test compiles")]
static SAID_ELSEWHERE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#" (?:font-family|font-size|stroke-width|opacity)="[^"]*"| (?:fill|stroke)="none"|\n| +(?:")"#,
    )
    .unwrap()
});

/// One drawing, as it is put into the page.
pub(super) fn themed(svg: &str, class: &str, name: &str, (width, height): (u32, u32)) -> String {
    let inner = svg.split_once('>').map_or("", |(_, inner)| inner);
    let mut inner = SAID_ELSEWHERE
        .replace_all(inner, |found: &regex::Captures<'_>| {
            if found.get(0).is_some_and(|text| text.as_str().ends_with(" \"")) { "\"" } else { "" }
        })
        .into_owned();
    for ink in Ink::ALL {
        let RGBColor(red, green, blue) = ink.color();
        for (attribute, kind) in [("stroke", 's'), ("fill", 'f')] {
            let written = format!("{attribute}=\"#{red:02X}{green:02X}{blue:02X}\"");
            inner = inner.replace(&written, &format!("class=\"{kind}-{}\"", ink.class()));
        }
    }
    format!(
        "<svg class=\"{class}\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {width} {height}\">{inner}",
        escaped(name)
    )
}

/// A text in an attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
