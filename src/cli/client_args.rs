use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use super::host::{Host, host};
use super::parsers::number;
use crate::client::ServerAddress;

/// Where a client's server is, with help from help.rs. `PORT` is the default.
#[derive(Args, Clone, Debug)]
pub struct ServerArg<const PORT: u16> {
    #[arg(value_name = "HOST", default_value = "127.0.0.1", hide_default_value = true, value_parser = host)]
    host: Host,
    #[arg(id = "server_port", long = "port", value_name = "N", default_value_t = PORT, hide_default_value = true, value_parser = number::<u16>(1, 65535))]
    port: u16,
    #[arg(long, value_name = "S", hide_default_value = true, value_parser = number::<u64>(0, 1_000_000))]
    wait: Option<u64>,
}

impl<const PORT: u16> ServerArg<PORT> {
    pub fn address(self) -> ServerAddress {
        let Host { name, port } = self.host;
        let wait = self.wait.map(Duration::from_secs);
        ServerAddress { host: name, port: port.unwrap_or(self.port), wait }
    }
}

/// The options of a lab's client with a keyboard.
#[derive(Args, Clone, Debug)]
pub struct ClientArgs<const PORT: u16> {
    #[command(flatten)]
    pub server: ServerArg<PORT>,
    #[arg(long)]
    pub plain: bool,
}

/// Refuses HOST:PORT beside another port: a parser sees one value alone.
pub(super) fn check_ports(matches: &ArgMatches) -> Result<(), clap::Error> {
    let host = matches.try_get_one::<Host>("host").ok().flatten();
    let typed = |id| {
        let port = matches.try_get_one::<u16>(id).ok().flatten();
        port.filter(|_| matches.value_source(id) == Some(ValueSource::CommandLine))
    };
    let other = ["server_port", "port", "at_port"].into_iter().find_map(typed);
    let (Some(Host { name, port: Some(port) }), Some(other)) = (host, other) else { return Ok(()) };
    if port == other {
        return Ok(());
    }
    let mut error = clap::Error::new(ErrorKind::ArgumentConflict);
    error.insert(ContextKind::InvalidArg, ContextValue::String(format!("{name}:{port}")));
    error.insert(ContextKind::PriorArg, ContextValue::String(format!("port {other}")));
    Err(error)
}
