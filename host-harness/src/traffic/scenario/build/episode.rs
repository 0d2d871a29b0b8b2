//! An episode as it is written in; one that hits something, or the reason why not, out.

use super::super::plan::{Episode, Errors, Kind, People};
use super::super::written::{WrittenEpisode, WrittenErrors};
use crate::stream::ResponseFlags;
use crate::traffic::fields::{self, within};

/// What an episode may name.
pub(super) struct Known<'a> {
    /// How long the scenario is.
    pub(super) seconds: f64,
    pub(super) kinds: &'a [Kind],
    pub(super) tenants: Option<&'a People>,
}

/// An episode that hits nothing, or changes nothing, is a mistake in its names or numbers.
pub(super) fn episode(written: &WrittenEpisode, known: &Known<'_>) -> Result<Episode, String> {
    if written.to.0 <= written.from.0 {
        return Err(".to: it is not after `from`".to_owned());
    }
    if written.from.0 >= known.seconds {
        return Err(".from: the scenario has ended by then".to_owned());
    }
    if let Some(path) = &written.path
        && known.kinds.iter().all(|kind| kind.template != *path)
    {
        return Err(format!(".path: {path}: no request has this path"));
    }
    if let Some(tenant) = &written.tenant
        && !known.tenants.is_some_and(|tenants| tenants.has(tenant))
    {
        return Err(format!(".tenant: {tenant}: there is no such tenant"));
    }
    let rate = within(written.rate, 0.0..=1e6).map_err(|reason| format!(".rate: {reason}"))?;
    let latency = within(written.latency, 0.0..=1e6).map_err(|reason| format!(".latency: {reason}"))?;
    if rate == 1.0 && latency == 1.0 && written.errors.is_none() {
        return Err("it changes nothing: expected errors, latency or rate".to_owned());
    }
    Ok(Episode {
        from: written.from.0,
        to: written.to.0,
        path: written.path.clone(),
        tenant: written.tenant.clone(),
        rate,
        latency,
        errors: written.errors.as_ref().map(errors).transpose()?,
    })
}

fn errors(written: &WrittenErrors) -> Result<Errors, String> {
    fields::status(i64::from(written.status)).map_err(|reason| format!(".errors.status: {reason}"))?;
    let flags = ResponseFlags::parse(&written.flags)
        .map_err(|flag| format!(".errors.flags: Envoy has no response flag {flag:?}"))?;
    let share = within(written.share, 0.0..=1.0).map_err(|reason| format!(".errors.share: {reason}"))?;
    Ok(Errors { share, status: written.status, flags })
}
