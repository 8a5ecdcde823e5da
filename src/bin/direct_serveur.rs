//! `direct_serveur`: gives each message to the one client that it is for.

use std::process::ExitCode;

use clap::Parser;
use forklab::cli::{ServerArgs, number, timeout};
use forklab::labs::direct::{MAX_CLIENTS, Options, PORT, SERVER, serve};

const EXAMPLES: &str = "\
Examples:
  direct_serveur                      for the whole room: port 5556, at most 5 clients
  direct_serveur --max-clients 30     for a larger one
  direct_client alice                 in another terminal, to be alice there
  nc 127.0.0.1 5556                   or so: the first line is your name, then %alice%hello

n clients are n+1 processes, which \"ps -C direct_serveur\" and \"ss -tnp\" show.
Ctrl+C stops the server and all its children.
";

/// Directed messages: %name%message goes to the client of that name, and to no other.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    #[command(flatten)]
    server: ServerArgs<PORT, MAX_CLIENTS>,
    /// Seconds that a client may take to give its name ({default} by default; 0: as long as it likes)
    #[arg(long, value_name = "S", default_value = "60", hide_default_value = true, value_parser = number::<u64>(0, 86_400))]
    name_timeout: u64,
}

fn main() -> ExitCode {
    SERVER.run(|Arguments { server, name_timeout }: Arguments| {
        serve(&Options { listening: server.options(), name_timeout: timeout(name_timeout) })
    })
}
