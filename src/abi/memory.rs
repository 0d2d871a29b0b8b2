//! Where the host's bytes land: in the buffer that the current call offers, or else in a new one.
//!
//! The host asks the module for memory whenever it hands something over. What is offered beforehand costs no allocation.

use super::status::check;
use crate::attributes::HostStatus;
use std::cell::Cell;

/// The place that is offered for the next bytes, and its size.
type Offer = (*mut u8, usize);

const NOTHING: Offer = (std::ptr::null_mut(), 0);

thread_local! {
    static OFFER: Cell<Offer> = const { Cell::new(NOTHING) };
}

/// The host wants memory for `size` bytes, which it will hand over.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    let (place, room) = OFFER.replace(NOTHING);
    if size <= room && !place.is_null() {
        return place;
    }
    Box::into_raw(Box::<[u8]>::new_uninit_slice(size)).cast()
}

/// Runs a hostcall that hands over bytes, into `into`; what that held is gone.
pub(super) fn fill(
    into: &mut Vec<u8>,
    call: impl FnOnce(*mut *mut u8, *mut usize) -> u32,
) -> Result<(), HostStatus> {
    into.clear();
    let offered = into.as_mut_ptr();
    let (data, size) = run((offered, into.capacity()), call)?;
    if data == offered && size <= into.capacity() {
        // SAFETY: the host wrote so many bytes there.
        unsafe { into.set_len(size) };
    } else if !data.is_null() && size > 0 {
        // SAFETY: it is the boxed slice of exactly this size that the host had made, and hands over.
        *into = unsafe { Vec::from_raw_parts(data, size, size) };
    }
    Ok(())
}

/// Runs a hostcall that hands over a whole number.
pub(super) fn integer(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<i64, HostStatus> {
    let mut number = [0_u8; 8];
    let offered = number.as_mut_ptr();
    let (data, size) = run((offered, number.len()), call)?;
    if data == offered && size == number.len() {
        return Ok(i64::from_le_bytes(number));
    }
    if data != offered && !data.is_null() && size > 0 {
        // SAFETY: as above.
        drop(unsafe { Vec::from_raw_parts(data, size, size) });
    }
    Err(HostStatus::SERIALIZATION_FAILURE)
}

fn run(
    offer: Offer,
    call: impl FnOnce(*mut *mut u8, *mut usize) -> u32,
) -> Result<(*mut u8, usize), HostStatus> {
    let (mut data, mut size) = (std::ptr::null_mut(), 0);
    OFFER.set(offer);
    let status = call(&mut data, &mut size);
    OFFER.set(NOTHING);
    check(status).map(|()| (data, size))
}
