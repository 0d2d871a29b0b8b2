//! What a request shows in, the values that `tenant`, `user` and `tenant.isolation` look for out, borrowed where the
//! request holds them as they are.
//!
//! Values come out as the client sent them: no cap, no escaping. Among the headers of one name the first that is not
//! empty counts; a source that finds nothing, or nothing but an empty value, leaves the word to the next.

pub(crate) mod host;
mod jwt;
mod query;

use crate::attributes::{HeaderSlot, HeaderValues, RequestHead};
use crate::config::{Config, HostPattern, ValueSource};
use crate::endpoint::{EndpointId, Templates};
use crate::json;
use std::borrow::Cow;
use std::cell::OnceCell;

/// The sources of a configuration, ready to be asked.
#[derive(Debug, Default)]
pub struct Sources {
    headers: Vec<Vec<u8>>,
    tenant: Vec<Source>,
    user: Vec<Source>,
    /// Who the caller claims to be, and whose resource it asks for.
    isolation: Option<(Source, Source)>,
}

/// One source: where to look.
#[derive(Debug)]
enum Source {
    Header(HeaderSlot),
    /// `authorization` holds tokens; a payload alone, which anybody can write there, is none.
    Jwt {
        header: HeaderSlot,
        claim: String,
        bare: bool,
    },
    Path(String),
    Host(HeaderSlot, HostPattern),
    Query(Vec<u8>),
}

/// The parts of one request that sources look at.
#[derive(Debug)]
pub struct Request<'a> {
    headers: &'a HeaderValues<'a>,
    path: Option<&'a [u8]>,
    matched: Option<(EndpointId, &'a [u8])>,
    /// The payload of the first token that was asked for: often tenant, user and claim are all in the same.
    payload: OnceCell<(HeaderSlot, Option<Vec<u8>>)>,
}

impl<'a> Request<'a> {
    /// A request with the template that it matches and its path in normal form; `None` where it matches none.
    pub fn new(head: &'a RequestHead<'a>, matched: Option<(EndpointId, &'a [u8])>) -> Self {
        Self { headers: &head.values, path: head.path, matched, payload: OnceCell::new() }
    }
}

impl Sources {
    /// What a configuration asks for.
    pub fn new(config: &Config) -> Self {
        let mut sources = Self::default();
        sources.tenant = config.tenant.sources.iter().map(|source| sources.compile(source)).collect();
        sources.user = config.user.sources.iter().map(|source| sources.compile(source)).collect();
        sources.isolation = config.tenant.isolation.as_ref().map(|isolation| {
            let claim = sources.compile(&isolation.claim);
            (claim, sources.compile(&isolation.resource))
        });
        sources
    }

    /// The names of the headers that are looked at; the place of each is its slot in [`HeaderValues`].
    pub fn headers(&self) -> &[Vec<u8>] {
        &self.headers
    }

    /// Who is served; never empty.
    pub fn tenant<'r>(&self, request: &'r Request<'_>, templates: &Templates) -> Option<Cow<'r, [u8]>> {
        self.tenant.iter().find_map(|source| source.value(request, templates))
    }

    /// Which user asks; never empty.
    pub fn user<'r>(&self, request: &'r Request<'_>, templates: &Templates) -> Option<Cow<'r, [u8]>> {
        self.user.iter().find_map(|source| source.value(request, templates))
    }

    /// The tenant that the caller claims to be, where it asks for the resource of another.
    pub fn violation<'r>(&self, request: &'r Request<'_>, templates: &Templates) -> Option<Cow<'r, [u8]>> {
        let (claim, resource) = self.isolation.as_ref()?;
        let claimed = claim.value(request, templates)?;
        let owner = resource.value(request, templates)?;
        (claimed != owner).then_some(claimed)
    }

    fn compile(&mut self, source: &ValueSource) -> Source {
        match source {
            ValueSource::Header(name) => Source::Header(self.slot(name)),
            ValueSource::Jwt { header, claim } => {
                let bare = header != "authorization";
                Source::Jwt { header: self.slot(header), claim: claim.clone(), bare }
            }
            ValueSource::Path(name) => Source::Path(name.clone()),
            ValueSource::Host(pattern) => Source::Host(self.slot("host"), pattern.clone()),
            ValueSource::Query(name) => Source::Query(name.clone().into_bytes()),
        }
    }

    fn slot(&mut self, header: &str) -> HeaderSlot {
        // In Envoy the `host` of HTTP/1 is `:authority` too.
        let name = if header == "host" { ":authority" } else { header }.as_bytes();
        let place = self.headers.iter().position(|known| known == name);
        HeaderSlot(place.unwrap_or_else(|| {
            self.headers.push(name.to_vec());
            self.headers.len().saturating_sub(1)
        }))
    }
}

impl Source {
    /// What it finds; never empty.
    fn value<'r>(&self, request: &'r Request<'_>, templates: &Templates) -> Option<Cow<'r, [u8]>> {
        let found = match self {
            Self::Header(slot) => request.headers.get(*slot).map(Cow::Borrowed),
            Self::Jwt { header: slot, claim, bare } => {
                let decode = || request.headers.get(*slot).and_then(|token| jwt::payload(token, *bare));
                let (known, payload) = request.payload.get_or_init(|| (*slot, decode()));
                if known == slot {
                    json::member(payload.as_deref()?, claim)
                } else {
                    json::member(&decode()?, claim).map(|value| Cow::Owned(value.into_owned()))
                }
            }
            Self::Path(name) => {
                let (template, normal) = request.matched?;
                templates.get(template)?.parameter(name, normal).map(Cow::Borrowed)
            }
            Self::Host(slot, pattern) => host::label(request.headers.get(*slot)?, pattern),
            Self::Query(name) => query::parameter(request.path?, name),
        };
        found.filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests;
