//! Why a request failed: from a store's error to one line, and what to do about it.
//!
//! What servers send is not printed, but for the names of errors that it holds: it may repeat keys and signatures.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

/// Why a request failed.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
}

impl Failed {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failed {}

impl From<Failed> for io::Error {
    fn from(failed: Failed) -> Self {
        Self::new(failed.kind, failed)
    }
}

/// What to do about an error of this crate; `None` for other errors, and where nothing is known to help.
#[must_use]
pub fn hint(error: &io::Error) -> Option<&str> {
    error.get_ref()?.downcast_ref::<Failed>()?.hint.as_deref()
}

/// Another error of the same kind, message and hint, for the next one who asks for what failed.
#[must_use]
pub fn again(error: &io::Error) -> io::Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Failed>()) {
        Some(failed) => failed.clone().into(),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// The error of an object that is not there.
pub(crate) fn no_object() -> Failed {
    Failed::new(ErrorKind::NotFound, "no such object").hint("check the address")
}

/// The error of an object that is not there, as any other.
#[must_use]
pub fn not_found() -> io::Error {
    no_object().into()
}

/// What an error of the library that stores are read with says, if this is one or is caused by one.
#[must_use]
pub fn of_store(error: &(dyn Error + 'static)) -> Option<io::Error> {
    #[cfg(feature = "object-stores")]
    {
        let mut source = Some(error);
        while let Some(error) = source {
            let found = error.downcast_ref::<object_store::Error>();
            if let Some(found) =
                found.or_else(|| error.downcast_ref::<Box<object_store::Error>>().map(|it| &**it))
            {
                return Some(of_request("s3", found).into());
            }
            source = error.source();
        }
    }
    let _ = error;
    None
}

#[cfg(feature = "object-stores")]
pub(crate) use of_stores::{cut_off, is_cut_off, no_credentials, of_build, of_request};

#[cfg(feature = "object-stores")]
mod of_stores {
    use super::{Error, ErrorKind, Failed, no_object};
    use object_store::Error as StoreError;
    use object_store::client::{HttpError, HttpErrorKind};

    /// What to set where no credentials are known, by scheme.
    fn how_to_sign(scheme: &str) -> &'static str {
        match scheme {
            "s3" => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for a public bucket set AWS_SKIP_SIGNATURE=true"
            }
            "gs" => {
                "set GOOGLE_APPLICATION_CREDENTIALS to the file of a key; for a public bucket set GOOGLE_SKIP_SIGNATURE=true"
            }
            "az" => {
                "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY; for a public container set AZURE_SKIP_SIGNATURE=true"
            }
            _ => "the server wants to know who asks, which isd does not tell",
        }
    }

    /// The error where nobody has said who asks.
    pub(crate) fn no_credentials(scheme: &str) -> Failed {
        Failed::new(ErrorKind::PermissionDenied, "no credentials").hint(how_to_sign(scheme))
    }

    /// The error of a store that cannot be set up.
    pub(crate) fn of_build(scheme: &str, error: &StoreError) -> Failed {
        let text = chain(error);
        let is_missing = ["must be specified", "Missing", "missing"].iter().any(|word| text.contains(word));
        if is_missing {
            return no_credentials(scheme);
        }
        // Of what the environment holds, the name of a setting may be told, but no value.
        Failed::new(ErrorKind::InvalidInput, "the settings in the environment make no sense").hint(
            match scheme {
                "s3" => "check the variables AWS_...",
                "gs" => "check the variables GOOGLE_... and the file of the key",
                "az" => "check the variables AZURE_...",
                _ => "check the address",
            },
        )
    }

    /// The error of a request that failed for good.
    pub(crate) fn of_request(scheme: &str, error: &StoreError) -> Failed {
        let text = chain(error);
        let code = code_of(&text);
        let named = code.map(|code| format!(" ({code})")).unwrap_or_default();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let bucket = match scheme {
            "az" => "container",
            _ => "bucket",
        };
        if has(&["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"]) {
            return Failed::new(ErrorKind::Other, format!("no such {bucket}")).hint(format!(
                "check the name of the {bucket}, and the region and endpoint in the environment"
            ));
        }
        let denied =
            matches!(error, StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. });
        if denied || has(&["403 Forbidden", "401 Unauthorized"]) {
            return Failed::new(ErrorKind::PermissionDenied, format!("no rights{named}")).hint(match code {
                Some("SignatureDoesNotMatch" | "InvalidAccessKeyId" | "AuthenticationFailed") => {
                    "check the credentials in the environment"
                }
                Some("RequestTimeTooSkewed") => "set this machine's clock",
                _ if scheme.starts_with("http") => how_to_sign(scheme),
                _ => "check the credentials in the environment, and what they may do there",
            });
        }
        match error {
            StoreError::NotFound { .. } => {
                return no_object();
            }
            StoreError::Precondition { .. }
            | StoreError::AlreadyExists { .. }
            | StoreError::NotModified { .. } => {
                return Failed::new(ErrorKind::StaleNetworkFileHandle, "was replaced meanwhile")
                    .hint("run again");
            }
            StoreError::NotSupported { .. } | StoreError::NotImplemented { .. } => {
                return Failed::new(ErrorKind::Unsupported, "the server does not serve parts of an object")
                    .hint("download it, and name the file");
            }
            StoreError::InvalidPath { .. } => {
                return Failed::new(ErrorKind::InvalidInput, "is no name that an object can have");
            }
            _ => {}
        }
        if has(&["PermanentRedirect", "Received redirect", "AuthorizationHeaderMalformed", "301 Moved"]) {
            return Failed::new(ErrorKind::Other, format!("the {bucket} is in another region{named}"))
                .hint("set AWS_REGION to the region of the bucket");
        }
        if has(&["429 Too Many", "SlowDown", "503 Service", "ServerBusy", "TooManyRequests"]) {
            return Failed::new(ErrorKind::ResourceBusy, format!("throttled: the server is busy{named}"))
                .hint("run again later, or with fewer --threads");
        }
        if let Some(status) = status_of(&text) {
            return Failed::new(ErrorKind::Other, format!("the server answered {status}{named}"))
                .hint("run again later; the server's log may say more");
        }
        if has(&["invalid HTTP"]) {
            return Failed::new(ErrorKind::InvalidData, "what answers is no web server")
                .hint("check the host and port of the address, and the endpoint in the environment");
        }
        match http_kind(error) {
            Some(HttpErrorKind::Connect) => Failed::new(ErrorKind::NotConnected, "cannot reach the server")
                .hint("check the network, and the endpoint in the environment"),
            Some(HttpErrorKind::Timeout) => {
                Failed::new(ErrorKind::TimedOut, "the server did not answer in time").hint("run again later")
            }
            Some(HttpErrorKind::Interrupted | HttpErrorKind::Decode | HttpErrorKind::Request) => {
                Failed::new(ErrorKind::ConnectionAborted, "the connection was cut off").hint("run again")
            }
            _ if has(&["URL scheme is not allowed"]) => {
                Failed::new(ErrorKind::InvalidInput, "the endpoint is http://, which is not encrypted")
                    .hint("set AWS_ALLOW_HTTP=true if that is meant")
            }
            // Such as a token that could not be had.
            _ => {
                Failed::new(ErrorKind::Other, format!("the request failed{named}")).hint(how_to_sign(scheme))
            }
        }
    }

    /// Whether a request failed because a connection was cut while its answer came.
    pub(crate) fn is_cut_off(error: &StoreError) -> bool {
        matches!(
            http_kind(error),
            Some(HttpErrorKind::Interrupted | HttpErrorKind::Decode | HttpErrorKind::Unknown)
        )
    }

    /// What a request failed with whose answer ended early.
    pub(crate) fn cut_off() -> StoreError {
        let source =
            HttpError::new(HttpErrorKind::Interrupted, std::io::Error::from(ErrorKind::UnexpectedEof));
        StoreError::Generic { store: "store", source: Box::new(source) }
    }

    fn http_kind(error: &StoreError) -> Option<HttpErrorKind> {
        let mut source: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = source {
            if let Some(http) = error.downcast_ref::<HttpError>() {
                return Some(http.kind());
            }
            source = error.source();
        }
        None
    }

    fn chain(error: &(dyn Error + 'static)) -> String {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        text
    }

    /// The server's name for the error: what its XML says in `<Code>`, if that is a word.
    fn code_of(text: &str) -> Option<&str> {
        let (_, rest) = text.split_once("<Code>")?;
        let (code, _) = rest.split_once("</Code>")?;
        (code.len() < 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(code)
    }

    /// The status in `status code: 500 Internal Server Error`, as such a number and words.
    fn status_of(text: &str) -> Option<&str> {
        let (_, rest) = text.split_once("status code: ")?;
        let status = rest.split(':').next()?.trim();
        (status.len() < 64).then_some(status)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn of_an_answer_only_the_name_of_the_error_is_told() {
            let text =
                "status code: 403 Forbidden: <Error><Code>InvalidAccessKeyId</Code><Id>AKIA1234</Id></Error>";
            assert_eq!(code_of(text), Some("InvalidAccessKeyId"));
            assert_eq!(status_of(text), Some("403 Forbidden"));
            assert_eq!(code_of("<Code>AKIA 1234</Code>"), None);
            assert_eq!(code_of("no code"), None);
            let error = StoreError::Generic { store: "S3", source: format!("secret {text}").into() };
            let failed = of_request("s3", &error).to_string();
            assert!(
                failed.contains("InvalidAccessKeyId")
                    && !failed.contains("AKIA1234")
                    && !failed.contains("secret")
            );
        }

        #[test]
        fn what_is_missing_is_credentials() {
            let error =
                StoreError::Generic { store: "MicrosoftAzure", source: "Account must be specified".into() };
            assert_eq!(of_build("az", &error).to_string(), "no credentials");
        }
    }
}
