//! The options shared by servers.

use std::net::SocketAddr;

use clap::Args;

use super::parsers::{bind_address, number};
use crate::server::{MAX_BACKLOG, Options};

/// The options of every server, with help from help.rs. `PORT` and `CLIENTS` are the defaults; with
/// `HERE`, the default address is the loopback one and not all.
#[derive(Args, Clone, Debug)]
pub struct ListenArgs<const PORT: u16, const CLIENTS: usize, const HERE: bool = false> {
    #[arg(long, value_name = "ADDR", hide_default_value = true, default_value = default_address(HERE), value_parser = bind_address)]
    bind: SocketAddr,
    #[arg(long, value_name = "N", hide_default_value = true, default_value_t = PORT, value_parser = number::<u16>(0, 65535))]
    port: u16,
    #[arg(long, value_name = "N", hide_default_value = true, default_value_t = CLIENTS, value_parser = number::<usize>(1, 1_000_000))]
    max_clients: usize,
    #[arg(long, value_name = "N", hide_default_value = true, default_value_t = 128, value_parser = number::<i32>(1, MAX_BACKLOG))]
    backlog: i32,
    // Shown after the program's own options.
    #[arg(long, value_name = "NAME", display_order = 100)]
    user: Option<String>,
    #[arg(long, display_order = 101)]
    no_limits: bool,
    #[arg(long, display_order = 102)]
    no_seccomp: bool,
    #[arg(short, long, display_order = 103)]
    verbose: bool,
}

/// [`ListenArgs`] and the options that go by the address of a child's client. A server that passes
/// clients to running children has none: a child of it has two clients.
#[derive(Args, Clone, Debug)]
pub struct ServerArgs<const PORT: u16, const CLIENTS: usize, const HERE: bool = false> {
    #[command(flatten)]
    listening: ListenArgs<PORT, CLIENTS, HERE>,
    #[arg(long, value_name = "N", hide_default_value = true, default_value_t = 0, value_parser = number::<usize>(0, 1_000_000))]
    max_per_address: usize,
    #[arg(long, display_order = 102)]
    no_penalties: bool,
}

impl<const PORT: u16, const CLIENTS: usize, const HERE: bool> ListenArgs<PORT, CLIENTS, HERE> {
    pub fn options(self) -> Options {
        let mut address = self.bind;
        address.set_port(self.port);
        Options {
            address,
            backlog: self.backlog,
            max_clients: self.max_clients,
            max_per_address: None,
            penalties: false,
            user: self.user,
            limits: !self.no_limits,
            seccomp: !self.no_seccomp,
            verbose: self.verbose,
        }
    }
}

impl<const PORT: u16, const CLIENTS: usize, const HERE: bool> ServerArgs<PORT, CLIENTS, HERE> {
    pub fn options(self) -> Options {
        let max_per_address = (self.max_per_address > 0).then_some(self.max_per_address);
        Options { max_per_address, penalties: !self.no_penalties, ..self.listening.options() }
    }
}

fn default_address(here: bool) -> &'static str {
    if here { "127.0.0.1" } else { "0.0.0.0" }
}
