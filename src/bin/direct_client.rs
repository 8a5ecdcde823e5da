//! `direct_client NAME [HOST]`: says something to one client alone, and shows what others say to this one.

use std::process::ExitCode;

use clap::Parser;
use forklab::cli::number;
use forklab::labs::direct::{CLIENT, Name, NameError, PORT, talk};

const EXAMPLES: &str = "\
Examples:
  direct_client alice                       to the server of this machine
  direct_client bob room-12 --port 5557     to another one's, by its name
  echo %bob%hello | direct_client alice     one message, then it is over
  tail -f /dev/null | direct_client bob     only listens: it ends when its input does

You type %bob%hello, and bob, nobody else, is given \"alice: hello\". Ctrl+D or Ctrl+C to leave.
On a terminal, Tab completes names: %b and Tab becomes %bob%, and Tab alone is for who was heard or written to last.
";

/// Directed messages: what you type as %name%message goes to the client of that name alone.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    /// Name by which others reach you
    #[arg(value_name = "NAME", value_parser = name)]
    name: Name,
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

fn name(typed: &str) -> Result<Name, NameError> {
    Name::new(typed.as_bytes())
}

fn main() -> ExitCode {
    CLIENT.run(|Arguments { name, host, port, plain }: Arguments| talk(name, &host, port, plain))
}
