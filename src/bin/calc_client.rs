//! `calc_client [HOST] [--port N]`: a calculation server's questions, answered from the keyboard.

use std::process::ExitCode;

use clap::Parser;
use forklab::cli::number;
use forklab::labs::calc::{CLIENT, PORT, talk};

const EXAMPLES: &str = "\
Examples:
  calc_client                         to the server of this machine
  calc_client room-12 --port 5556     to another one's, by its name
  printf '12\\n30\\n' | calc_client     one sum, then it is over

Each line typed goes to the server; Ctrl+D or Ctrl+C to leave.
";

/// Calculation client: shows what the server asks and answers, and sends what you type.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    /// Address or name of the server's machine ({default} by default)
    #[arg(value_name = "HOST", default_value = "127.0.0.1", hide_default_value = true)]
    host: String,
    /// Port of the server ({default} by default)
    #[arg(long, value_name = "N", default_value_t = PORT, hide_default_value = true, value_parser = number::<u16>(1, 65535))]
    port: u16,
    /// On a terminal: a simple prompt, as the course's client has; no status line
    #[arg(long)]
    plain: bool,
}

fn main() -> ExitCode {
    CLIENT.run(|Arguments { host, port, plain }: Arguments| talk(&host, port, plain))
}
