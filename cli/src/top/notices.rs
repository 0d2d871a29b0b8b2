//! What is read in; what a user must not miss out, a sentence each.

use super::cell::Tone;
use super::{Link, Top};
use crate::report::numbers::{coarse, whole};
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest tick is 60 s; gauges that are older are not renewed.
const STALE_S: u64 = 90;
/// How long a restart is spoken of.
const RESTART_SHOWN: Duration = Duration::from_secs(30);
/// From here on a limit is nearly reached, in percent; the doctor and the alerts have the same.
const NEAR_PERCENT: f64 = 90.0;

/// A sentence, and how it looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How it looks.
    pub tone: Tone,
    /// The sentence, without a full stop.
    pub text: String,
}

impl Top {
    /// The worst first.
    pub fn notices(&self) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut say = |tone, text| notices.push(Notice { tone, text });
        if let Link::Lost { reason, last } = &self.link {
            let seen = match last {
                Some(at) => format!("last seen {} ago", seconds(self.since(*at))),
                None => "never seen".to_owned(),
            };
            say(Tone::Bad, format!("cannot reach {}: {reason}, retrying, {seen}", self.source.url));
        }
        if matches!(self.link, Link::Live { .. }) {
            if let Some(missing) = self.missing() {
                say(Tone::Bad, missing);
            }
            if let Some(at) = self.restarted.filter(|at| self.since(*at) < RESTART_SHOWN) {
                let text = format!(
                    "Envoy or its filter restarted {} ago: all counts from 0",
                    seconds(self.since(at))
                );
                say(Tone::Warning, text);
            }
        }
        for (service, own) in &self.rows.services {
            if let Some(text) = several(&own.dropped) {
                let lost = "could not be recorded since Envoy's start";
                say(Tone::Bad, format!("DROPPED: {text} {lost}{}", self.of(service)));
            }
        }
        for (service, own) in &self.rows.services {
            if let Some(text) = several(&own.overflow) {
                let sent = "sent to _other by a limit since Envoy's start";
                say(Tone::Warning, format!("OVERFLOW: {text} {sent}{}", self.of(service)));
            }
            for (label, [used, max]) in &own.gauges.values {
                let near = used * 100.0 >= max * NEAR_PERCENT && *max > 0.0;
                if near && own.overflow.get(label).is_none_or(|count| *count == 0.0) {
                    let text = format!("NEAR LIMIT: {label} has {} of {} values", whole(*used), whole(*max));
                    say(Tone::Warning, format!("{text}{}", self.of(service)));
                }
            }
            let age =
                own.gauges.published_s.map(|published| self.now.unix_s.saturating_sub(published as u64));
            if let Some(age) = age.filter(|age| *age > STALE_S && !self.is_lost()) {
                let text = format!("STALE: gauges are {} old, nobody publishes them", coarse(age));
                say(Tone::Bad, format!("{text}{}", self.of(service)));
            }
        }
        notices
    }

    /// Why there is nothing to show, where Envoy answers and there is nothing.
    pub fn missing(&self) -> Option<String> {
        let url = &self.source.url;
        let known: Vec<&str> = self.reading.known.iter().map(String::as_str).collect();
        match &self.source.service {
            _ if !self.reading.services.is_empty() => None,
            Some(service) if !known.is_empty() => {
                Some(format!("no service {service} at {url}; there is {}", known.join(", ")))
            }
            _ => Some(format!("no metrics of Redline at {url}; `redline doctor --envoy {url}` says why")),
        }
    }

    fn since(&self, at: Duration) -> Duration {
        self.now.steady.saturating_sub(at)
    }

    /// Whose it is, where that is not clear.
    fn of(&self, service: &str) -> String {
        if self.rows.services.len() > 1 { format!(" ({service})") } else { String::new() }
    }
}

fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0 => "0 s".to_owned(),
        seconds if seconds < 60 => format!("{seconds} s"),
        seconds => coarse(seconds),
    }
}

/// What is above 0: `12 hostcall, 3 value_range`.
fn several(counts: &BTreeMap<String, f64>) -> Option<String> {
    let there: Vec<String> = counts
        .iter()
        .filter(|(_, count)| **count > 0.0)
        .map(|(name, count)| format!("{} {name}", whole(*count)))
        .collect();
    (!there.is_empty()).then(|| there.join(", "))
}
