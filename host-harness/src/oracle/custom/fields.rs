//! One line of a structured field list in, its members out, as the crate `sfv` reads them (RFC 9651).

use sfv::{BareItem, List, ListEntry, Parameters, Parser};

/// One member.
#[derive(Debug)]
pub(super) struct Member {
    /// `None` is an inner list.
    pub(super) item: Option<BareItem>,
    parameters: Parameters,
}

impl Member {
    /// The text of a token or a string.
    pub(super) fn name(&self) -> Option<&str> {
        match self.item.as_ref()? {
            BareItem::Token(name) => Some(name.as_str()),
            BareItem::String(name) => Some(name.as_str()),
            _ => None,
        }
    }

    /// A parameter; of several with one name the last.
    pub(super) fn parameter(&self, name: &str) -> Option<&BareItem> {
        self.parameters.iter().find(|(key, _)| key.as_str() == name).map(|(_, value)| value)
    }
}

/// The members; `None` where the line is no list.
pub(super) fn list(line: &[u8]) -> Option<Vec<Member>> {
    let list: List = Parser::new(line).parse().ok()?;
    let member = |entry| match entry {
        ListEntry::Item(item) => Member { item: Some(item.bare_item), parameters: item.params },
        ListEntry::InnerList(list) => Member { item: None, parameters: list.params },
    };
    Some(list.into_iter().map(member).collect())
}
