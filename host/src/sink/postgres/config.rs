//! How a server is reached: the URL, the password, TLS.
//!
//! `sslmode` means what it means to libpq: `disable` (no TLS), `prefer` (TLS if the server has it; the default), `require` (TLS, whoever
//! the server is), `verify-ca` and `verify-full` (TLS with a server whose certificate and name are checked). A `ca` file has certificates
//! checked in every mode that uses TLS. Invariant: nothing here shows a password.

use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use pelton_core::job::PostgresSpec;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::PostgresError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// After which a peer that says nothing is taken for dead.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A server as the job file names it.
#[derive(Debug)]
pub struct Server {
    config: Config,
    /// Whether the server must show who it is.
    is_verified: bool,
    ca: Option<PathBuf>,
    password_env: Option<String>,
}

impl Server {
    /// Reads the URL; looks neither for the password nor for certificates.
    pub fn new(spec: &PostgresSpec, base: &Path) -> Result<Self, PostgresError> {
        let wrong = |reason: String| PostgresError::Option { key: "url", reason };
        let url = spec.url.0.as_str();
        if !["postgresql://", "postgres://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(wrong("it does not begin with postgresql://".into()));
        }
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut sslmode, mut sslrootcert, mut others) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", mode)) => sslmode = Some(mode),
                Some(("sslrootcert", path)) => sslrootcert = Some(path.to_owned()),
                _ => others.push(pair),
            }
        }
        let rest = if others.is_empty() { place.to_owned() } else { format!("{place}?{}", others.join("&")) };
        let mut config: Config = rest.parse().map_err(|error: tokio_postgres::Error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            wrong(format!("{error}{cause}"))
        })?;
        let (mode, is_verified) = match sslmode {
            Some("disable") => (SslMode::Disable, false),
            None | Some("allow" | "prefer") => (SslMode::Prefer, false),
            Some("require") => (SslMode::Require, false),
            Some("verify-ca" | "verify-full") => (SslMode::Require, true),
            Some(other) => return Err(wrong(format!("`{other}` is no sslmode"))),
        };
        config.ssl_mode(mode);
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(wrong("it names no host".into()));
        }
        config.connect_timeout(config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT));
        config.tcp_user_timeout(config.get_tcp_user_timeout().copied().unwrap_or(SILENCE_MAX));
        config.keepalives_idle(config.get_keepalives_idle().min(SILENCE_MAX));
        if config.get_application_name().is_none() {
            config.application_name("pelton");
        }
        let ca = spec.ca.clone().or(sslrootcert).filter(|path| path != "system").map(|path| base.join(path));
        Ok(Self { config, is_verified, ca, password_env: spec.password_env.clone() })
    }

    /// With the password, if one is looked for in the environment.
    pub fn config(&self) -> Result<Config, PostgresError> {
        let mut config = self.config.clone();
        if let Some(name) = &self.password_env {
            config.password(env::var(name).map_err(|_| PostgresError::NoPassword { name: name.clone() })?);
        }
        Ok(config)
    }

    /// How connections are encrypted.
    pub fn tls(&self) -> Result<MakeRustlsConnect, PostgresError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let builder = builder.expect("ring has the suites of TLS 1.2 and 1.3");
        let client = match (&self.ca, self.is_verified) {
            (Some(path), _) => builder.with_root_certificates(roots(path)?).with_no_client_auth(),
            (None, true) => {
                let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
                builder.with_root_certificates(roots).with_no_client_auth()
            }
            (None, false) => {
                let anybody = Arc::new(Anybody(provider));
                builder.dangerous().with_custom_certificate_verifier(anybody).with_no_client_auth()
            }
        };
        Ok(MakeRustlsConnect::new(client))
    }
}

/// `db.example:5432/shop`, for messages.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => self.config.get_hostaddrs().first().map(ToString::to_string).unwrap_or_default(),
        };
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        let database = self.config.get_dbname().or(self.config.get_user()).unwrap_or_default();
        write!(f, "{host}:{port}/{database}")
    }
}

/// The certificates of a PEM file.
fn roots(path: &Path) -> Result<RootCertStore, PostgresError> {
    let failed = |source| PostgresError::Certificates { path: path.display().to_string(), source };
    let pem = fs::read(path).map_err(failed)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| failed(io::Error::other(error.to_string())))?;
        roots.add(certificate).map_err(|error| failed(io::Error::other(error)))?;
    }
    if roots.is_empty() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, "it has none")));
    }
    Ok(roots)
}

/// Takes every certificate, as `sslmode=require` and `prefer` say: what is sent is encrypted, to whomever.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use pelton_core::job::{Secret, SqlMode};

    use super::*;

    fn spec(url: &str) -> PostgresSpec {
        PostgresSpec {
            url: Secret(url.into()),
            password_env: None,
            ca: None,
            table: "t".into(),
            mode: SqlMode::Insert,
            create: false,
            marker_table: "m".into(),
            retry: Duration::ZERO,
        }
    }

    #[test]
    fn a_url_says_where_and_how() {
        let open = |url: &str| Server::new(&spec(url), Path::new("/jobs"));
        let server =
            open("postgresql://me:hunter2@db.example:6000/shop?sslmode=verify-full&sslrootcert=ca.pem").unwrap();
        assert_eq!(server.to_string(), "db.example:6000/shop");
        assert!(server.is_verified);
        assert_eq!(server.ca.as_deref(), Some(Path::new("/jobs/ca.pem")));
        assert!(!format!("{server:?}").contains("hunter2"));
        let server = open("postgres:///shop?host=/run/postgresql").unwrap();
        assert_eq!((server.to_string().as_str(), server.is_verified), ("/run/postgresql:5432/shop", false));
        for (url, reason) in [
            ("db.example:5432", "does not begin with"),
            ("postgresql:///shop", "names no host"),
            ("postgresql://h/d?sslmode=maybe", "no sslmode"),
            ("postgresql://h/d?colour=red", "colour"),
        ] {
            let error = open(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{url}: {error}");
        }
    }

    #[test]
    fn a_password_that_is_not_set_is_named() {
        let spec = PostgresSpec { password_env: Some("PELTON_TEST_NO_SUCH".into()), ..spec("postgresql://h/d") };
        let error = Server::new(&spec, Path::new("")).unwrap().config().unwrap_err();
        assert!(error.to_string().contains("PELTON_TEST_NO_SUCH"), "{error}");
    }
}
