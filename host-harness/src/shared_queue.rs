//! The queues that all VMs share, by `vm_id` and name, first in, first out.

use crate::log::VmRole;
use crate::status::Status;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Queues, and who is to be told that one has something in it.
#[derive(Debug, Default)]
pub struct SharedQueues {
    queues: Mutex<Queues>,
    /// How many words nobody has heard: looked at after each callback, without the lock.
    unheard: AtomicUsize,
}

#[derive(Debug, Default)]
struct Queues {
    /// The token, from 1, by `vm_id` and name.
    tokens: HashMap<(Vec<u8>, Vec<u8>), u32>,
    queues: Vec<Queue>,
    ready: VecDeque<(VmRole, u32)>,
}

#[derive(Debug)]
struct Queue {
    items: VecDeque<Vec<u8>>,
    /// The VM that registered it last.
    owner: VmRole,
}

impl Queues {
    fn queue(&mut self, token: u32) -> Result<&mut Queue, Status> {
        let at = (token as usize).checked_sub(1).ok_or(Status::NotFound)?;
        self.queues.get_mut(at).ok_or(Status::NotFound)
    }
}

impl SharedQueues {
    /// The token of a queue, which is made where there is none; `owner` is told from now on.
    pub fn register(&self, vm_id: &[u8], name: &[u8], owner: VmRole) -> u32 {
        let mut queues = self.lock();
        let key = (vm_id.to_vec(), name.to_vec());
        if let Some(token) = queues.tokens.get(&key).copied() {
            if let Ok(queue) = queues.queue(token) {
                queue.owner = owner;
            }
            return token;
        }
        queues.queues.push(Queue { items: VecDeque::new(), owner });
        let token = queues.queues.len() as u32;
        queues.tokens.insert(key, token);
        token
    }

    /// The token of a queue that somebody has registered, or `NotFound`.
    pub fn resolve(&self, vm_id: &[u8], name: &[u8]) -> Result<u32, Status> {
        self.lock().tokens.get(&(vm_id.to_vec(), name.to_vec())).copied().ok_or(Status::NotFound)
    }

    /// Adds at the end; `NotFound` for an unknown token.
    pub fn enqueue(&self, token: u32, item: &[u8]) -> Result<(), Status> {
        let mut queues = self.lock();
        let queue = queues.queue(token)?;
        queue.items.push_back(item.to_vec());
        let owner = queue.owner;
        queues.ready.push_back((owner, token));
        self.unheard.store(queues.ready.len(), Relaxed);
        Ok(())
    }

    /// Takes the first; `Empty` where there is none, `NotFound` for an unknown token.
    pub fn dequeue(&self, token: u32) -> Result<Vec<u8>, Status> {
        self.lock().queue(token)?.items.pop_front().ok_or(Status::Empty)
    }

    /// Who is to be told of which queue: one word for each item.
    pub(crate) fn next_ready(&self) -> Option<(VmRole, u32)> {
        if self.unheard.load(Relaxed) == 0 {
            return None;
        }
        let mut queues = self.lock();
        let next = queues.ready.pop_front();
        self.unheard.store(queues.ready.len(), Relaxed);
        next
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_first_comes_out_first_and_the_last_to_register_is_told() {
        let queues = SharedQueues::default();
        let token = queues.register(b"vm", b"q", VmRole::Main);
        assert_eq!(queues.register(b"vm", b"q", VmRole::Worker(0)), token);
        assert_ne!(queues.register(b"vm", b"r", VmRole::Main), token);
        assert_eq!(queues.resolve(b"other", b"q"), Err(Status::NotFound));
        assert_eq!(queues.dequeue(token), Err(Status::Empty));
        assert_eq!((queues.enqueue(token, b"1"), queues.enqueue(token, b"2")), (Ok(()), Ok(())));
        assert_eq!((queues.dequeue(token), queues.dequeue(token)), (Ok(b"1".to_vec()), Ok(b"2".to_vec())));
        assert_eq!(
            (queues.dequeue(0), queues.enqueue(9, b"")),
            (Err(Status::NotFound), Err(Status::NotFound))
        );
        assert_eq!(queues.next_ready(), Some((VmRole::Worker(0), token)));
        assert!(queues.next_ready().is_some() && queues.next_ready().is_none());
    }
}
