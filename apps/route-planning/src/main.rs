//! The program `route-planning`; see `route-planning --help`.

use route_planning::cli::Cli;
use std::process::ExitCode;

#[tokio::main]
#[expect(clippy::print_stderr, reason = "a program says why it fails")]
async fn main() -> ExitCode {
    match Cli::from_arguments().run(&mut std::io::stdout()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("route-planning: {error}");
            ExitCode::FAILURE
        }
    }
}
