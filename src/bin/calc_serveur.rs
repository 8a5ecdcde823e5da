//! `calc_serveur`: asks each client for two numbers and answers their sum.

use std::process::ExitCode;

use clap::Parser;
use forklab::cli::{ServerArgs, number, timeout};
use forklab::labs::calc::{PORT, SERVER, serve};
use forklab::server::ServeMode;

const EXAMPLES: &str = "\
Examples:
  calc_serveur                        a child process for each client, as many sums as it likes
  calc_serveur --iterative            one client at a time, one sum for each; the others wait
  calc_serveur --port 5556 --idle-timeout 0
  calc_client                         in another terminal
  printf '12\\n30\\n' | nc -N 127.0.0.1 5555

Ctrl+C stops the server and all its children.
";

/// Calculation server: asks for two whole numbers, answers their sum.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    #[command(flatten)]
    server: ServerArgs<PORT, 1000>,
    /// One client at a time and one sum for each; the others wait to be accepted (without --max-clients and --max-per-address)
    #[arg(long, conflicts_with_all = ["max_clients", "max_per_address", "no_penalties"])]
    iterative: bool,
    /// Seconds a client may be silent; then it is told ({default} by default; 0: never)
    #[arg(long, value_name = "S", default_value = "60", hide_default_value = true, value_parser = number::<u64>(0, 86400))]
    idle_timeout: u64,
}

fn main() -> ExitCode {
    SERVER.run(|Arguments { server, iterative, idle_timeout }: Arguments| {
        serve(&server.options(), ServeMode { iterative, idle_timeout: timeout(idle_timeout) })
    })
}
