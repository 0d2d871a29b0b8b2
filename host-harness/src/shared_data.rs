//! The key-value store that all VMs with one `vm_id` share, with compare-and-swap as in proxy-wasm-cpp-host.

use crate::status::Status;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Values by key, each with the number of its last write.
#[derive(Debug, Default)]
pub struct SharedData(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    values: HashMap<Vec<u8>, (Vec<u8>, u32)>,
    last_cas: u32,
}

impl SharedData {
    /// Appends the value to `out`; its compare-and-swap number, or `NotFound`.
    pub fn get(&self, key: &[u8], out: &mut Vec<u8>) -> Result<u32, Status> {
        let entries = self.lock();
        let (value, cas) = entries.values.get(key).ok_or(Status::NotFound)?;
        out.extend_from_slice(value);
        Ok(*cas)
    }

    /// Writes a value. With a `cas` other than 0 only if it is still the key's number, else `CasMismatch`; a key that
    /// is not there takes any `cas`.
    pub fn set(&self, key: &[u8], value: &[u8], cas: u32) -> Status {
        let entries = &mut *self.lock();
        let known = entries.values.get_mut(key);
        if known.as_ref().is_some_and(|(_, current)| cas != 0 && cas != *current) {
            return Status::CasMismatch;
        }
        // 0 means "unconditionally", so no write has it as its number.
        entries.last_cas = entries.last_cas.checked_add(1).unwrap_or(1);
        match known {
            Some((stored, current)) => {
                stored.clear();
                stored.extend_from_slice(value);
                *current = entries.last_cas;
            }
            None => {
                entries.values.insert(key.to_vec(), (value.to_vec(), entries.last_cas));
            }
        }
        Status::Ok
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_with_an_old_number_changes_nothing() {
        let data = SharedData::default();
        let mut out = Vec::new();
        assert_eq!(data.get(b"k", &mut out), Err(Status::NotFound));
        assert_eq!(data.set(b"k", b"1", 77), Status::Ok, "a missing key takes any number");
        let cas = data.get(b"k", &mut out).unwrap();
        assert_eq!(data.set(b"k", b"2", cas + 1), Status::CasMismatch);
        assert_eq!(data.set(b"k", b"3", cas), Status::Ok);
        assert_eq!(data.set(b"k", b"4", cas), Status::CasMismatch);
        assert_eq!(data.set(b"k", b"", 0), Status::Ok);
        out.clear();
        assert_eq!((data.get(b"k", &mut out), out), (Ok(3), vec![]));
    }
}
