//! Which paths are addresses of objects, and what they name.

use std::path::{Path, PathBuf};

#[cfg(feature = "object-stores")]
use {crate::error::Failed, std::io::ErrorKind};

/// What known addresses begin with, and whether objects can be written and listed there.
const SCHEMES: [(&str, bool); 5] =
    [("s3", true), ("gs", true), ("az", true), ("https", false), ("http", false)];

/// What a scheme ends with.
const SEPARATOR: &str = "://";

/// Whether a path names an object, or a directory of objects, and not a local file. It may be of a kind that is not known, which
/// whatever asks for it is told.
#[must_use]
pub fn is_address(path: &Path) -> bool {
    scheme(path).is_some()
}

/// Whether objects can be written and listed at an address: on web servers they can only be read.
#[must_use]
pub fn is_writable(path: &Path) -> bool {
    scheme(path).and_then(known).is_some_and(|(_, writable)| *writable)
}

/// The directory that an address names, of which all objects are to be listed: one that ends in a slash, or a bucket.
/// `None` of an address that may name an object.
#[must_use]
pub fn listed_directory(path: &Path) -> Option<PathBuf> {
    let text = path.to_str()?;
    let rest = &text[scheme(path)?.len() + SEPARATOR.len()..];
    (rest.ends_with('/') || !rest.contains('/')).then(|| PathBuf::from(text.trim_end_matches('/')))
}

/// A message without what must not be told of addresses in it: names and passwords before a host, and queries, which may be
/// signatures.
#[must_use]
pub fn without_secrets(message: &str) -> String {
    let mut told = String::new();
    let mut rest = message;
    while let Some(start) = rest.find(SEPARATOR) {
        let (before, address) = rest.split_at(start + SEPARATOR.len());
        told.push_str(before);
        let end = address.find(char::is_whitespace).unwrap_or(address.len());
        let (address, after) = address.split_at(end);
        let host = address.find('/').unwrap_or(address.len());
        let shown = match address[..host].rfind('@') {
            Some(at) => &address[at..],
            None => address,
        };
        match shown.split_once('?') {
            // What follows the address in a message is told.
            Some((path, query)) => {
                told.push_str(path);
                told.push_str(if query.ends_with(':') { "?...:" } else { "?..." });
            }
            None => told.push_str(shown),
        }
        rest = after;
    }
    told + rest
}

/// What stands before `://`, if that looks like a scheme (RFC 3986). One letter is a drive of Windows.
fn scheme(path: &Path) -> Option<&str> {
    // As bytes: what comes later need not be text.
    let bytes = path.as_os_str().as_encoded_bytes();
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let length = bytes.iter().position(|byte| !is_part(byte)).filter(|length| *length > 1)?;
    let (scheme, rest) = bytes.split_at(length);
    let scheme = str::from_utf8(scheme).ok().filter(|_| rest.starts_with(SEPARATOR.as_bytes()))?;
    scheme.starts_with(|first: char| first.is_ascii_alphabetic()).then_some(scheme)
}

/// The scheme of that name, in capitals or not.
fn known(scheme: &str) -> Option<&'static (&'static str, bool)> {
    SCHEMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(scheme))
}

/// An address, taken apart.
#[cfg(feature = "object-stores")]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    /// Such as `s3`.
    pub(crate) scheme: &'static str,
    /// The bucket, the container, or the host with its port.
    pub(crate) bucket: &'a str,
    /// What it is called in there, without slashes at its ends.
    pub(crate) key: &'a str,
}

#[cfg(feature = "object-stores")]
impl<'a> Address<'a> {
    /// Takes an address apart. Errors: what is wrong with it.
    pub(crate) fn parse(path: &'a Path) -> Result<Self, Failed> {
        let wrong = |what: &str| Failed::new(ErrorKind::InvalidInput, what).hint("check the address");
        let text = path.to_str().ok_or_else(|| wrong("is no UTF-8"))?;
        let (scheme, rest) = text.split_once(SEPARATOR).ok_or_else(|| wrong("is no address"))?;
        let Some(&(scheme, _)) = known(scheme) else {
            return Err(Failed::new(ErrorKind::InvalidInput, "is no kind of address that is known")
                .hint("s3://, gs://, az:// and https:// are known; of a local file, give the path alone"));
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            let what = if scheme.starts_with("http") { "host" } else { "bucket" };
            return Err(Failed::new(ErrorKind::InvalidInput, format!("names no {what}"))
                .hint(format!("{scheme}://{what}/path is how an address looks")));
        }
        if bucket.contains('@') {
            return Err(wrong("holds a name or password, which addresses must not"));
        }
        if scheme.starts_with("http") && key.contains('?') {
            return Err(wrong("has a query (?...), with which nothing can be read by ranges"));
        }
        Ok(Self { scheme, bucket, key: key.trim_matches('/') })
    }

    /// The address of the bucket or host alone.
    pub(crate) fn root(&self) -> String {
        format!("{}://{}", self.scheme, self.bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_files() {
        let is = |text: &str| is_address(Path::new(text));
        assert!(
            is("s3://bucket") && is("gs://b/k") && is("az://c/k") && is("https://host/f") && is("http://h/f")
        );
        assert!(is("S3://bucket") && is("ftp://host/f") && is("s3a://b"));
        assert!(!is("observations") && !is("/s3://b") && !is("s3:/b") && !is("s3") && !is("C://x"));
        assert!(!is("a b://c") && !is("1s://b") && !is("://b") && !is(""));
        assert!(is_writable(Path::new("S3://b/k")) && !is_writable(Path::new("ftp://h/k")));
        assert!(is_writable(Path::new("s3://b/k")) && !is_writable(Path::new("https://h/k")));
    }

    #[test]
    fn paths_below_an_address_are_addresses() {
        let path = Path::new("s3://bucket/observations").join("block=01").join("part-00000.parquet");
        assert_eq!(path.to_str(), Some("s3://bucket/observations/block=01/part-00000.parquet"));
        let below = path.strip_prefix("s3://bucket/observations").unwrap();
        assert_eq!(below, Path::new("block=01/part-00000.parquet"));
    }

    #[test]
    fn a_slash_at_the_end_or_a_bucket_alone_is_a_directory() {
        let of = |text: &str| listed_directory(Path::new(text)).map(|path| path.to_str().unwrap().to_owned());
        assert_eq!(of("s3://bucket/2017/").as_deref(), Some("s3://bucket/2017"));
        assert_eq!(of("s3://bucket").as_deref(), Some("s3://bucket"));
        assert_eq!(of("s3://bucket/").as_deref(), Some("s3://bucket"));
        assert_eq!(of("s3://bucket/2017"), None);
        assert_eq!(of("2017/"), None);
    }

    #[test]
    fn secrets_in_addresses_are_not_told() {
        let told = |message| without_secrets(message);
        assert_eq!(told("https://user:secret@host/f: cannot open"), "https://@host/f: cannot open");
        assert_eq!(told("https://host/f?sig=secret: has a query"), "https://host/f?...: has a query");
        assert_eq!(told("a s3://b/k@1 c ?d"), "a s3://b/k@1 c ?d");
    }

    #[cfg(feature = "object-stores")]
    #[test]
    fn addresses_are_taken_apart() {
        let parse = |text| Address::parse(Path::new(text));
        let whole = Address { scheme: "s3", bucket: "bucket", key: "a/b c" };
        assert_eq!(parse("s3://bucket/a/b c/").unwrap(), whole);
        assert_eq!(parse("s3://bucket").unwrap().key, "");
        assert_eq!(parse("S3://Bucket/K").unwrap(), Address { scheme: "s3", bucket: "Bucket", key: "K" });
        assert_eq!(parse("https://host:80/x").unwrap().root(), "https://host:80");
        let wrong = |text| parse(text).unwrap_err().to_string();
        assert_eq!(wrong("ftp://h/f"), "is no kind of address that is known");
        assert_eq!(wrong("FILE:///f"), "is no kind of address that is known");
        assert_eq!(wrong("s3:///key"), "names no bucket");
        assert!(!wrong("https://user:secret@host/f").contains("secret"));
        assert!(!wrong("https://host/f?sig=secret").contains("secret"));
    }
}
