//! The main job as a client of the suite: `banyan-demo --help`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    suite::demo::main().await
}
