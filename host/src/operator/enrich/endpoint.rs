//! The endpoints of a job, ready to be asked: clients, and the headers that the job file sets, secrets among them.
//!
//! Made with the plan, started when the job runs: a plan, a replay and a bundle read no secret. Invariant: secrets are in the headers of
//! requests and nowhere else; what is shown of an endpoint is what the job file says.

use std::{
    env, fmt, fs,
    io::Read,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    thread,
};

use pelton_core::enrich::{EndpointSpec, SecretFrom};
use reqwest::{
    Certificate, Client, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use tokio::{
    runtime::{Builder, Handle},
    sync::{Semaphore, oneshot},
};

use super::stand_in::StandIn;

/// All endpoints of a job.
pub struct Endpoints {
    pub specs: Vec<EndpointSpec>,
    /// What paths of secrets are relative to.
    dir: PathBuf,
    /// Made when the first one is needed. The error is why it cannot be.
    started: OnceLock<Result<Started, EndpointError>>,
    /// Who answers in the place of all of them.
    stand_in: OnceLock<Arc<dyn StandIn>>,
}

/// What all threads of the job share.
pub(super) struct Started {
    pub(super) runtime: Handle,
    pub(super) endpoints: Vec<Arc<Endpoint>>,
    /// Dropped, it ends the thread that drives the requests.
    _stop: oneshot::Sender<()>,
}

/// One of them.
pub(super) struct Endpoint {
    pub(super) spec: EndpointSpec,
    pub(super) client: Client,
    pub(super) base: Url,
    pub(super) headers: HeaderMap,
    /// One for each request that may be under way.
    pub(super) slots: Semaphore,
}

/// Why an endpoint cannot be asked at all.
#[derive(Debug, Clone, thiserror::Error)]
#[error("endpoint `{endpoint}`: {why}")]
pub struct EndpointError {
    pub endpoint: String,
    pub why: String,
}

/// As the job file has them. Operators that stay the same are told by it.
impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints").field("specs", &self.specs).field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// Bytes of a file with a secret, at most.
const SECRET_BYTES_MAX: u64 = 64 << 10;

impl Endpoints {
    pub fn new(specs: &[EndpointSpec], dir: &Path) -> Self {
        Self { specs: specs.to_vec(), dir: dir.to_owned(), started: OnceLock::new(), stand_in: OnceLock::new() }
    }

    /// From now on this one answers: nothing is sent, and no secret is read. The first one stays.
    pub fn replace(&self, stand_in: Arc<dyn StandIn>) {
        drop(self.stand_in.set(stand_in));
    }

    pub(super) fn stand_in(&self) -> Option<&dyn StandIn> {
        self.stand_in.get().map(AsRef::as_ref)
    }

    /// Reads secrets and makes clients, so that a job fails for them before it takes a row.
    pub fn prepare(&self) -> Result<(), EndpointError> {
        match self.stand_in() {
            Some(_) => Ok(()),
            None => self.started().map(drop).map_err(Clone::clone),
        }
    }

    pub(super) fn started(&self) -> Result<&Started, &EndpointError> {
        self.started.get_or_init(|| self.start()).as_ref()
    }

    fn start(&self) -> Result<Started, EndpointError> {
        // An error says that somebody has chosen already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let endpoint = |spec: &EndpointSpec| {
            let failed = |why| EndpointError { endpoint: spec.name.clone(), why };
            Endpoint::new(spec, &self.dir).map(Arc::new).map_err(failed)
        };
        let endpoints = self.specs.iter().map(endpoint).collect::<Result<Vec<_>, _>>()?;
        let failed = |error: std::io::Error| EndpointError {
            endpoint: self.specs.first().map(|spec| spec.name.clone()).unwrap_or_default(),
            why: format!("failed to start a thread for requests: {error}"),
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let drive = move || {
            // Whoever would say so is gone: that says it.
            drop(runtime.block_on(stopped));
            // A name that is being looked up would be waited for.
            runtime.shutdown_background();
        };
        thread::Builder::new().name("fetch".into()).spawn(drive).map_err(failed)?;
        Ok(Started { runtime: handle, endpoints, _stop: stop })
    }
}

impl Endpoint {
    fn new(spec: &EndpointSpec, dir: &Path) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        let name = |name: &str| HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no header"));
        for (header, value) in &spec.headers {
            let mut value = HeaderValue::from_str(&value.0).map_err(|_| format!("header `{header}` has no value"))?;
            value.set_sensitive(true);
            headers.insert(name(header)?, value);
        }
        for (header, from) in &spec.secrets {
            headers.insert(name(header)?, secret(header, from, dir)?);
        }
        let mut client = Client::builder()
            .redirect(Policy::none())
            .connect_timeout(spec.timeout)
            .pool_max_idle_per_host(spec.concurrency)
            .user_agent(concat!("pelton/", env!("CARGO_PKG_VERSION")));
        match &spec.ca {
            Some(ca) => {
                let path = dir.join(ca);
                let unreadable = |error: std::io::Error| format!("`ca` cannot be read: {error} ({})", path.display());
                let pem = fs::read(&path).map_err(unreadable)?;
                let certificates = Certificate::from_pem_bundle(&pem).map_err(|_| "`ca` has no certificates in PEM")?;
                client = client.tls_certs_only(certificates);
            }
            // No certificate is looked at, so that a machine which has none will do.
            None if spec.url.starts_with("http://") => client = client.tls_certs_only([]),
            None => {}
        }
        let unmade = |error: reqwest::Error| {
            let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
            format!("no client can be made: {}", causes.last().map(ToString::to_string).unwrap_or_default())
        };
        let client = client.build().map_err(unmade)?;
        // Shown as the job file has it: the text may hold what a variable was.
        let base = Url::parse(&spec.url).map_err(|error| format!("`url` is none: {error}"))?;
        Ok(Self { spec: spec.clone(), client, base, headers, slots: Semaphore::new(spec.concurrency) })
    }

    /// Whether a URL is below the endpoint's own, on the same host.
    pub(super) fn holds(&self, url: &Url) -> bool {
        let base = self.base.path().trim_end_matches('/');
        let rest = url.path().strip_prefix(base);
        url.scheme() == self.base.scheme()
            && url.host_str() == self.base.host_str()
            && url.port_or_known_default() == self.base.port_or_known_default()
            && url.username().is_empty()
            && url.password().is_none()
            && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The value of a secret header. Errors say where it should be, never what it is.
fn secret(header: &str, from: &SecretFrom, dir: &Path) -> Result<HeaderValue, String> {
    let missing = |why: String| format!("the value of header `{header}` is in {from}, {why}");
    let text = match from {
        SecretFrom::Env(name) => env::var(name).map_err(|error| match error {
            env::VarError::NotPresent => missing("which is not set".into()),
            env::VarError::NotUnicode(_) => missing("which is not UTF-8".into()),
        })?,
        SecretFrom::File(path) => {
            let mut text = String::new();
            let read =
                fs::File::open(dir.join(path)).and_then(|file| file.take(SECRET_BYTES_MAX).read_to_string(&mut text));
            read.map_err(|error| missing(format!("which cannot be read: {error}")))?;
            text
        }
    };
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(missing("which is empty".into()));
    }
    let mut value =
        HeaderValue::from_str(text).map_err(|_| missing("which has characters that no header can have".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn spec(url: &str, secrets: Vec<(String, SecretFrom)>) -> EndpointSpec {
        EndpointSpec {
            name: "rates".into(),
            url: url.into(),
            headers: Vec::new(),
            secrets,
            ca: None,
            timeout: Duration::from_secs(1),
            concurrency: 2,
            retries: 0,
            backoff: Duration::from_millis(1),
            reply_bytes: 1 << 10,
        }
    }

    #[test]
    fn a_url_that_leaves_its_endpoint_is_known() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let endpoint = Endpoint::new(&spec("http://h:8080/v1", Vec::new()), Path::new("")).unwrap();
        for good in ["http://h:8080/v1", "http://h:8080/v1/a?b", "http://h:8080/v1?b"] {
            assert!(endpoint.holds(&Url::parse(good).unwrap()), "{good}");
        }
        for bad in [
            "http://h:8080/v2",
            "http://h:8080/v1/../v2",
            "http://h:8080/v10",
            "http://h/v1",
            "https://h:8080/v1",
            "http://h.evil:8080/v1",
            "http://me@h:8080/v1",
        ] {
            assert!(!endpoint.holds(&Url::parse(bad).unwrap()), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_read_when_it_is_needed_and_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("key"), "hunter2\n").unwrap();
        fs::write(dir.path().join("odd"), "hun\nter2").unwrap();
        let with = |from| Endpoints::new(&[spec("http://h", vec![("x-key".into(), from)])], dir.path());
        let good = with(SecretFrom::File("key".into()));
        good.prepare().unwrap();
        let started = good.started().unwrap();
        let endpoint = started.endpoints.first().unwrap();
        assert_eq!(endpoint.headers.get("x-key").unwrap().to_str().unwrap(), "hunter2");
        assert!(!format!("{good:?} {:?}", endpoint.headers).contains("hunter2"));
        for (from, why) in [
            (SecretFrom::Env("PELTON_TEST_NO_SUCH".into()), "the variable PELTON_TEST_NO_SUCH, which is not set"),
            (SecretFrom::File("none".into()), "the file none, which cannot be read"),
            (SecretFrom::File("odd".into()), "characters that no header can have"),
        ] {
            let error = with(from).prepare().unwrap_err().to_string();
            assert!(error.starts_with("endpoint `rates`: the value of header `x-key` is in"), "{error}");
            assert!(error.contains(why) && !error.contains("ter2"), "{error}");
        }
    }
}
