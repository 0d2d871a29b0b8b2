//! The values of one label in, by first sight and by answers; which have a name of their own, as Redline admits them, out.

use std::collections::{HashMap, HashSet};

/// Successful answers that a value needs where half of the places are taken, and within which time.
const ANSWERS: u32 = 3;
const WINDOW_S: u64 = 600;

/// The values of one label in one replay, whatever the number of workers.
#[derive(Debug, Default)]
pub(super) struct Admitted {
    places: usize,
    named: HashSet<String>,
    /// When the first of a candidate's answers came, and how many have.
    answers: HashMap<String, (u64, u32)>,
}

impl Admitted {
    pub(super) fn new(places: usize) -> Self {
        Self { places, ..Self::default() }
    }

    /// A value that came; whether it has a name. `trusted` ones need no answers.
    pub(super) fn asks(&mut self, name: &str, trusted: bool) -> bool {
        let open = self.named.len() * 2 < self.places || (trusted && self.named.len() < self.places);
        if open {
            self.named.insert(name.to_owned());
        }
        self.named.contains(name)
    }

    /// An answer to a value that had no name; whether it has now.
    pub(super) fn answered(&mut self, name: &str, served: bool, time_s: u64) -> bool {
        if self.named.contains(name) {
            return served;
        }
        if !served || self.named.len() >= self.places {
            return false;
        }
        let (since, answers) = self.answers.entry(name.to_owned()).or_insert((time_s, 0));
        if time_s - *since >= WINDOW_S {
            (*since, *answers) = (time_s, 0);
        }
        *answers += 1;
        *answers >= ANSWERS && self.named.insert(name.to_owned())
    }
}
