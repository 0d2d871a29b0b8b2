//! A number in; the request with that number, or the answer to one, out: pure, the same in every run.

/// A request of the load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: &'static str,
    /// Its path, with a query or without.
    pub path: String,
    /// Header `x-tenant-id`.
    pub tenant: Option<&'static str>,
    /// Bytes of its body.
    pub body: usize,
    /// Whether content-length says so beforehand.
    pub declared: bool,
}

/// An answer of the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Bytes of its body.
    pub body: usize,
    /// Whether content-length says so beforehand.
    pub declared: bool,
    /// How long it takes.
    pub delay_ms: u64,
}

/// Random bits that depend on a number only (SplitMix64); each use takes a share of its own.
struct Dice(u64);

impl Dice {
    fn new(n: u64) -> Self {
        Self(n.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// 0 to `sides` - 1.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides.max(1)
    }

    /// `low` to `high`, low ones more often.
    fn skewed(&mut self, low: u64, high: u64) -> u64 {
        let span = high.saturating_sub(low).saturating_add(1);
        low.saturating_add(self.roll(span).min(self.roll(span)))
    }

    fn size(&mut self, low: u64, high: u64) -> usize {
        usize::try_from(self.skewed(low, high)).unwrap_or_default()
    }
}

/// The request with number `n`.
pub fn request(n: u64) -> Request {
    let mut dice = Dice::new(n);
    let tenant = match dice.roll(20) {
        0..=9 => Some("acme"),
        10..=14 => Some("globex"),
        15..=17 => Some("initech"),
        _ => None,
    };
    let id = dice.roll(500);
    let named = tenant.unwrap_or("guest");
    let (method, path, body) = match dice.roll(100) {
        0..=31 => ("GET", format!("/api/v1/models/{id}"), 0),
        32..=42 => ("GET", format!("/api/v1/models?page={}", dice.roll(9)), 0),
        43..=48 => ("POST", "/api/v1/models".to_owned(), dice.size(200, 8000)),
        49..=66 => {
            // Few models are asked often.
            let model = ["churn", "fraud", "ranking", "vision"].get(usize::try_from(id % 4).unwrap_or(0));
            ("POST", format!("/api/v1/models/{}/predict", model.unwrap_or(&"churn")), dice.size(500, 40_000))
        }
        67..=69 => ("DELETE", format!("/api/v1/models/{id}"), 0),
        70..=71 => ("POST", format!("/api/v1/models/{id}/train"), dice.size(100, 2000)),
        72..=73 => ("POST", "/api/v1/experiments".to_owned(), dice.size(100, 2000)),
        74..=75 => ("POST", "/api/v1/deployments".to_owned(), dice.size(100, 900)),
        76..=84 => ("GET", format!("/t/{named}/experiments/{id}"), 0),
        85..=88 => ("PUT", format!("/t/{named}/experiments/{id}"), dice.size(100, 2000)),
        89..=92 => ("GET", "/healthz".to_owned(), 0),
        93..=94 => ("GET", "/favicon.ico".to_owned(), 0),
        95..=97 => ("GET", format!("/wp-admin/{id}.php"), 0),
        _ => ("HEAD", "/".to_owned(), 0),
    };
    Request { method, path, tenant, body, declared: dice.roll(5) > 0 }
}

/// The answer to the upstream's request with number `n`.
pub fn reply(n: u64, method: &str, path: &str) -> Reply {
    let mut dice = Dice::new(n ^ 0x5eed);
    let path = path.split('?').next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let chance = dice.roll(1000);
    let (status, size, delay_ms) = match (segments.as_slice(), method) {
        (["healthz"], _) => (200, 2, 0),
        (["api", "v1", "models"], "GET") => match chance {
            0..=59 => (429, 40, 0),
            _ => (200, dice.size(2000, 40_000), dice.skewed(3, 25)),
        },
        (["api", "v1", "models", _, "train"], "POST") => (202, dice.size(80, 300), dice.skewed(5, 40)),
        (["api", "v1", "experiments"], "POST") => (201, dice.size(200, 900), dice.skewed(5, 40)),
        (["api", "v1", "deployments"], "POST") => match chance {
            0..=49 => (409, 80, 2),
            _ => (201, dice.size(200, 900), dice.skewed(20, 120)),
        },
        (["api", "v1", "models"], "POST") => match chance {
            0..=39 => (400, 120, 1),
            40..=47 => (500, 60, 5),
            _ => (201, dice.size(200, 900), dice.skewed(5, 60)),
        },
        (["api", "v1", "models", _, "predict"], "POST") => match chance {
            0..=14 => (500, 60, dice.skewed(10, 80)),
            15..=24 => (503, 40, 1),
            // Slow ones, which are in flight for long.
            25..=44 => (200, dice.size(300, 3000), dice.skewed(700, 1500)),
            _ => (200, dice.size(300, 3000), dice.skewed(30, 220)),
        },
        (["api", "v1", "models", _], "DELETE") => (204, 0, dice.skewed(2, 15)),
        (["api", "v1", "models", _], "GET") => match chance {
            0..=29 => (404, 80, 1),
            30..=41 => (503, 40, 1),
            _ => (200, dice.size(500, 4000), dice.skewed(1, 12)),
        },
        (["t", _, "experiments", _], "GET") => match chance {
            0..=59 => (404, 80, 2),
            60..=71 => (500, 60, 3),
            _ => (200, dice.size(200, 1500), dice.skewed(4, 40)),
        },
        (["t", _, "experiments", _], "PUT") => (200, 0, dice.skewed(8, 70)),
        _ => (404, 60, 0),
    };
    let body = if method == "HEAD" { 0 } else { size };
    // Neither has a body, so there is nothing to leave undeclared.
    let bodyless = status == 204 || method == "HEAD";
    Reply { status, body, declared: bodyless || dice.roll(4) > 0, delay_ms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_load_has_every_kind_of_request_that_the_tables_show() {
        let requests: Vec<Request> = (0..2000).map(request).collect();
        let methods: BTreeSet<&str> = requests.iter().map(|r| r.method).collect();
        assert_eq!(methods.into_iter().collect::<Vec<_>>(), ["DELETE", "GET", "HEAD", "POST", "PUT"]);
        let tenants: BTreeSet<_> = requests.iter().map(|r| r.tenant).collect();
        assert_eq!(
            tenants.into_iter().collect::<Vec<_>>(),
            [None, Some("acme"), Some("globex"), Some("initech")]
        );
        assert!(requests.iter().any(|r| r.body > 0 && !r.declared));
        assert_eq!(request(7), request(7));
    }

    #[test]
    fn the_upstream_answers_with_successes_and_failures_fast_and_slow() {
        let answers =
            |method, path| -> BTreeSet<u16> { (0..2000).map(|n| reply(n, method, path).status).collect() };
        assert_eq!(answers("GET", "/api/v1/models/1").into_iter().collect::<Vec<_>>(), [200, 404, 503]);
        assert_eq!(answers("POST", "/api/v1/models?x").into_iter().collect::<Vec<_>>(), [201, 400, 500]);
        assert_eq!(answers("GET", "/t/acme/experiments/1").into_iter().collect::<Vec<_>>(), [200, 404, 500]);
        assert_eq!(answers("GET", "/nothing").into_iter().collect::<Vec<_>>(), [404]);
        let slowest = (0..2000).map(|n| reply(n, "POST", "/api/v1/models/1/predict").delay_ms).max();
        assert!((700..=1500).contains(&slowest.unwrap()));
    }
}
