//! A request path in, the endpoint template that it belongs to out.
//!
//! Our own trie: the router crates (matchit 0.9 among them) refuse `/a/{id}` beside `/a/{rest*}`, and read paths
//! as text. A node is reached by one sequence of segments only, so one match visits each node at most once,
//! whatever the path.

mod path;
mod route_names;
mod template;

pub use path::normalize;
pub use route_names::RouteNames;
pub use template::{Template, TemplateError};

use rustc_hash::FxHashMap;
use template::Segment;

/// An endpoint: a template's index, [`EndpointId::OTHER`] or a route name's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EndpointId(pub u16);

impl EndpointId {
    /// What matches no template: `_other`.
    pub const OTHER: Self = Self(u16::MAX);
}

/// Most endpoints of one configuration, templates or route names: what an [`EndpointId`] can tell apart, and room.
pub const MAX_ENDPOINTS: usize = 60_000;

/// A set of templates, no two of the same shape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Templates {
    nodes: Vec<Node>,
    written: Vec<Template>,
}

/// One position in the templates; children are indices into `Templates::nodes`.
#[derive(Debug, Clone, Default, PartialEq)]
struct Node {
    /// By segment: of a thousand as quick as of ten.
    literals: FxHashMap<Box<[u8]>, usize>,
    parameter: Option<usize>,
    /// The template that ends here.
    ends: Option<EndpointId>,
    /// The template that takes everything from here on.
    rest: Option<EndpointId>,
}

impl Templates {
    /// Adds a template; the error is the template that matches the same paths already.
    pub fn insert(&mut self, template: &Template) -> Result<EndpointId, String> {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = 0;
        let mut rest = false;
        for segment in template.segments() {
            match segment {
                Segment::Rest(_) => rest = true,
                Segment::Parameter(_) => at = self.parameter_child(at),
                Segment::Literal(bytes) => at = self.literal_child(at, bytes),
            }
        }
        let id = EndpointId(u16::try_from(self.written.len()).unwrap_or(u16::MAX));
        let Some(node) = self.nodes.get_mut(at) else {
            return Err(template.as_str().to_owned());
        };
        let place = if rest { &mut node.rest } else { &mut node.ends };
        match *place {
            Some(taken) => Err(self.label(taken).to_owned()),
            None => {
                *place = Some(id);
                self.written.push(template.clone());
                Ok(id)
            }
        }
    }

    /// The label of an endpoint: the template as written, or `_other`.
    pub fn label(&self, id: EndpointId) -> &str {
        self.get(id).map_or(crate::stat_name::OTHER, Template::as_str)
    }

    /// A template.
    pub fn get(&self, id: EndpointId) -> Option<&Template> {
        self.written.get(usize::from(id.0))
    }

    /// The most specific template for a path in normal form (see [`normalize`]).
    ///
    /// Segment by segment from the left, a literal is more specific than a parameter, a parameter more than a rest.
    pub fn find(&self, normal: &[u8]) -> Option<EndpointId> {
        self.find_from(0, normal.strip_prefix(b"/").unwrap_or(normal))
    }

    fn find_from(&self, at: usize, remaining: &[u8]) -> Option<EndpointId> {
        let node = self.nodes.get(at)?;
        if remaining.is_empty() {
            return node.ends;
        }
        let end = remaining.iter().position(|b| *b == b'/').unwrap_or(remaining.len());
        let (segment, after) = remaining.split_at_checked(end)?;
        let after = after.strip_prefix(b"/").unwrap_or(after);
        let literal = node.literals.get(segment).copied();
        literal
            .and_then(|child| self.find_from(child, after))
            .or_else(|| self.find_from(node.parameter?, after))
            .or(node.rest)
    }

    fn parameter_child(&mut self, at: usize) -> usize {
        let fresh = self.nodes.len();
        match self.nodes.get_mut(at) {
            Some(Node { parameter: Some(child), .. }) => *child,
            Some(node) => {
                node.parameter = Some(fresh);
                self.nodes.push(Node::default());
                fresh
            }
            None => at,
        }
    }

    fn literal_child(&mut self, at: usize, segment: &[u8]) -> usize {
        let fresh = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else {
            return at;
        };
        if let Some(child) = node.literals.get(segment) {
            return *child;
        }
        node.literals.insert(segment.into(), fresh);
        self.nodes.push(Node::default());
        fresh
    }
}

#[cfg(test)]
mod tests;
