//! What a hostcall answered in, success or why not out.

use crate::attributes::HostStatus;

pub(super) fn check(status: u32) -> Result<(), HostStatus> {
    match status {
        0 => Ok(()),
        status => Err(HostStatus(status)),
    }
}
