//! `calc_client [HOST] [--port N]`: a calculation server's questions, answered from the keyboard.

use std::process::ExitCode;

use clap::Parser;
use forklab::cli::ClientArgs;
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
    #[command(flatten)]
    client: ClientArgs<PORT>,
}

fn main() -> ExitCode {
    CLIENT.run(|Arguments { client }: Arguments| talk(&client.server.address(), client.plain))
}
