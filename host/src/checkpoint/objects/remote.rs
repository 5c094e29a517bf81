//! Any `object_store` as a bucket: S3 and what speaks like it, or memory in tests.
//!
//! The engine's threads are plain ones; requests are driven by one thread of the process, and whoever asks waits. Requests are tried again by the
//! client while that is safe. Invariant: what the client cannot know is [`Failure::Unclear`], never an error that says that nothing was done.

use std::{future::Future, io, sync::Arc, sync::OnceLock, thread, time::Duration};

use object_store::{
    BackoffConfig, ClientConfigKey, Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    RetryConfig, UpdateVersion,
    aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut},
    path::Path,
};
use tokio::{
    runtime::{Builder, Handle},
    task::JoinSet,
};

use super::bucket::{Before, Bucket, Failure, Found};

/// Requests that are under way at once, of those for many objects.
const REQUESTS: usize = 32;
/// For one request with its body.
const REQUEST_TIMEOUT: &str = "60s";
const CONNECT_TIMEOUT: &str = "5s";
/// How long a request that failed is tried again.
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);
const RETRIES_MAX: usize = 8;

/// An object store, and the thread that drives its requests.
pub struct Remote {
    store: Arc<dyn ObjectStore>,
    runtime: Handle,
}

impl Remote {
    pub fn new(store: Arc<dyn ObjectStore>) -> io::Result<Self> {
        Ok(Self { store, runtime: runtime()? })
    }

    /// A bucket of S3, or of what AWS_ENDPOINT names; keys and regions come from AWS_… as everywhere.
    pub fn s3(bucket: &str) -> io::Result<Self> {
        // An error says that somebody has chosen already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let retries = RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(5), ..BackoffConfig::default() },
            max_retries: RETRIES_MAX,
            retry_timeout: RETRY_TIMEOUT,
        };
        let store = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), REQUEST_TIMEOUT)
            .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::ConnectTimeout), CONNECT_TIMEOUT)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_retry(retries)
            .build()
            .map_err(io::Error::other)?;
        Self::new(Arc::new(store))
    }

    fn wait<T>(&self, request: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.runtime.block_on(request)
    }
}

/// The runtime of all stores, on a thread that lives as long as the process.
fn runtime() -> io::Result<Handle> {
    static RUNTIME: OnceLock<Handle> = OnceLock::new();
    if let Some(handle) = RUNTIME.get() {
        return Ok(handle.clone());
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let drive = move || runtime.block_on(std::future::pending::<()>());
    thread::Builder::new().name("objects".into()).spawn(drive)?;
    // Of two that were made at once, one idles.
    Ok(RUNTIME.get_or_init(|| handle).clone())
}

fn failure(error: Error) -> Failure {
    let kind = match &error {
        Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotModified { .. } => {
            return Failure::Conflict;
        }
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => io::ErrorKind::PermissionDenied,
        Error::NotSupported { .. } | Error::NotImplemented { .. } => io::ErrorKind::Unsupported,
        Error::InvalidPath { .. } | Error::UnknownConfigurationKey { .. } => io::ErrorKind::InvalidInput,
        _ => return Failure::Unclear(Box::new(error)),
    };
    Failure::Refused(io::Error::new(kind, error))
}

fn path(key: &str) -> Result<Path, Failure> {
    Path::parse(key).map_err(|error| failure(error.into()))
}

async fn read(store: Arc<dyn ObjectStore>, path: Path, bytes_max: u64) -> Result<Option<Found>, Failure> {
    let result = match store.get_opts(&path, GetOptions::default()).await {
        Err(Error::NotFound { .. }) => return Ok(None),
        other => other.map_err(failure)?,
    };
    let (size, e_tag, version) = (result.meta.size, result.meta.e_tag.clone(), result.meta.version.clone());
    if size > bytes_max {
        let reason = format!("it has {size} bytes, more than {bytes_max}");
        return Err(Failure::Refused(io::Error::other(reason)));
    }
    let bytes = result.bytes().await.map_err(failure)?.to_vec();
    Ok(Some(Found { bytes, version: UpdateVersion { e_tag, version } }))
}

impl Bucket for Remote {
    fn put(&self, key: &str, bytes: &[u8], before: &Before) -> Result<UpdateVersion, Failure> {
        let mode = match before {
            Before::Nothing => PutMode::Create,
            Before::Version(version) => PutMode::Update(version.clone()),
        };
        let (path, payload) = (path(key)?, PutPayload::from(bytes.to_vec()));
        let put = async { self.store.put_opts(&path, payload, PutOptions::from(mode)).await.map_err(failure) };
        Ok(self.wait(put)?.into())
    }

    fn get(&self, key: &str, bytes_max: u64) -> Result<Option<Found>, Failure> {
        self.wait(read(Arc::clone(&self.store), path(key)?, bytes_max))
    }

    fn get_all(&self, keys: &[String], bytes_max: u64) -> Result<Vec<Option<Found>>, Failure> {
        let paths = keys.iter().map(|key| path(key)).collect::<Result<Vec<_>, _>>()?;
        self.wait(async {
            let mut found = Vec::with_capacity(paths.len());
            for some in paths.chunks(REQUESTS) {
                let requests =
                    some.iter().map(|path| tokio::spawn(read(Arc::clone(&self.store), path.clone(), bytes_max)));
                for request in requests.collect::<Vec<_>>() {
                    found.push(request.await.map_err(|error| Failure::Unclear(Box::new(error)))??);
                }
            }
            Ok(found)
        })
    }

    fn exists(&self, key: &str) -> Result<bool, Failure> {
        let path = path(key)?;
        match self.wait(async { Ok(self.store.head(&path).await) })? {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(failure(error)),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, Failure> {
        let path = path(prefix)?;
        let listed = self.wait(async { self.store.list_with_delimiter(Some(&path)).await.map_err(failure) })?;
        let objects = listed.objects.iter().map(|object| &object.location);
        Ok(objects.chain(&listed.common_prefixes).filter_map(|path| Some(path.filename()?.to_owned())).collect())
    }

    fn remove(&self, keys: &[String]) -> Result<(), Failure> {
        let paths = keys.iter().map(|key| path(key)).collect::<Result<Vec<_>, _>>()?;
        self.wait(async {
            for some in paths.chunks(REQUESTS) {
                let mut requests = JoinSet::new();
                for path in some {
                    let (store, path) = (Arc::clone(&self.store), path.clone());
                    requests.spawn(async move { store.delete(&path).await });
                }
                for removed in requests.join_all().await {
                    match removed {
                        Err(Error::NotFound { .. }) | Ok(()) => {}
                        Err(error) => return Err(failure(error)),
                    }
                }
            }
            Ok(())
        })
    }
}
