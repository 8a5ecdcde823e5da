//! `direct_client NAME [HOST]`: sends to one client alone, shows what is sent to this one.

use std::process::ExitCode;

use clap::Parser;
use forklab::cli::ClientArgs;
use forklab::labs::direct::{CLIENT, Name, PORT, talk};

const EXAMPLES: &str = "\
Examples:
  direct_client alice                       to the server of this machine
  direct_client bob room-12 --port 5557     to another one's, by its name
  echo %bob%hello | direct_client alice     one message, then it is over
  tail -f /dev/null | direct_client bob     only listens: it ends when its input does

You type %bob%hello, and bob, nobody else, is given \"alice: hello\". Ctrl+D or Ctrl+C to leave.
On a terminal, Tab completes names: %b and Tab becomes %bob%, and Tab alone gives the name heard or written to last.
";

/// Directed messages: what you type as %name%message goes to the client of that name alone.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    /// Name by which others reach you
    #[arg(value_name = "NAME", value_parser = |typed: &str| Name::new(typed.as_bytes()))]
    name: Name,
    #[command(flatten)]
    client: ClientArgs<PORT>,
}

fn main() -> ExitCode {
    CLIENT.run(|Arguments { name, client }: Arguments| talk(name, &client.server.address(), client.plain))
}
