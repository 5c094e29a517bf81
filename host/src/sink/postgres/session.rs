//! A connection that is made anew when it is lost.
//!
//! The commit thread waits for what it asks: a runtime of its own drives the connection only meanwhile. Invariant: what is run here may be run
//! again from its beginning, since nobody knows what a server did with what it did not answer.

use std::{
    fmt, thread,
    time::{Duration, Instant},
};

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    PostgresError,
    config::Server,
    error::{Verdict, verdict},
};
use crate::sink::SinkError;

const DELAY_FIRST: Duration = Duration::from_millis(50);
const DELAY_MAX: Duration = Duration::from_secs(2);

/// Connections to one server, one at a time.
pub struct Session {
    runtime: Runtime,
    config: Config,
    tls: MakeRustlsConnect,
    client: Option<Client>,
    /// For messages.
    server: String,
    /// How long a server that does not answer is waited for.
    patience: Duration,
}

/// Why something that was asked of a server failed.
pub enum Failed {
    Client(tokio_postgres::Error),
    /// It answered, and this is the matter.
    Found(Box<SinkError>),
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Client(error)
    }
}

impl From<PostgresError> for Failed {
    fn from(error: PostgresError) -> Self {
        Self::Found(Box::new(error.into()))
    }
}

impl From<SinkError> for Failed {
    fn from(error: SinkError) -> Self {
        Self::Found(Box::new(error))
    }
}

impl Session {
    /// Connects to nobody yet.
    pub fn new(server: &Server, patience: Duration) -> Result<Self, SinkError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|source| SinkError::Io {
            action: "make a connection to",
            path: server.to_string(),
            source,
        })?;
        let (config, tls) = (server.config()?, server.tls()?);
        Ok(Self { runtime, config, tls, client: None, server: server.to_string(), patience })
    }

    /// Has `act` done with a connection, again and again while the server cannot be reached. `action` says what it does, for messages.
    pub fn run<T>(
        &mut self,
        action: &'static str,
        act: impl AsyncFn(&Client) -> Result<T, Failed>,
    ) -> Result<T, SinkError> {
        let (started, mut delay) = (Instant::now(), DELAY_FIRST);
        loop {
            let error = match self.once(&act) {
                Ok(done) => return Ok(done),
                Err(Failed::Client(error)) => error,
                Err(Failed::Found(error)) => {
                    self.client = None;
                    return Err(*error);
                }
            };
            // Whatever it was in the middle of.
            self.client = None;
            let server = self.server.clone();
            match verdict(&error) {
                Verdict::Again => {}
                Verdict::Refused => return Err(PostgresError::Refused { server, source: error }.into()),
                Verdict::Row | Verdict::Other => {
                    return Err(PostgresError::Server { action, server, source: error }.into());
                }
            }
            let waited = started.elapsed();
            if waited >= self.patience {
                return Err(PostgresError::Unreachable { server, waited, source: error }.into());
            }
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::warn!(server, %error, cause, "failed to {action}; trying again");
            thread::sleep(delay.min(self.patience.saturating_sub(waited)));
            delay = (delay * 2).min(DELAY_MAX);
        }
    }

    fn once<T>(&mut self, act: &impl AsyncFn(&Client) -> Result<T, Failed>) -> Result<T, Failed> {
        let Self { runtime, config, tls, client, .. } = self;
        runtime.block_on(async {
            let live = match client.take().filter(|client| !client.is_closed()) {
                Some(live) => live,
                None => connect(config, tls).await?,
            };
            act(client.insert(live)).await
        })
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("server", &self.server).finish_non_exhaustive()
    }
}

/// What every connection begins with. What the server's owner or the URL has set stays, but for this: a commit that was answered must survive the
/// server's power cut, since the checkpoint counts on it. Time limits let others go on when this process is stopped, or its machine gone, in the
/// middle of a transaction.
const SETTINGS: &str = "\
    SELECT set_config('client_min_messages', 'warning', false); \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'; \
    SELECT set_config('lock_timeout', '10s', false) WHERE current_setting('lock_timeout') = '0'; \
    SELECT set_config('idle_in_transaction_session_timeout', '10s', false) \
        WHERE current_setting('idle_in_transaction_session_timeout') = '0'; \
    SELECT set_config('tcp_keepalives_idle', '30', false) WHERE current_setting('tcp_keepalives_idle')::int > 30; \
    SELECT set_config('tcp_keepalives_interval', '10', false) WHERE current_setting('tcp_keepalives_interval')::int > 10; \
    SELECT set_config('tcp_keepalives_count', '3', false) WHERE current_setting('tcp_keepalives_count')::int > 3";

async fn connect(config: &Config, tls: &MakeRustlsConnect) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(tls.clone()).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended");
        }
    });
    client.simple_query(SETTINGS).await?;
    Ok(client)
}
