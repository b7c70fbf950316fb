//! From the address of a bucket and the environment to its store, opened once.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::ClientConfigKey;
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::path::Path as Key;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::address::Address;
use crate::error::{Failed, again, no_credentials, of_build};
use crate::runtime::wait;

/// How long the service of a cloud's machine that gives credentials may take. Elsewhere nothing answers at all.
const CREDENTIALS_WITHIN: Duration = Duration::from_secs(4);
/// How long a store that could not be opened is not tried again: a run asks for one several times.
const FAILED_FOR: Duration = Duration::from_secs(30);

/// The store that an address lies in, and what it is called there.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The store of the bucket.
    pub store: Arc<dyn ObjectStore>,
    /// The name of the object, or of the directory, in it.
    pub key: Key,
    /// The address of the bucket, such as `s3://bucket`.
    pub root: String,
    /// Such as `s3`.
    pub(crate) scheme: String,
}

/// Opens the store of an address, with the settings in the environment: `AWS_...`, `GOOGLE_...` and `AZURE_...`, as
/// `object_store` names them. A store is opened once.
///
/// # Errors
/// An address that makes no sense, settings that make none, or no credentials.
pub fn open(path: &Path) -> io::Result<Opened> {
    /// A store, or when it could not be opened, and why.
    type Known = Result<Arc<dyn ObjectStore>, (Instant, io::Error)>;
    static STORES: Mutex<Option<HashMap<String, Known>>> = Mutex::new(None);
    let address = Address::parse(path)?;
    let key = match address.scheme {
        // The others' names are what the address says.
        "http" | "https" => Key::from_url_path(address.key),
        _ => Key::parse(address.key),
    };
    let key = key.map_err(|_| {
        Failed::new(io::ErrorKind::InvalidInput, "is no name that an object can have")
            .hint("check the address")
    })?;
    let (root, scheme) = (address.root(), address.scheme.to_owned());
    let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
    let stores = stores.get_or_insert_default();
    let store = match stores.get(&root) {
        Some(Ok(store)) => Arc::clone(store),
        Some(Err((since, error))) if since.elapsed() < FAILED_FOR => return Err(again(error)),
        _ => {
            let built = build(&address).inspect_err(|error| {
                stores.insert(root.clone(), Err((Instant::now(), again(error))));
            })?;
            stores.insert(root.clone(), Ok(Arc::clone(&built)));
            built
        }
    };
    Ok(Opened { store, key, root, scheme })
}

/// Whether a setting is in the environment, under one of these names.
fn is_set(names: &[&str]) -> bool {
    names.iter().any(|name| std::env::var_os(name).is_some())
}

fn build(address: &Address<'_>) -> io::Result<Arc<dyn ObjectStore>> {
    let failed = |error: object_store::Error| of_build(address.scheme, &error);
    Ok(match address.scheme {
        "s3" => {
            let mut builder =
                AmazonS3Builder::from_env().with_bucket_name(address.bucket).with_retry(retries());
            if !is_set(&["AWS_TIMEOUT"]) {
                builder = builder.with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), TIMEOUT);
            }
            let skips = builder.get_config_value(&AmazonS3ConfigKey::SkipSignature);
            let store = builder.build().map_err(failed)?;
            if skips.as_deref() != Some("true") {
                check_credentials(address.scheme, Arc::clone(store.credentials()))?;
            }
            Arc::new(store)
        }
        "gs" => {
            let mut builder =
                GoogleCloudStorageBuilder::from_env().with_bucket_name(address.bucket).with_retry(retries());
            builder = builder.with_config(GoogleConfigKey::Client(ClientConfigKey::Timeout), TIMEOUT);
            let skips = builder.get_config_value(&GoogleConfigKey::SkipSignature);
            let store = builder.build().map_err(failed)?;
            if skips.as_deref() != Some("true") {
                check_credentials(address.scheme, Arc::clone(store.credentials()))?;
            }
            Arc::new(store)
        }
        "az" => {
            let mut builder =
                MicrosoftAzureBuilder::from_env().with_container_name(address.bucket).with_retry(retries());
            builder = builder.with_config(AzureConfigKey::Client(ClientConfigKey::Timeout), TIMEOUT);
            let skips = builder.get_config_value(&AzureConfigKey::SkipSignature);
            let store = builder.build().map_err(failed)?;
            if skips.as_deref() != Some("true") {
                check_credentials(address.scheme, Arc::clone(store.credentials()))?;
            }
            Arc::new(store)
        }
        scheme => {
            let options = ClientOptions::new()
                .with_allow_http(scheme == "http")
                .with_config(ClientConfigKey::Timeout, TIMEOUT);
            let builder = HttpBuilder::new().with_url(address.root()).with_client_options(options);
            Arc::new(builder.with_retry(retries()).build().map_err(failed)?)
        }
    })
}

/// How long a request may take, of some megabytes at most.
const TIMEOUT: &str = "60 seconds";

/// Requests that fail for a while are tried for about a quarter of a minute.
fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            base: 2.0,
        },
        max_retries: 7,
        retry_timeout: Duration::from_mins(1),
    }
}

/// Makes sure that there are credentials, so that where there are none it is said at once.
fn check_credentials<C: Send + Sync + std::fmt::Debug + 'static>(
    scheme: &str,
    provider: Arc<dyn object_store::CredentialProvider<Credential = C>>,
) -> io::Result<()> {
    let found = wait(async move {
        let credentials = provider.get_credential();
        matches!(tokio::time::timeout(CREDENTIALS_WITHIN, credentials).await, Ok(Ok(_)))
    })?;
    if found { Ok(()) } else { Err(no_credentials(scheme).into()) }
}
