//! `echo_client [HOST PORT]`: sends lines and prints what comes back.

use std::process::ExitCode;

use clap::Parser;
use forklab::cli::number;
use forklab::labs::echo::{CLIENT, PORT, talk};

const EXAMPLES: &str = "\
Examples:
  echo_client                         to the server of this machine
  echo_client room-12 8001            to another one's, by its name
  echo hello | echo_client            one line, then it is over

Each line comes back as it was sent; Ctrl+D or Ctrl+C to leave.
";

/// Echo client: sends each line that you type and prints the answer.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    /// Address or name of the server's machine ({default} by default)
    #[arg(value_name = "HOST", default_value = "127.0.0.1", hide_default_value = true)]
    host: String,
    /// Port of the server ({default} by default)
    #[arg(value_name = "PORT", default_value_t = PORT, hide_default_value = true, value_parser = number::<u16>(1, 65535))]
    port: u16,
    /// On a terminal: a simple prompt, as the course's client has; no status line
    #[arg(long)]
    plain: bool,
}

fn main() -> ExitCode {
    CLIENT.run(|Arguments { host, port, plain }: Arguments| talk(&host, port, plain))
}
