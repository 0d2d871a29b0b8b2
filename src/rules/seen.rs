//! What a rule sees of one exchange.

use super::messages::Messages;
use super::signals::Signals;
use crate::endpoint::Templates;
use crate::exchange::Exchange;

/// One exchange, as rules see it.
pub(super) struct Seen<'e, 'm, 'p> {
    pub(super) exchange: &'e Exchange,
    pub(super) messages: &'m Messages,
    pub(super) signals: Signals<'m, 'p>,
    pub(super) endpoint: &'e str,
    pub(super) templates: &'e Templates,
    pub(super) path: &'e mut Vec<u8>,
    /// The upstream's address, once it has been asked for; empty where there is none.
    pub(super) upstream: Option<Vec<u8>>,
}
