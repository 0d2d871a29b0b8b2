//! The text format in: `cpu_utilization=0.7,named_metrics.db=12`, the entries of a report out.

use super::super::number::Number;
use super::super::trim;
use super::report::{Duplicate, Field, Report};
use std::borrow::Cow;

/// Names end at the first `=`, or `:`, which Envoy read before it read `=`. Empty elements are none.
#[inline(never)]
pub(super) fn read<'a>(text: &'a [u8], report: &mut Report<'a>) -> Option<()> {
    for element in text.split(|byte| *byte == b',').map(trim).filter(|element| !element.is_empty()) {
        let mut parts = element.splitn(2, |byte| matches!(byte, b'=' | b':'));
        let (name, value) = (trim(parts.next()?), parts.next()?);
        let (field, key) = Field::of_path(name)?;
        if matches!(field, Field::Rps | Field::RequestCost) {
            return None;
        }
        report.add(field, Cow::Borrowed(key), Number::from_text(value).ok()?, Duplicate::Refused)?;
    }
    Some(())
}
