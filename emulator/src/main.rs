//! The `kusto-emulator` command.

mod cli;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use kusto_emulator::Emulator;
use serde_json::json;

use cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log(cli.verbose);
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kusto-emulator: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let ended = runtime.block_on(run(cli));
    // A query that is in the middle of a value is not waited for.
    runtime.shutdown_background();
    ended
}

async fn run(cli: Cli) -> Result<(), Box<dyn std::error::Error>> {
    let options = cli.options()?;
    if !options.bind.is_loopback() {
        eprintln!(
            "kusto-emulator: warning: {} is open to other machines; nothing here is protected",
            options.bind
        );
    }
    // Before the start, so that an early signal is not lost.
    let mut signals = Signals::listen()?;
    let emulator = Emulator::start(options).await?;
    announce(&emulator)?;
    signals.next().await;
    tracing::info!("ending; another signal ends at once");
    tokio::select! {
        () = emulator.shutdown() => Ok(()),
        () = signals.next() => Err("ended before everything was finished".into()),
    }
}

/// One line on standard error per request with `-v`, more with `-vv`; otherwise silence.
fn start_log(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// Says where everything is: first for people, then one line for programs.
fn announce(emulator: &Emulator) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "kusto-emulator {} is ready", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "  engine             {}", emulator.engine_url())?;
    writeln!(
        out,
        "  data management    {}",
        emulator.data_management_url()
    )?;
    for account in emulator.accounts() {
        writeln!(
            out,
            "  storage account    {} {}",
            account.name, account.blob
        )?;
    }
    if let Some(url) = emulator.identity_url() {
        writeln!(out, "  login host         {}", emulator.engine_url())?;
        writeln!(out, "  machine's tokens   {url}")?;
    }
    if let Some(url) = emulator.login_proxy_url() {
        writeln!(out, "  login proxy        {url}")?;
    }
    if let Some(path) = emulator.ca_pem_path() {
        writeln!(out, "  trust this CA      {}", path.display())?;
    }
    if let Some(line) = emulator.hosts_line() {
        writeln!(out, "  hosts file needs   {line}")?;
    }
    writeln!(out, "  connection string  {}", emulator.connection_string())?;
    let ready = json!({
        "engine": emulator.engine_url(),
        "data_management": emulator.data_management_url(),
        "connection_string": emulator.connection_string(),
        "ca_file": emulator.ca_pem_path(),
        "identity": emulator.identity_url(),
        "login_proxy": emulator.login_proxy_url(),
        "hosts_line": emulator.hosts_line(),
        "accounts": emulator.accounts(),
    });
    writeln!(out, "READY {ready}")?;
    out.flush()
}

/// What asks the process to end: Ctrl-C, or SIGTERM.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What asks the process to end: Ctrl-C.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
