//! The shape of a scenario's text: what serde reads, not yet looked at.

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    #[serde(default)]
    pub(super) start: Option<Spanned<String>>,
    pub(super) duration: Spanned<Time>,
    #[serde(default)]
    pub(super) seed: u64,
    #[serde(default)]
    pub(super) host: Option<Spanned<String>>,
    pub(super) rate: Spanned<Rate>,
    #[serde(default)]
    pub(super) repeat: Option<Spanned<Time>>,
    #[serde(default)]
    pub(super) tenants: Option<Spanned<WrittenPeople>>,
    #[serde(default)]
    pub(super) users: Option<Spanned<WrittenPeople>>,
    pub(super) requests: Spanned<Vec<Spanned<WrittenKind>>>,
    #[serde(default)]
    pub(super) episodes: Vec<Spanned<WrittenEpisode>>,
}

pub(super) enum Rate {
    Always(f64),
    Points(Vec<Spanned<Point>>),
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Rate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("requests a second, or a list of {at, per_second}")
            }

            fn visit_f64<E>(self, rate: f64) -> Result<Rate, E> {
                Ok(Rate::Always(rate))
            }

            fn visit_u64<E>(self, rate: u64) -> Result<Rate, E> {
                Ok(Rate::Always(rate as f64))
            }

            fn visit_i64<E>(self, rate: i64) -> Result<Rate, E> {
                Ok(Rate::Always(rate as f64))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Rate, A::Error> {
                Deserialize::deserialize(SeqAccessDeserializer::new(list)).map(Rate::Points)
            }
        }
        // What is not said to be a number or a list is text or nothing: the visitor names what it expected.
        deserializer.deserialize_any(Any)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Point {
    pub(super) at: Time,
    pub(super) per_second: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPeople {
    pub(super) count: u64,
    #[serde(default = "one")]
    pub(super) zipf: f64,
    pub(super) header: String,
    #[serde(default)]
    pub(super) prefix: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenKind {
    pub(super) path: String,
    #[serde(default = "thousand")]
    pub(super) ids: u64,
    #[serde(default = "get")]
    pub(super) method: String,
    #[serde(default = "one")]
    pub(super) weight: f64,
    #[serde(default)]
    pub(super) status: Option<BTreeMap<u16, f64>>,
    #[serde(default)]
    pub(super) latency: WrittenSpread<Time>,
    #[serde(default)]
    pub(super) request_bytes: WrittenSpread<Number>,
    #[serde(default)]
    pub(super) response_bytes: WrittenSpread<Number>,
    #[serde(default)]
    pub(super) request_headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) response_headers: BTreeMap<String, String>,
}

pub(super) enum WrittenSpread<T> {
    Always(T),
    Of(Shape<T>),
}

impl<'de, T: Quantity + Deserialize<'de>> Deserialize<'de> for WrittenSpread<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<T>(PhantomData<T>);
        impl<'de, T: Quantity + Deserialize<'de>> Visitor<'de> for Any<T> {
            type Value = WrittenSpread<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, {p50, p99}, {mean} or {min, max}")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                T::text(text).map(WrittenSpread::Always).map_err(E::custom)
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
                T::number(number).map(WrittenSpread::Always).map_err(E::custom)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                self.visit_f64(number as f64)
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                self.visit_f64(number as f64)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Shape::deserialize(MapAccessDeserializer::new(map)).map(WrittenSpread::Of)
            }
        }
        deserializer.deserialize_any(Any(PhantomData))
    }
}

/// One value of a distribution, as text or as a number.
pub(super) trait Quantity: Sized {
    fn text(text: &str) -> Result<Self, String>;
    fn number(number: f64) -> Result<Self, String>;
}

impl Quantity for Time {
    fn text(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }

    fn number(number: f64) -> Result<Self, String> {
        if number == 0.0 {
            Ok(Self(0.0))
        } else {
            Err(format!("{number} is not a time such as 250ms, 1h30m or 30d"))
        }
    }
}

impl Quantity for Number {
    fn text(text: &str) -> Result<Self, String> {
        Err(format!("{text:?} is not a number"))
    }

    fn number(number: f64) -> Result<Self, String> {
        Ok(Self(number))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound = "T: Deserialize<'de>")]
pub(super) struct Shape<T> {
    #[serde(default)]
    pub(super) p50: Option<T>,
    #[serde(default)]
    pub(super) p99: Option<T>,
    #[serde(default)]
    pub(super) mean: Option<T>,
    #[serde(default)]
    pub(super) min: Option<T>,
    #[serde(default)]
    pub(super) max: Option<T>,
}

impl<T: From<f64>> Default for WrittenSpread<T> {
    fn default() -> Self {
        Self::Always(T::from(0.0))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenEpisode {
    pub(super) from: Time,
    pub(super) to: Time,
    #[serde(default)]
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) tenant: Option<String>,
    #[serde(default = "one")]
    pub(super) rate: f64,
    #[serde(default = "one")]
    pub(super) latency: f64,
    #[serde(default)]
    pub(super) errors: Option<WrittenErrors>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenErrors {
    pub(super) share: f64,
    pub(super) status: u16,
    #[serde(default)]
    pub(super) flags: String,
}

fn one() -> f64 {
    1.0
}

fn thousand() -> u64 {
    1000
}

fn get() -> String {
    "GET".to_owned()
}

/// A span of time in seconds, written as `250ms`, `1h30m`, `30d`.
#[derive(Deserialize, Clone, Copy)]
#[serde(try_from = "String")]
pub(super) struct Time(pub(super) f64);

/// A number as it is.
#[derive(Deserialize, Clone, Copy)]
pub(super) struct Number(pub(super) f64);

impl From<f64> for Time {
    fn from(seconds: f64) -> Self {
        Self(seconds)
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self(number)
    }
}

impl From<Time> for f64 {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl From<Number> for f64 {
    fn from(number: Number) -> Self {
        number.0
    }
}

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a time such as 250ms, 1h30m or 30d");
        let mut rest = text.trim();
        let mut seconds = 0.0;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
            let (number, unit) = rest.split_at_checked(digits).ok_or_else(wrong)?;
            let end = unit.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(unit.len());
            let (unit, after) = unit.split_at_checked(end).ok_or_else(wrong)?;
            let length = match unit {
                "us" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return Err(wrong()),
            };
            seconds += number.parse::<f64>().map_err(|_| wrong())? * length;
            rest = after;
        }
        Ok(Self(seconds))
    }
}
