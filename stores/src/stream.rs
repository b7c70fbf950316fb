//! An object from its beginning to its end, for readers that go through it once.

use std::collections::VecDeque;
use std::io::{self, Read};

use bytes::{Buf, Bytes};

use crate::Object;
use crate::object::REQUEST;
use crate::runtime::Pending;

/// Requests that are under way ahead of the reader.
const AHEAD: usize = 3;
/// Bytes of the first request: many readers look at the beginning alone. Each later one has more, up to a full one.
const FIRST: u64 = 128 << 10;
const GROWTH: u64 = 8;

/// Reads an object front to back. What is lost when a connection is cut is fetched again, and not what came before.
#[derive(Debug)]
pub struct Stream {
    object: Object,
    /// What was fetched and is not yet read.
    current: Bytes,
    ahead: VecDeque<Pending<io::Result<Bytes>>>,
    /// Where the next request begins, and how many bytes it is for.
    next: u64,
    bytes: u64,
}

impl Stream {
    /// From the beginning of an object.
    #[must_use]
    pub fn of(object: Object) -> Self {
        Self { object, current: Bytes::new(), ahead: VecDeque::new(), next: 0, bytes: FIRST }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() && !buffer.is_empty() {
            let most = if self.next == 0 { 1 } else { AHEAD };
            while self.ahead.len() < most && self.next < self.object.len() {
                let end = self.object.len().min(self.next + self.bytes);
                self.ahead.push_back(self.object.start(self.next..end)?);
                self.next = end;
                self.bytes = REQUEST.min(self.bytes * GROWTH);
            }
            let Some(first) = self.ahead.pop_front() else { return Ok(0) };
            self.current = first.wait()??;
        }
        let read = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..read]);
        Ok(read)
    }
}
