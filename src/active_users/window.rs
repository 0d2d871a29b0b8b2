//! Hashes and the time in, how many different ones there were in the window that ends now out.

use super::sketch::Sketch;
use crate::config::Duration;

/// Into how many parts a window is divided.
pub const SUB_WINDOWS: usize = 5;

/// A part of time: the time divided by a fifth of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SubWindow(pub u64);

/// The users of one tenant in the window and its parts; at most 16 KiB.
///
/// The window moves by a fifth of itself: at any time it covers the current part and the four before it, which is
/// four fifths to the whole of what is configured.
#[derive(Debug, Clone)]
pub struct Window {
    part_ns: u64,
    parts: [(SubWindow, Sketch); SUB_WINDOWS],
}

impl Window {
    /// An empty window of this length, `user.active_window`.
    pub fn new(length: Duration) -> Self {
        let parts = u64::try_from(SUB_WINDOWS).unwrap_or(u64::MAX);
        Self { part_ns: length.as_nanos().checked_div(parts).unwrap_or(0).max(1), parts: Default::default() }
    }

    /// The sub-window of a time (monotonic, in nanoseconds).
    pub fn sub_window(&self, now_ns: u64) -> SubWindow {
        SubWindow(now_ns.checked_div(self.part_ns).unwrap_or(0))
    }

    /// Takes a user's hash (see [`super::hash`]); whether its sub-window's sketch is another one now.
    pub fn insert(&mut self, now_ns: u64, hash: u64) -> bool {
        let part = self.sub_window(now_ns);
        self.sketch_mut(part).is_some_and(|sketch| sketch.insert(hash))
    }

    /// Takes what others have seen in a sub-window; whether its sketch is another one now. One that is over already
    /// changes nothing.
    pub fn merge(&mut self, part: SubWindow, sketch: &Sketch, now_ns: u64) -> bool {
        let live = self.is_live(part, now_ns);
        live && self.sketch_mut(part).is_some_and(|own| own.merge(sketch))
    }

    /// The sketch of a sub-window; `None` where nothing was seen in it, or it is forgotten.
    pub fn sketch(&self, part: SubWindow) -> Option<&Sketch> {
        self.parts.iter().find(|(own, sketch)| *own == part && !sketch.is_empty()).map(|(_, sketch)| sketch)
    }

    /// How many different users there were in the window that ends now; forgets sub-windows that are over.
    pub fn estimate(&mut self, now_ns: u64) -> u64 {
        let mut union = Sketch::default();
        let now = self.sub_window(now_ns);
        for (part, sketch) in &mut self.parts {
            if is_live(*part, now) {
                union.merge(sketch);
            } else {
                *sketch = Sketch::default();
            }
        }
        union.estimate()
    }

    fn is_live(&self, part: SubWindow, now_ns: u64) -> bool {
        is_live(part, self.sub_window(now_ns))
    }

    /// The sketch of a sub-window, which takes the place of one that is five older; `None` where it is itself so old.
    fn sketch_mut(&mut self, part: SubWindow) -> Option<&mut Sketch> {
        let place = usize::try_from(part.0.checked_rem(u64::try_from(SUB_WINDOWS).ok()?)?).ok()?;
        let (own, sketch) = self.parts.get_mut(place)?;
        if *own < part {
            (*own, *sketch) = (part, Sketch::default());
        }
        (*own == part).then_some(sketch)
    }
}

fn is_live(part: SubWindow, now: SubWindow) -> bool {
    let age = now.0.checked_sub(part.0).and_then(|age| usize::try_from(age).ok());
    age.is_some_and(|age| age < SUB_WINDOWS)
}
