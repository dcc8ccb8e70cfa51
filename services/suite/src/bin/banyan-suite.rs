//! All services in one process: `banyan-suite --help`.

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    match suite::server::run(suite::server::Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("banyan-suite: {error:#}");
            ExitCode::FAILURE
        }
    }
}
