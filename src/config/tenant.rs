//! The sections `tenant` and `user`: who is served, and who asks.

use super::error::ConfigErrors;
use super::reader::Node;
use super::source::{Isolation, ValueSource, read_sources};
use super::traffic::{Endpoints, Limits, read_max};
use super::units::Duration;
use crate::stat_name;
use rustc_hash::FxHashSet;

/// `tenant`: where the label `tenant` comes from and how many values it may take.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// The first that yields a value wins.
    pub sources: Vec<ValueSource>,
    /// Where not empty, every other value is `_other`.
    pub allow: Vec<String>,
    /// Most distinct values.
    pub max: u32,
    /// Whose disagreement is an isolation violation.
    pub isolation: Option<Isolation>,
}

/// `user`: who counts as an active user of a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// The first that yields a value wins.
    pub sources: Vec<ValueSource>,
    /// How long a user counts as active after a request.
    pub active_window: Duration,
}

impl Tenant {
    #[inline(never)]
    pub(super) fn read(
        node: Option<Node<'_>>,
        limits: Limits,
        endpoints: &Endpoints,
        errors: &mut ConfigErrors,
    ) -> Self {
        let mut tenant = Self { sources: Vec::new(), allow: Vec::new(), max: 100, isolation: None };
        let Some(mut fields) = node.and_then(|n| n.fields(errors)) else {
            return tenant;
        };
        tenant.sources = read_sources(fields.take("sources"), endpoints, errors);
        let allow = fields.take("allow");
        if let Some(node) = &allow {
            let mut seen: FxHashSet<&str> = FxHashSet::default();
            tenant.allow = node.list_of(errors, |node, errors| {
                let name = node.text(errors)?;
                if name.is_empty() || stat_name::is_reserved(name) {
                    return node.fail(
                        errors,
                        "expected the name of a tenant; _other, _none and _OTHER are reserved",
                    );
                }
                if !seen.insert(name) {
                    return node.fail(errors, "is there twice");
                }
                Some(name.to_owned())
            });
        }
        if let Some(node) = fields.take("max") {
            tenant.max = read_max(&node, limits, errors).unwrap_or(tenant.max);
        }
        if let Some(node) =
            allow.filter(|_| tenant.allow.len() > usize::try_from(tenant.max).unwrap_or(usize::MAX))
        {
            let why = format!("more names than tenant.max admits ({})", tenant.max);
            node.fail::<()>(errors, why);
        }
        let isolation = fields.take("isolation");
        tenant.isolation = isolation.and_then(|node| Isolation::read(&node, endpoints, errors));
        fields.finish(errors);
        tenant
    }
}

impl User {
    #[inline(never)]
    pub(super) fn read(node: Option<Node<'_>>, endpoints: &Endpoints, errors: &mut ConfigErrors) -> Self {
        let mut user = Self { sources: Vec::new(), active_window: Duration::from_secs(900) };
        let Some(mut fields) = node.and_then(|n| n.fields(errors)) else {
            return user;
        };
        user.sources = read_sources(fields.take("sources"), endpoints, errors);
        if let Some(node) = fields.take("active_window") {
            let range = Duration::from_secs(60)..=Duration::from_days(1);
            user.active_window = node.duration(errors, range).unwrap_or(user.active_window);
        }
        fields.finish(errors);
        user
    }
}
