//! Objects that appear whole, and the removal of others.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::join_all;
use object_store::{
    MultipartUpload, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, UpdateVersion,
};
use tokio::sync::Mutex as AsyncMutex;

use crate::address::Address;
use crate::error::{Failed, of_request};
use crate::open::{Opened, open};
use crate::runtime::{Pending, start, wait};
use crate::{Entry, is_writable};

/// What is longer is uploaded in parts.
const SINGLE: u64 = 8 << 20;
/// Bytes of a part. A store takes 10,000 of them, so that long files have longer ones.
const PART: u64 = 8 << 20;
const MOST_PARTS: u64 = 9_000;
/// Parts that are under way at once.
const PARTS: usize = 4;
/// How long it may take to take uploads back when the program is interrupted.
const ABORT_WITHIN: Duration = Duration::from_millis(700);

/// An upload in parts, which must be taken back where it does not end: its parts are stored, and paid for, until then.
type Upload = Arc<AsyncMutex<Box<dyn MultipartUpload>>>;

static UNFINISHED: Mutex<Vec<Upload>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<Upload>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a file, from its beginning, to an address, in the place of an object that is there. It appears when it is whole.
///
/// # Errors
/// The address of a web server; a file that cannot be read; no rights, no such bucket, or a server that cannot be reached.
/// Nothing is left behind then, where the store can be told.
pub fn upload(mut file: &File, path: &Path) -> io::Result<u64> {
    let Opened { store, key, scheme, .. } = writable(path)?;
    file.rewind()?;
    let bytes = file.metadata()?.len();
    let failed = move |error: object_store::Error| io::Error::from(of_request(&scheme, &error));
    if bytes <= SINGLE {
        let mut content = Vec::with_capacity(bytes as usize);
        file.read_to_end(&mut content)?;
        let put = async move { store.put_opts(&key, content.into(), PutOptions::default()).await };
        wait(put)?.map_err(failed)?;
        return Ok(bytes);
    }
    let begin = async move { store.put_multipart_opts(&key, PutMultipartOptions::default()).await };
    let upload: Upload = Arc::new(AsyncMutex::new(wait(begin)?.map_err(&failed)?));
    unfinished().push(Arc::clone(&upload));
    let sent = send(file, bytes, &upload, &failed);
    unfinished().retain(|other| !Arc::ptr_eq(other, &upload));
    if sent.is_err() {
        // The reason why it failed matters more than that it may not be taken back.
        let _ = wait(async move { upload.lock().await.abort().await });
    }
    sent.map(|()| bytes)
}

/// Sends the parts of a file, several at a time, and ends the upload.
fn send(
    mut file: &File,
    bytes: u64,
    upload: &Upload,
    failed: &dyn Fn(object_store::Error) -> io::Error,
) -> io::Result<()> {
    let part_bytes = PART.max(bytes.div_ceil(MOST_PARTS));
    let mut under_way: VecDeque<Pending<object_store::Result<()>>> = VecDeque::new();
    let mut left = bytes;
    while left > 0 {
        let mut part = vec![0; left.min(part_bytes) as usize];
        file.read_exact(&mut part)?;
        left -= part.len() as u64;
        if under_way.len() == PARTS
            && let Some(first) = under_way.pop_front()
        {
            first.wait()?.map_err(failed)?;
        }
        // The number of a part is its place in the order of these calls.
        let sending = match upload.try_lock() {
            Ok(mut upload) => upload.put_part(PutPayload::from(Bytes::from(part))),
            Err(_) => return Err(Failed::new(ErrorKind::Interrupted, "was taken back").into()),
        };
        under_way.push_back(start(sending)?);
    }
    for part in under_way {
        part.wait()?.map_err(failed)?;
    }
    let upload = Arc::clone(upload);
    wait(async move { upload.lock().await.complete().await })?.map_err(failed)?;
    Ok(())
}

/// Takes back the uploads that are under way, for a program that ends now. Waits for less than a second.
pub fn abort_all() {
    let uploads = std::mem::take(&mut *unfinished());
    if uploads.is_empty() {
        return;
    }
    // Nobody is left to be told.
    let _ = wait(async move {
        let abort = |upload: Upload| async move { upload.lock().await.abort().await };
        let _ = tokio::time::timeout(ABORT_WITHIN, join_all(uploads.into_iter().map(abort))).await;
    });
}

/// Writes an object in one request: in the place of `before`, or where there must be none. A store that cannot compare
/// writes it all the same.
///
/// # Errors
/// Those of [`upload`]; an object that was written, replaced or removed since `before` was looked at, of kind
/// [`ErrorKind::StaleNetworkFileHandle`].
pub fn replace(content: Vec<u8>, path: &Path, before: Option<&Entry>) -> io::Result<()> {
    let Opened { store, key, scheme, .. } = writable(path)?;
    let mode = match before {
        None => PutMode::Create,
        Some(Entry { tag: Some(tag), .. }) => {
            PutMode::Update(UpdateVersion { e_tag: Some(tag.clone()), version: None })
        }
        Some(_) => PutMode::Overwrite,
    };
    let content = PutPayload::from(content);
    let put = move |mode: PutMode| {
        let (store, key, content): (Arc<dyn ObjectStore>, _, _) =
            (Arc::clone(&store), key.clone(), content.clone());
        wait(async move { store.put_opts(&key, content, mode.into()).await })
    };
    let written = match put(mode)? {
        Err(object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }) => {
            put(PutMode::Overwrite)?
        }
        written => written,
    };
    written.map(|_| ()).map_err(|error| of_request(&scheme, &error).into())
}

/// Removes objects, all of one bucket; those that are not there are passed over.
///
/// # Errors
/// No rights, or a server that cannot be reached.
pub fn remove<'a>(paths: impl IntoIterator<Item = &'a Path>) -> io::Result<()> {
    let mut keys = Vec::new();
    let mut opened: Option<Opened> = None;
    for path in paths {
        let own = writable(path)?;
        keys.push(Ok(own.key.clone()));
        opened.get_or_insert(own);
    }
    let Some(Opened { store, scheme, .. }) = opened else { return Ok(()) };
    let removed = wait(async move {
        let removed = store.delete_stream(futures::stream::iter(keys).boxed());
        removed.collect::<Vec<_>>().await
    })?;
    for result in removed {
        match result {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(of_request(&scheme, &error).into()),
        }
    }
    Ok(())
}

/// Checks that an address is one where objects can be written, as far as that can be told without a request.
///
/// # Errors
/// The address of a web server; one without a name, or that ends in a slash; settings that make no sense, or no credentials.
pub fn check_writable(path: &Path) -> io::Result<()> {
    let opened = writable(path)?;
    if opened.key.as_ref().is_empty() || crate::listed_directory(path).is_some() {
        return Err(Failed::new(ErrorKind::IsADirectory, "names no object")
            .hint("end it in a name, such as /outliers.parquet")
            .into());
    }
    Ok(())
}

/// Opens the store of an address where objects can be written.
fn writable(path: &Path) -> io::Result<Opened> {
    Address::parse(path)?;
    if !is_writable(path) {
        return Err(Failed::new(ErrorKind::Unsupported, "a web server can only be read")
            .hint("write to a local path, or to s3://, gs:// or az://")
            .into());
    }
    open(path)
}
