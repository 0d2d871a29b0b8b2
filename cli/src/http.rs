//! A URL in, the body of the answer out: plain HTTP, blocking, for admin interfaces and the like.

use std::time::Duration;

/// Larger answers are refused; a scrape of 100,000 series has about 20 MB.
const MAX_BODY: u64 = 512 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No connection, no answer in time, or no HTTP.
    #[error("{url}: {source}")]
    Transport {
        /// What was asked for.
        url: String,
        /// What went wrong.
        source: Box<ureq::Error>,
    },
    /// A status other than 2xx.
    #[error("{url}: answered {status}: {}", .body.lines().next().unwrap_or_default())]
    Status {
        /// What was asked for.
        url: String,
        /// The answer's status.
        status: u16,
        /// The answer's body.
        body: String,
    },
}

/// A client that keeps its connections.
#[derive(Debug, Clone)]
pub struct Client(ureq::Agent);

impl Client {
    /// A client that gives up after `timeout`. Proxies of the environment are not used.
    pub fn new(timeout: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build();
        Self(config.new_agent())
    }

    /// The body at `url`.
    pub fn get(&self, url: &str) -> Result<String, HttpError> {
        read(url, self.0.get(url).call())
    }

    /// The body at `url` with a query string.
    pub fn get_with(&self, url: &str, query: &[(&str, &str)]) -> Result<String, HttpError> {
        let request = self.0.get(url).query_pairs(query.iter().copied());
        read(url, request.call())
    }

    /// The body that an empty POST to `url` gives.
    pub fn post(&self, url: &str) -> Result<String, HttpError> {
        read(url, self.0.post(url).send_empty())
    }
}

fn read(
    url: &str,
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<String, HttpError> {
    let url = url.to_owned();
    let transport = |url, source| HttpError::Transport { url, source: Box::new(source) };
    let mut response = match response {
        Ok(response) => response,
        Err(source) => return Err(transport(url, source)),
    };
    let status = response.status();
    let body = match response.body_mut().with_config().limit(MAX_BODY).read_to_vec() {
        // Envoy passes on whatever bytes a stat name has.
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(source) => return Err(transport(url, source)),
    };
    match status.is_success() {
        true => Ok(body),
        false => Err(HttpError::Status { url, status: status.as_u16(), body }),
    }
}
