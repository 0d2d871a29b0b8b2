//! One value of the log in; text, a number, a time or a list of headers out.

use crate::traffic::fields::{at, size, timestamp};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A value of the log.
pub(super) enum Field<'a> {
    Text(Cow<'a, str>),
    Whole(i128),
    Number(f64),
    /// Names and values of an object; of what is in it objects and lists say nothing.
    Object(Vec<(String, Field<'a>)>),
    /// Null, a truth value, a list.
    Nothing,
}

impl<'de> Deserialize<'de> for Field<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Field<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<'de>, E> {
                Ok(Field::Text(text.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Field<'de>, E> {
                Ok(Field::Text(text.to_owned().into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Field<'de>, E> {
                Ok(Field::Whole(number.into()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Field<'de>, E> {
                Ok(Field::Whole(number.into()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Field<'de>, E> {
                Ok(Field::Number(number))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Field<'de>, E> {
                Ok(Field::Nothing)
            }

            fn visit_unit<E>(self) -> Result<Field<'de>, E> {
                Ok(Field::Nothing)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Field<'de>, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Field::Nothing)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Field::Object(fields))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl<'a> Field<'a> {
    /// Its text, where it says something; a whole number as it is written.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) if !matches!(text.trim(), "" | "-") => Some(text),
            Self::Whole(number) => Some(number.to_string().into()),
            Self::Number(number) => Some(number.to_string().into()),
            _ => None,
        }
    }

    pub(super) fn number(self, key: &str) -> Result<Option<f64>, String> {
        match self {
            Self::Whole(number) => Ok(Some(number as f64)),
            Self::Number(number) => Ok(Some(number)),
            other => match other.text() {
                None => Ok(None),
                Some(text) => match text.trim().parse::<f64>() {
                    Ok(number) if number.is_finite() => Ok(Some(number)),
                    _ => Err(format!("{key}: {text:?} is not a number")),
                },
            },
        }
    }

    /// A number of bytes; 0 where it says nothing.
    pub(super) fn count(self, key: &str) -> Result<u64, String> {
        let number = self.number(key)?.unwrap_or(0.0);
        // What is larger is refused anyway, and up to there such a number is exact.
        let count = if (0.0..1e18).contains(&number) { number as u64 } else { u64::MAX };
        size(count).map_err(|_| format!("{key}: {number} is not a number of bytes that an exchange can have"))
    }

    /// RFC 3339 text, or seconds, milliseconds, microseconds or nanoseconds since 1970, told by how large they are.
    pub(super) fn time(self, key: &str) -> Result<Option<u64>, String> {
        let Some(text) = self.text() else { return Ok(None) };
        let time = match text.parse::<f64>() {
            // Of such a number the microseconds are exact, and no more.
            Ok(seconds) if (0.0..1e10).contains(&seconds) => Ok((seconds * 1e6).round() as u64 * 1000),
            Ok(_) => since_1970(&text),
            Err(_) => timestamp(&text),
        };
        time.map(Some).map_err(|reason| format!("{key}: {reason}"))
    }
}

/// A whole number since 1970 that is too large for seconds.
fn since_1970(text: &str) -> Result<u64, String> {
    let whole = text.parse::<u64>().ok();
    let time = whole.and_then(|number| match number {
        100_000_000_000..100_000_000_000_000 => number.checked_mul(1_000_000),
        100_000_000_000_000..100_000_000_000_000_000 => number.checked_mul(1000),
        100_000_000_000_000_000.. => Some(number),
        _ => None,
    });
    at(time.ok_or_else(|| format!("{text:?} is not a time"))?.into())
}
