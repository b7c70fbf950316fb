//! Ranges of objects that are fetched before they are asked for, in the order in which they will be.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::Object;
use crate::runtime::Pending;

/// Requests that are under way ahead of the readers, or done and not yet asked for.
const AHEAD: usize = 16;
/// Bytes of them at most.
const BYTES: u64 = 64 << 20;

/// A list of ranges that several threads will ask for, nearly in its order. Each is fetched once by it; asked for again,
/// a range is fetched anew.
#[derive(Debug)]
pub struct ReadAhead {
    places: HashMap<(PathBuf, u64, u64), usize>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    items: Vec<Item>,
    /// How many were started and not yet asked for, and their bytes.
    ahead: (usize, u64),
}

#[derive(Debug)]
enum Item {
    Waiting(Object, Range<u64>),
    Started(Pending<io::Result<Bytes>>, u64),
    Taken,
}

impl ReadAhead {
    /// Of these ranges, in the order in which they will be asked for. Nothing is fetched before the first of them is.
    #[must_use]
    pub fn new(ranges: Vec<(Object, Range<u64>)>) -> Self {
        let place =
            |(object, range): &(Object, Range<u64>)| (object.path().to_owned(), range.start, range.end);
        let places = ranges.iter().enumerate().map(|(number, item)| (place(item), number)).collect();
        let items = ranges.into_iter().map(|(object, range)| Item::Waiting(object, range)).collect();
        Self { places, state: Mutex::new(State { items, ahead: (0, 0) }) }
    }

    /// The bytes of a range, which may be one of the list.
    ///
    /// # Errors
    /// Those of [`Object::fetch`].
    pub fn fetch(&self, object: &Object, range: Range<u64>) -> io::Result<Bytes> {
        let place = self.places.get(&(object.path().to_owned(), range.start, range.end));
        let Some(&place) = place else { return object.fetch(range) };
        let pending = {
            let mut state = self.state();
            let pending = match std::mem::replace(&mut state.items[place], Item::Taken) {
                Item::Started(pending, bytes) => {
                    state.ahead = (state.ahead.0 - 1, state.ahead.1 - bytes);
                    Some(pending)
                }
                // Before those that come later.
                Item::Waiting(object, range) => Some(object.start(range)?),
                Item::Taken => None,
            };
            state.start_behind(place)?;
            pending
        };
        match pending {
            Some(pending) => pending.wait()?,
            None => object.fetch(range),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Starts requests for the ranges behind a place, as many as may be under way. Another thread may be at another place.
    fn start_behind(&mut self, place: usize) -> io::Result<()> {
        for item in self.items.iter_mut().skip(place + 1).take(AHEAD) {
            if self.ahead.0 == AHEAD || self.ahead.1 >= BYTES {
                break;
            }
            if let Item::Waiting(object, range) = item {
                let bytes = range.end - range.start;
                *item = Item::Started(object.start(range.clone())?, bytes);
                self.ahead = (self.ahead.0 + 1, self.ahead.1 + bytes);
            }
        }
        Ok(())
    }
}
