//! A custom metric with one label set, as numbers.

use crate::config::MAX_CUSTOM_LABELS;
use crate::endpoint::EndpointId;
use crate::exchange::{CodeClass, Method, Status, TenantId};
use crate::stat_name;

/// A custom metric: its place in the configuration's `metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CustomId(pub u16);

/// A custom metric with one label set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CustomSeries {
    /// The metric.
    pub metric: CustomId,
    /// Its labels' values, in their order; [`LabelId::UNUSED`] past the last.
    pub labels: [LabelId; MAX_CUSTOM_LABELS],
}

/// A label's value as a number: a kind in the upper four bits, and what it counts in the others.
///
/// One word, so that a series stays small: the registry hashes one for each observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LabelId(u32);

/// What a [`LabelId`] stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelValue {
    /// A method.
    Method(Method),
    /// An endpoint.
    Endpoint(EndpointId),
    /// A status code.
    Status(Status),
    /// A class of status codes.
    Class(CodeClass),
    /// A tenant, by number.
    Tenant(TenantId),
    /// The value with this number in the label's own table.
    Listed(u32),
    /// One of the reserved words.
    Word(&'static str),
}

const KIND_SHIFT: u32 = 28;
const NUMBER: u32 = (1 << KIND_SHIFT) - 1;
const METHOD: u32 = 1;
const ENDPOINT: u32 = 2;
const STATUS: u32 = 3;
const CLASS: u32 = 4;
const TENANT: u32 = 5;
const LISTED: u32 = 6;
const CONSTANT: u32 = 7;

impl LabelId {
    /// There is no such label.
    pub const UNUSED: Self = Self(0);
    /// The configuration's one value.
    pub const CONSTANT: Self = Self::of(CONSTANT, 0);
    /// `_other`.
    pub const OTHER: Self = Self(1);
    /// `_none`.
    pub const NONE: Self = Self(2);
    /// `_OTHER`.
    const OTHER_METHOD: Self = Self(3);

    const fn of(kind: u32, number: u32) -> Self {
        Self((kind << KIND_SHIFT) | (number & NUMBER))
    }

    /// A method.
    pub const fn method(method: Method) -> Self {
        match method {
            Method::Other => Self::OTHER_METHOD,
            method => Self::of(METHOD, method as u32),
        }
    }

    /// An endpoint.
    pub fn endpoint(endpoint: EndpointId) -> Self {
        match endpoint {
            EndpointId::OTHER => Self::OTHER,
            EndpointId(id) => Self::of(ENDPOINT, id.into()),
        }
    }

    /// A status code.
    pub fn status(Status(code): Status) -> Self {
        Self::of(STATUS, code.into())
    }

    /// A class of status codes.
    pub const fn class(class: CodeClass) -> Self {
        match class {
            CodeClass::Other => Self::OTHER,
            class => Self::of(CLASS, class as u32),
        }
    }

    /// A tenant.
    pub const fn tenant(tenant: TenantId) -> Self {
        match tenant {
            TenantId::NONE => Self::NONE,
            TenantId::OTHER => Self::OTHER,
            tenant => Self::of(TENANT, tenant.number()),
        }
    }

    /// A value of the label's own table; `_other` where its number is too high, which no configuration allows.
    pub const fn listed(number: u32) -> Self {
        if number > NUMBER { Self::OTHER } else { Self::of(LISTED, number) }
    }

    /// A number that no other value has.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Whether it is a reserved word.
    pub const fn is_word(self) -> bool {
        self.0 >> KIND_SHIFT == 0
    }

    /// What it stands for; `None` where there is no such label.
    pub fn value(self) -> Option<LabelValue> {
        let number = self.0 & NUMBER;
        Some(match self.0 >> KIND_SHIFT {
            METHOD => {
                let method = Method::ALL.into_iter().find(|method| *method as u32 == number);
                LabelValue::Method(method.unwrap_or(Method::Other))
            }
            ENDPOINT => LabelValue::Endpoint(EndpointId(u16::try_from(number).unwrap_or(u16::MAX))),
            STATUS => LabelValue::Status(Status(u16::try_from(number).unwrap_or(0))),
            CLASS => {
                let class = CodeClass::ALL.into_iter().find(|class| *class as u32 == number);
                LabelValue::Class(class.unwrap_or(CodeClass::Other))
            }
            TENANT => LabelValue::Tenant(TenantId::numbered(number).unwrap_or(TenantId::OTHER)),
            LISTED | CONSTANT => LabelValue::Listed(number),
            _ => match self {
                Self::OTHER => LabelValue::Word(stat_name::OTHER),
                Self::NONE => LabelValue::Word(stat_name::NONE),
                Self::OTHER_METHOD => LabelValue::Word(stat_name::OTHER_METHOD),
                _ => return None,
            },
        })
    }

    /// What stands for it past a limit: a method's is `_OTHER`, a status' its class, and all others' `_other`. A constant
    /// stays: it tells apart what the metric counts.
    fn overflow(self) -> Self {
        match self.value() {
            None => Self::UNUSED,
            Some(_) if self == Self::CONSTANT => self,
            Some(LabelValue::Method(_)) => Self::OTHER_METHOD,
            Some(LabelValue::Status(status)) => Self::class(status.class()),
            Some(LabelValue::Class(_)) => self,
            Some(LabelValue::Word(word)) if word == stat_name::OTHER_METHOD => self,
            Some(_) => Self::OTHER,
        }
    }
}

impl CustomSeries {
    /// The row that takes its observations past `limits.max_series`.
    pub(super) fn overflow(self) -> Self {
        Self { metric: self.metric, labels: self.labels.map(LabelId::overflow) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_value_comes_back_as_it_was() {
        for method in Method::ALL.into_iter().filter(|method| *method != Method::Other) {
            assert_eq!(LabelId::method(method).value(), Some(LabelValue::Method(method)));
        }
        for class in CodeClass::ALL.into_iter().filter(|class| *class != CodeClass::Other) {
            assert_eq!(LabelId::class(class).value(), Some(LabelValue::Class(class)));
        }
        assert_eq!(LabelId::method(Method::Other).value(), Some(LabelValue::Word("_OTHER")));
        assert_eq!(LabelId::class(CodeClass::Other).value(), Some(LabelValue::Word("_other")));
        assert_eq!(LabelId::endpoint(EndpointId::OTHER).value(), Some(LabelValue::Word("_other")));
        for id in [EndpointId(0), EndpointId(59_999)] {
            assert_eq!(LabelId::endpoint(id).value(), Some(LabelValue::Endpoint(id)));
        }
        for code in [0, 200, 599, u16::MAX] {
            assert_eq!(LabelId::status(Status(code)).value(), Some(LabelValue::Status(Status(code))));
        }
        for number in [0, 999_999] {
            let tenant = TenantId::numbered(number).unwrap();
            assert_eq!(LabelId::tenant(tenant).value(), Some(LabelValue::Tenant(tenant)));
            assert_eq!(LabelId::listed(number).value(), Some(LabelValue::Listed(number)));
        }
        assert_eq!(LabelId::tenant(TenantId::NONE).value(), Some(LabelValue::Word("_none")));
        assert_eq!(LabelId::tenant(TenantId::OTHER).value(), Some(LabelValue::Word("_other")));
        assert_eq!(LabelId::UNUSED.value(), None);
    }

    #[test]
    fn an_overflow_row_keeps_classes_and_is_its_own() {
        let labels = [
            LabelId::method(Method::Get),
            LabelId::status(Status(404)),
            LabelId::listed(7),
            LabelId::class(CodeClass::Success),
            LabelId::CONSTANT,
        ];
        let row = CustomSeries { metric: CustomId(3), labels }.overflow();
        let words = row.labels.map(LabelId::value);
        let expected = [
            Some(LabelValue::Word("_OTHER")),
            Some(LabelValue::Class(CodeClass::ClientError)),
            Some(LabelValue::Word("_other")),
            Some(LabelValue::Class(CodeClass::Success)),
            Some(LabelValue::Listed(0)),
        ];
        assert_eq!(words, expected);
        assert_eq!(row.overflow(), row);
    }
}
