//! `echo_client [HOST PORT]`: sends lines and prints what comes back.

use std::process::ExitCode;

use clap::Parser;
use forklab::cli::ClientArgs;
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
#[command(after_help = EXAMPLES, mut_arg("server_port", |port| port.long(None).value_name("PORT")))]
struct Arguments {
    #[command(flatten)]
    client: ClientArgs<PORT>,
}

fn main() -> ExitCode {
    CLIENT.run(|Arguments { client }: Arguments| talk(&client.server.address(), client.plain))
}
