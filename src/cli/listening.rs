//! The options that every server has: where it listens, and for how many.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::{Args, Command};

use super::{Language, address, number};
use crate::server;

/// Where to listen, and for how many; `PORT` and `CLIENTS` are the defaults, and `HERE` says that the default address is this
/// machine's own and not all. What `--help` says of each is put in by
/// [`super::Program::run`], in the program's language.
#[derive(Args, Clone, Copy, Debug)]
pub struct Listening<const PORT: u16, const CLIENTS: usize, const HERE: bool = false> {
    #[arg(long, value_name = "ADDR", hide_default_value = true, default_value_t = default_address(HERE), value_parser = address)]
    bind: IpAddr,
    #[arg(long, value_name = "N", hide_default_value = true, default_value_t = PORT, value_parser = number::<u16>(0, 65535))]
    port: u16,
    #[arg(long, value_name = "N", hide_default_value = true, default_value_t = CLIENTS, value_parser = number::<usize>(1, 1_000_000))]
    max_clients: usize,
    #[arg(long, value_name = "N", hide_default_value = true, default_value_t = 128, value_parser = number::<i32>(1, 4096))]
    backlog: i32,
}

impl<const PORT: u16, const CLIENTS: usize, const HERE: bool> Listening<PORT, CLIENTS, HERE> {
    /// As the server takes them.
    pub fn options(&self) -> server::Options {
        server::Options {
            address: SocketAddr::new(self.bind, self.port),
            backlog: self.backlog,
            max_clients: self.max_clients,
        }
    }
}

fn default_address(here: bool) -> IpAddr {
    let address = if here { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
    address.into()
}

/// Puts the help of these options into words; a command that has none of them stays as it is.
pub(super) fn worded(command: Command, language: Language) -> Command {
    command.mut_args(|argument| {
        let default = argument.get_default_values().first().map(|value| value.display().to_string());
        let help = match (argument.get_help(), default) {
            // Worded where it is declared, or not an option of this file.
            (Some(_), _) | (None, None) => None,
            (None, Some(default)) => match language {
                Language::French => in_french(argument.get_id().as_str(), &default),
                Language::English => in_english(argument.get_id().as_str(), &default),
            },
        };
        match help {
            Some(help) => argument.help(help),
            None => argument,
        }
    })
}

fn in_french(option: &str, default: &str) -> Option<String> {
    Some(match option {
        "bind" => format!(
            "Adresse où écouter, IPv4 ou IPv6 ({default} par défaut{})",
            meaning(default, " : toutes")
        ),
        "port" => format!("Port où écouter ({default} par défaut ; 0 : un port libre, affiché au démarrage)"),
        "max_clients" => format!("Clients admis en même temps ({default} par défaut)"),
        "backlog" => format!("Connexions qui peuvent attendre d'être acceptées ({default} par défaut)"),
        _ => return None,
    })
}

fn in_english(option: &str, default: &str) -> Option<String> {
    Some(match option {
        "bind" => {
            format!("Address to listen on, IPv4 or IPv6 ({default} by default{})", meaning(default, ": all"))
        }
        "port" => format!("Port to listen on ({default} by default; 0: any free port, shown at the start)"),
        "max_clients" => format!("Clients admitted at the same time ({default} by default)"),
        "backlog" => format!("Connections that may wait to be accepted ({default} by default)"),
        _ => return None,
    })
}

/// What the default address means, where its digits do not tell.
fn meaning<'a>(default: &str, all: &'a str) -> &'a str {
    if default == Ipv4Addr::UNSPECIFIED.to_string() { all } else { "" }
}
