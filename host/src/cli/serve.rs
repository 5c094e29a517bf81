//! `pelton serve`: the engine, until Ctrl-C or SIGTERM.
//!
//! The first of them has every job commit what it has begun, and the process end with 0; the next start resumes what ran. A second one
//! ends it at once, which loses nothing either.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use pelton_wasm::{Compiler, Runtime, RuntimeOptions};
use serde_json::json;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    time::timeout,
};

use super::{Context, Exit, config::LISTEN_DEFAULT, plan::runtime, swap::parse_time, terminal::counted};
use crate::{
    api::{self, ListenError, TlsFiles},
    control::{ControlError, Engine, EngineOptions},
    error::Coded,
    job::file,
};

#[derive(Debug, Args)]
#[command(after_help = super::TRACES_HELP)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    pub(super) data: DataArgs,
    /// Where it listens. Port 0: any that is free. An address that other machines reach needs a certificate and a token.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = LISTEN_DEFAULT)]
    listen: SocketAddr,
    /// The certificate chain (PEM) with which it speaks TLS. What replaces it in the file is taken up by itself.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key (PEM) of that certificate.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Memory that compiling a module may take, which a process of its own does: a size such as 4GiB.
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = parse_size)]
    compile_memory: u64,
    /// Time of a processor that compiling a module may take, in whole seconds such as 300s.
    #[arg(long, value_name = "TIME", default_value = "300s", value_parser = parse_time)]
    compile_time: Duration,
}

impl ServeArgs {
    fn tls(&self) -> Option<TlsFiles> {
        Some(TlsFiles { cert: self.tls_cert.clone()?, key: self.tls_key.clone()? })
    }
}

fn parse_size(text: &str) -> Result<u64, String> {
    file::size(text).ok_or_else(|| "a size is such as 512MiB or 4GiB".to_owned())
}

/// Where an engine keeps what it has.
#[derive(Debug, Args)]
pub(super) struct DataArgs {
    /// The engine's data directory: its jobs, modules, tokens; made if it is missing.
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

/// Ends without answers that take longer.
const ANSWERS_PATIENCE: Duration = Duration::from_secs(2);

/// Why the engine ended.
enum End {
    Asked,
    Listen(ListenError),
    Control(ControlError),
    Server(std::io::Error),
}

pub(super) fn serve(context: &Context, args: &ServeArgs) -> Exit {
    let Ok(data) = data_dir(context) else { return Exit::Usage };
    let runtime = match compiling_apart(context, args) {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let threads = context.config.threads_for(None);
    let Ok(traces) = context.traces() else { return Exit::Usage };
    let heard = context.terminal.heard.clone();
    let engine = match Engine::open(EngineOptions { data, runtime, threads, traces, heard }) {
        Ok(engine) => engine,
        Err(error) => return fail(context, &error),
    };
    let Ok(io) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        context.terminal.message("failed to start: the system gives no more descriptors or threads");
        return Exit::Failed;
    };
    let end = io.block_on(run(context, args, &engine));
    io.shutdown_timeout(ANSWERS_PATIENCE);
    match end {
        End::Asked => Exit::Done,
        End::Listen(error) => fail(context, &error),
        End::Control(error) => fail(context, &error),
        End::Server(error) => {
            context.terminal.message(&format!("failed to answer requests: {error}"));
            Exit::Failed
        }
    }
}

/// A runtime that has modules compiled by processes of this program.
fn compiling_apart(context: &Context, args: &ServeArgs) -> Result<Arc<Runtime>, Exit> {
    let Some(cache_dir) = context.config.cache_dir.value.clone() else { return runtime(context) };
    let Ok(program) = std::env::current_exe() else { return runtime(context) };
    let (memory, time) = (args.compile_memory.to_string(), args.compile_time.as_secs().max(1));
    let known = ["compile-module", "--memory", &memory, "--time", &time.to_string(), "--cache-dir"].map(str::to_owned);
    let compiler = Compiler {
        program,
        args: known.into_iter().chain([cache_dir.display().to_string()]).collect(),
        // It has one thread, and shares a processor with others.
        time: Duration::from_secs(time.saturating_mul(4)),
    };
    Runtime::compiling_apart(&RuntimeOptions { cache_dir: Some(cache_dir) }, compiler).map_err(|error| {
        context.error(&error);
        Exit::Failed
    })
}

fn fail(context: &Context, error: &dyn Coded) -> Exit {
    context.error(error);
    Exit::Failed
}

/// The data directory; what is missing has been said.
pub(super) fn data_dir(context: &Context) -> Result<PathBuf, ()> {
    context.config.data_dir.value.clone().ok_or_else(|| {
        context.terminal.message("there is no home directory: say where the engine keeps its data, `--data DIR`");
    })
}

async fn run(context: &Context, args: &ServeArgs, engine: &Arc<Engine>) -> End {
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return End::Server(error),
    };
    let has_token = match engine.tokens().list() {
        Ok(tokens) => !tokens.is_empty(),
        Err(error) => return End::Control(error),
    };
    let listener = match api::listen(args.listen, args.tls(), has_token) {
        Ok(listener) => listener,
        Err(error) => return End::Listen(error),
    };
    let url = match listener.url() {
        Ok(url) => url,
        Err(error) => return End::Server(error),
    };
    let jobs = match engine.start() {
        Ok(jobs) => jobs,
        Err(error) => return End::Control(error),
    };
    announce(context, &url, engine, jobs);
    let (stop, stopped) = oneshot::channel::<()>();
    let server = api::serve(Arc::clone(engine), listener, async {
        let _ = stopped.await;
    });
    let mut server = tokio::spawn(server);
    let end = tokio::select! {
        () = signals.next() => End::Asked,
        ended = &mut server => match ended {
            Ok(Err(error)) => End::Server(error),
            _ => End::Asked,
        },
    };
    let _ = stop.send(());
    context.terminal.message("stopping: every job commits what it has begun");
    // Whoever asks twice does not want to wait.
    tokio::spawn(async move {
        signals.next().await;
        std::process::exit(Exit::Interrupted as i32);
    });
    let closing = Arc::clone(engine);
    let _ = tokio::task::spawn_blocking(move || closing.close()).await;
    if !server.is_finished() {
        let _ = timeout(ANSWERS_PATIENCE, server).await;
    }
    end
}

fn announce(context: &Context, url: &str, engine: &Engine, jobs: usize) {
    let data = engine.data().display().to_string();
    context.terminal.line(&if context.is_json() {
        json!({ "event": "listening", "url": url, "data": data, "jobs": jobs }).to_string()
    } else {
        format!("the engine listens on {url}; data in {data}; {} resumed", counted(jobs as u64, "job"))
    });
}

/// Ctrl-C and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
