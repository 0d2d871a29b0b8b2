//! A query in, what a Prometheus answers to it out.

use crate::http::Client;
use crate::slo::SloError;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One series of an answer: its labels, and its value where that is a number.
pub(super) type Series = (BTreeMap<String, String>, f64);

/// By SLO.
pub(super) type Values = BTreeMap<String, f64>;

/// A Prometheus that is asked about one moment.
pub(super) struct Server<'s> {
    url: String,
    client: &'s Client,
    /// In seconds after 1970, by the server's own clock.
    pub(super) now_s: f64,
}

/// What the HTTP API answers, as far as it matters here.
#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    data: Data,
}

#[derive(Deserialize, Default)]
struct Data {
    #[serde(default)]
    result: Vec<Element>,
}

#[derive(Deserialize)]
struct Element {
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

impl<'s> Server<'s> {
    /// Asks for its time first: all further answers are about that moment.
    pub(super) fn new(url: &str, client: &'s Client) -> Result<Self, SloError> {
        let mut server = Self { url: crate::slo::with_scheme(url), client, now_s: 0.0 };
        let answered = server.ask(&[("query", "vector(time())")])?;
        let now_s = answered.first().map_or(0.0, |(_, seconds)| *seconds);
        // Never on the second: whether a subquery sees a step at its very beginning depends on the version.
        server.now_s = now_s.floor() + 0.5;
        Ok(server)
    }

    /// Every series of the answer whose value is a finite number.
    pub(super) fn series(&self, query: &str) -> Result<Vec<Series>, SloError> {
        self.ask(&[("query", query), ("time", &format!("{:.3}", self.now_s))])
    }

    /// The values by the label `slo`.
    pub(super) fn values(&self, query: &str) -> Result<Values, SloError> {
        let by_slo = |(mut labels, value): Series| Some((labels.remove("slo")?, value));
        Ok(self.series(query)?.into_iter().filter_map(by_slo).collect())
    }

    fn ask(&self, parameters: &[(&str, &str)]) -> Result<Vec<Series>, SloError> {
        let url = format!("{}/api/v1/query", self.url);
        let query = parameters.first().map_or("", |(_, query)| *query);
        let failed =
            |reason: String| SloError::Query { url: url.clone(), reason: format!("{query}: {reason}") };
        let text = self.client.get_with(&url, parameters)?;
        let answer: Answer = serde_json::from_str(&text)
            .map_err(|error| failed(format!("this is no answer of Prometheus ({error})")))?;
        if answer.status != "success" {
            return Err(failed(answer.error));
        }
        let finite = |element: Element| {
            Some((element.metric, element.value.1.parse().ok().filter(|v: &f64| v.is_finite())?))
        };
        Ok(answer.data.result.into_iter().filter_map(finite).collect())
    }
}
