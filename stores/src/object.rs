//! An object: from its address and ranges of it to their bytes.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectStore};

use crate::Entry;
use crate::error::{cut_off, is_cut_off, not_found, of_request};
use crate::open::open;
use crate::runtime::{Pending, start, wait};

/// Bytes of one request at most: what is longer is fetched by several at once.
pub(crate) const REQUEST: u64 = 8 << 20;
/// Requests for one range that are under way at once.
const REQUESTS: usize = 4;
/// How often a request is made whose answer was cut off, where the store itself cannot go on.
const TRIES: u32 = 5;

/// Makes a request, and makes it again, after pauses that grow, where its answer was cut off.
pub(crate) async fn again_if_cut<T, F>(request: impl Fn() -> F) -> object_store::Result<T>
where
    F: Future<Output = object_store::Result<T>>,
{
    for tried in 1..TRIES {
        match request().await {
            Err(error) if is_cut_off(&error) => tokio::time::sleep(Duration::from_millis(50 << tried)).await,
            answer => return answer,
        }
    }
    request().await
}

/// All of a small object, by one request.
///
/// # Errors
/// No such object, no rights, or a server that cannot be reached.
pub fn read(path: &Path) -> io::Result<Bytes> {
    let opened = open(path)?;
    let (store, key) = (opened.store, opened.key);
    let bytes = wait(async move {
        let request = || async { store.get_opts(&key, GetOptions::default()).await?.bytes().await };
        again_if_cut(request).await
    })?;
    bytes.map_err(|error| of_request(&opened.scheme, &error).into())
}

/// An object whose size is known. All that is fetched of it is of the version that was opened, where the store can tell.
#[derive(Debug, Clone)]
pub struct Object {
    path: PathBuf,
    store: Arc<dyn ObjectStore>,
    key: Key,
    scheme: String,
    bytes: u64,
    tag: Option<String>,
}

impl Object {
    /// Opens the object at an address: one request for its size.
    ///
    /// # Errors
    /// No such object, no rights, or a server that cannot be reached.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::of(&crate::stat(path)?.ok_or_else(not_found)?)
    }

    /// The object that a list tells of, without a request.
    ///
    /// # Errors
    /// Those of opening its store.
    pub fn of(entry: &Entry) -> io::Result<Self> {
        let opened = open(&entry.path)?;
        // A weak tag says that two versions mean the same, not that their bytes are the same: nothing matches it.
        let tag = entry.tag.clone().filter(|tag| !tag.starts_with("W/"));
        Ok(Self {
            path: entry.path.clone(),
            store: opened.store,
            key: opened.key,
            scheme: opened.scheme,
            bytes: entry.bytes,
            tag,
        })
    }

    /// Its address.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its size in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.bytes
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Fetches a range of its bytes.
    ///
    /// # Errors
    /// A range beyond the object's end; an object that was replaced since it was opened; a request that failed for good.
    pub fn fetch(&self, range: Range<u64>) -> io::Result<Bytes> {
        self.start(range)?.wait()?
    }

    /// Fetches several ranges of its bytes at once.
    ///
    /// # Errors
    /// Those of [`Object::fetch`].
    pub fn fetch_all(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
        let started = ranges.iter().map(|range| self.start(range.clone())).collect::<io::Result<Vec<_>>>()?;
        started.into_iter().map(|pending| pending.wait()?).collect()
    }

    /// Starts to fetch a range of its bytes. Errors: those of [`Object::fetch`], at once or when it is waited for.
    pub(crate) fn start(&self, range: Range<u64>) -> io::Result<Pending<io::Result<Bytes>>> {
        if range.end > self.bytes || range.start > range.end {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let object = self.clone();
        start(async move { object.get(range).await })
    }

    async fn get(&self, range: Range<u64>) -> io::Result<Bytes> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let pieces: Vec<Range<u64>> = (range.start..range.end)
            .step_by(REQUEST as usize)
            .map(|start| start..range.end.min(start + REQUEST))
            .collect();
        if let [piece] = &pieces[..] {
            return self.get_piece(piece.clone()).await;
        }
        let mut fetched = futures::stream::iter(pieces).map(|piece| self.get_piece(piece)).buffered(REQUESTS);
        let mut bytes = BytesMut::with_capacity((range.end - range.start) as usize);
        while let Some(piece) = fetched.try_next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.freeze())
    }

    /// One request, made again where its answer was cut off.
    async fn get_piece(&self, range: Range<u64>) -> io::Result<Bytes> {
        let whole = range == (0..self.bytes);
        let bytes = again_if_cut(|| async {
            let options = GetOptions {
                // A server that knows no ranges can still give all of it.
                range: (!whole).then(|| GetRange::Bounded(range.clone())),
                if_match: self.tag.clone(),
                ..GetOptions::default()
            };
            let bytes = self.store.get_opts(&self.key, options).await?.bytes().await?;
            // Without a tag, the store could not have gone on where the answer ended.
            if bytes.len() as u64 == range.end - range.start { Ok(bytes) } else { Err(cut_off()) }
        });
        bytes.await.map_err(|error| of_request(&self.scheme, &error).into())
    }
}
