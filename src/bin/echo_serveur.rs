//! `echo_serveur [HOST PORT]`: what a client sends comes back.

use std::process::ExitCode;

use clap::Parser;
use forklab::cli::{Host, ServerArgs, host_to_listen_on, look_up, number, timeout};
use forklab::labs::echo::{PORT, SERVER, serve};
use forklab::server::ServeMode;

const EXAMPLES: &str = "\
Examples:
  echo_serveur                        part 2 of the lab: all clients at once, a child process for each
  echo_serveur --iterative            part 1: one client at a time, the others wait to be accepted
  echo_serveur 0.0.0.0 8001           for the whole room, on another port
  echo_client                         in another terminal
  strace -f -e trace=network,process ./target/release/echo_serveur

Ctrl+C stops the server and all its children.
";

/// Echo server: whatever comes goes back unchanged.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    /// Address or name to listen on, instead of --bind, or HOST:PORT
    #[arg(value_name = "HOST", conflicts_with = "bind", value_parser = host_to_listen_on)]
    host: Option<Host>,
    /// Port to listen on, instead of --port
    #[arg(value_name = "PORT", conflicts_with = "port", value_parser = number::<u16>(0, 65535))]
    at_port: Option<u16>,
    #[command(flatten)]
    server: ServerArgs<PORT, 1000, true>,
    /// One client at a time; the others wait to be accepted (without --max-clients and --max-per-address)
    #[arg(long, conflicts_with_all = ["max_clients", "max_per_address", "no_penalties"])]
    iterative: bool,
    /// Seconds that a client may be silent, or not take what it is sent ({default} by default: for ever)
    #[arg(long, value_name = "S", default_value_t = 0, hide_default_value = true, value_parser = number::<u64>(0, 86_400))]
    idle_timeout: u64,
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut options = arguments.server.options();
    if let Some(port) = arguments.at_port {
        options.address.set_port(port);
    }
    if let Some(Host { name, port }) = &arguments.host {
        let addresses = look_up(SERVER, name, port.unwrap_or(options.address.port()))?;
        options.address = addresses.first().copied().unwrap_or(options.address);
    }
    let Arguments { iterative, idle_timeout, .. } = arguments;
    serve(&options, ServeMode { iterative, idle_timeout: timeout(idle_timeout) })
}

fn main() -> ExitCode {
    SERVER.run(run)
}
