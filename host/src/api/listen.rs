//! Where the engine listens, and how: loopback in plain HTTP, or any address with TLS and tokens.
//!
//! Called by `pelton serve` before a job starts. Invariant: what another machine can reach speaks TLS, and lets nobody in without a
//! token. A certificate that is renewed in its files is taken up while the engine runs; one that cannot be used is logged, and the
//! one from before stays.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum_server::tls_rustls::RustlsConfig;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::{
    control::tokens::Door,
    error::{Code, Coded},
};

/// How often the files of the certificate are looked at.
const RENEWAL_PERIOD: Duration = Duration::from_secs(5);

/// Where the certificate chain and its key are, both PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// An address that is taken, before the first request is answered.
pub struct Listener {
    pub(super) socket: TcpListener,
    pub(super) tls: Option<Tls>,
    pub(super) door: Door,
}

impl Listener {
    /// The URL at which it is reached.
    pub fn url(&self) -> std::io::Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.socket.local_addr()?))
    }
}

/// Why the engine cannot be reached where it was told to be.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("the engine does not listen without TLS on {0}, which others can reach")]
    Unencrypted(SocketAddr),
    #[error("the engine does not listen on {0}, which others can reach, before there is a token")]
    NoToken(SocketAddr),
    #[error("failed to listen on {address}")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("failed to read the certificate or key {path}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path} has no {what} in PEM")]
    NotPem { path: PathBuf, what: &'static str, source: rustls::pki_types::pem::Error },
    #[error("the certificate {cert} cannot be used with the key {key}")]
    Mismatch { cert: PathBuf, key: PathBuf, source: rustls::Error },
}

impl Coded for ListenError {
    fn code(&self) -> Code {
        Code::ListenRefused
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::Unencrypted(_) => {
                "give it a certificate (`--tls-cert FILE --tls-key FILE`), or listen on 127.0.0.1 or [::1]".into()
            }
            Self::NoToken(_) => "make one with `pelton token create NAME --role admin`, and the `--data DIR` of this engine if it has one".into(),
            Self::Bind { .. } => "choose another port: `--listen 127.0.0.1:PORT`".into(),
            Self::Unreadable { .. } | Self::NotPem { .. } | Self::Mismatch { .. } => {
                "`--tls-cert` takes the chain, the server's own certificate first; `--tls-key` its private key; both PEM".into()
            }
        })
    }
}

/// Takes the address. One that others can reach needs TLS, and `has_token`: somebody to let in.
pub fn listen(address: SocketAddr, files: Option<TlsFiles>, has_token: bool) -> Result<Listener, ListenError> {
    let door = if address.ip().is_loopback() { Door::Local } else { Door::Exposed };
    if door == Door::Exposed && files.is_none() {
        return Err(ListenError::Unencrypted(address));
    }
    if door == Door::Exposed && !has_token {
        return Err(ListenError::NoToken(address));
    }
    let tls = files.map(Tls::load).transpose()?;
    let socket = TcpListener::bind(address)
        .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
        .map_err(|source| ListenError::Bind { address, source })?;
    Ok(Listener { socket, tls, door })
}

/// A certificate in use, and where it came from.
pub(super) struct Tls {
    files: TlsFiles,
    /// The files' bytes, by which a renewed one is known.
    read: [Vec<u8>; 2],
    pub(super) config: RustlsConfig,
}

impl Tls {
    fn load(files: TlsFiles) -> Result<Self, ListenError> {
        let read = files.read()?;
        let config = RustlsConfig::from_config(files.server_config(&read)?);
        Ok(Self { files, read, config })
    }

    /// Takes up renewed certificates, for as long as it is polled.
    pub(super) async fn renew(mut self) {
        loop {
            tokio::time::sleep(RENEWAL_PERIOD).await;
            let Ok(read) = self.files.read() else { continue };
            if read == self.read {
                continue;
            }
            match self.files.server_config(&read) {
                Ok(config) => {
                    self.config.reload_from_config(config);
                    tracing::info!(cert = %self.files.cert.display(), "the certificate was renewed");
                }
                Err(error) => tracing::warn!(%error, "the certificate in use stays"),
            }
            self.read = read;
        }
    }
}

impl TlsFiles {
    fn read(&self) -> Result<[Vec<u8>; 2], ListenError> {
        let bytes =
            |path: &Path| fs::read(path).map_err(|source| ListenError::Unreadable { path: path.to_owned(), source });
        Ok([bytes(&self.cert)?, bytes(&self.key)?])
    }

    fn server_config(&self, [cert, key]: &[Vec<u8>; 2]) -> Result<Arc<ServerConfig>, ListenError> {
        let not_pem = |path: &Path, what, source| ListenError::NotPem { path: path.to_owned(), what, source };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(cert)
            .collect::<Result<_, _>>()
            .map_err(|source| not_pem(&self.cert, "certificate", source))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|source| not_pem(&self.key, "private key", source))?;
        let mismatch = |source| ListenError::Mismatch { cert: self.cert.clone(), key: self.key.clone(), source };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(mismatch)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}
