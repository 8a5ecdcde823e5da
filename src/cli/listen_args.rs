//! The options of every server about its address and its number of clients.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::{Args, Command};

use super::Language;
use super::hardening_args::{self, HardeningArgs};
use super::parsers::{address, number};
use crate::server;

/// `PORT` and `CLIENTS` are the defaults; with `HERE`, the default address is the loopback one and
/// not all. The help of each is set by [`crate::cli::Program::run`] in the program's language.
#[derive(Args, Clone, Copy, Debug)]
pub struct ListenArgs<const PORT: u16, const CLIENTS: usize, const HERE: bool = false> {
    #[arg(long, value_name = "ADDR", hide_default_value = true, default_value_t = default_address(HERE), value_parser = address)]
    bind: IpAddr,
    #[arg(long, value_name = "N", hide_default_value = true, default_value_t = PORT, value_parser = number::<u16>(0, 65535))]
    port: u16,
    #[arg(long, value_name = "N", hide_default_value = true, default_value_t = CLIENTS, value_parser = number::<usize>(1, 1_000_000))]
    max_clients: usize,
    #[arg(long, value_name = "N", hide_default_value = true, default_value_t = 128, value_parser = number::<i32>(1, 4096))]
    backlog: i32,
}

impl<const PORT: u16, const CLIENTS: usize, const HERE: bool> ListenArgs<PORT, CLIENTS, HERE> {
    pub fn options(&self, hardening: &HardeningArgs) -> server::Options {
        server::Options {
            address: SocketAddr::new(self.bind, self.port),
            backlog: self.backlog,
            max_clients: self.max_clients,
            user: hardening.user.clone(),
            limits: !hardening.no_limits,
            seccomp: !hardening.no_seccomp,
            verbose: hardening.verbose,
            max_per_address: None,
        }
    }
}

/// Not in [`ListenArgs`]: a server that passes clients to running children does not know when the
/// client of an address leaves.
#[derive(Args, Clone, Copy, Debug)]
pub struct PerAddress {
    #[arg(long, value_name = "N", hide_default_value = true, default_value_t = 0, value_parser = number::<usize>(0, 1_000_000))]
    max_per_address: usize,
}

impl PerAddress {
    pub fn limit(&self, options: server::Options) -> server::Options {
        server::Options {
            max_per_address: (self.max_per_address > 0).then_some(self.max_per_address),
            ..options
        }
    }
}

fn default_address(here: bool) -> IpAddr {
    let address = if here { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
    address.into()
}

/// Sets the help of the shared options, and puts the actual default in place of `{default}` in the
/// help of every option: the two cannot differ.
pub(super) fn localized(command: Command, language: Language) -> Command {
    command.mut_args(|argument| {
        let (option, default) = (argument.get_id().as_str(), argument.get_default_values().first());
        let default = default.map(|default| default.display().to_string()).unwrap_or_default();
        let own = argument.get_help().map(ToString::to_string);
        // An option without help of its own is a shared one.
        let shared =
            || help_of(option, &default, language).or_else(|| hardening_args::help_of(option, language));
        match own.or_else(|| shared().map(str::to_string)) {
            Some(help) => argument.help(help.replace("{default}", &default)),
            None => argument,
        }
    })
}

fn help_of(option: &str, default: &str, language: Language) -> Option<&'static str> {
    // 0.0.0.0 needs an explanation.
    let is_all = default == Ipv4Addr::UNSPECIFIED.to_string();
    Some(match (option, language) {
        ("bind", Language::French) if is_all => {
            "Adresse où écouter, IPv4 ou IPv6 ({default} par défaut : toutes)"
        }
        ("bind", Language::French) => "Adresse où écouter, IPv4 ou IPv6 ({default} par défaut)",
        ("bind", Language::English) if is_all => {
            "Address to listen on, IPv4 or IPv6 ({default} by default: all)"
        }
        ("bind", Language::English) => "Address to listen on, IPv4 or IPv6 ({default} by default)",
        ("port", Language::French) => {
            "Port où écouter ({default} par défaut ; 0 : un port libre, affiché au démarrage)"
        }
        ("port", Language::English) => {
            "Port to listen on ({default} by default; 0: any free port, shown at the start)"
        }
        ("max_clients", Language::French) => "Clients admis en même temps ({default} par défaut)",
        ("max_clients", Language::English) => "Clients admitted at the same time ({default} by default)",
        ("max_per_address", Language::French) => {
            "Clients admis en même temps d'une même adresse ({default} par défaut : sans limite ; une salle entière est souvent derrière une seule)"
        }
        ("max_per_address", Language::English) => {
            "Clients admitted at the same time from one address ({default} by default: no limit; a whole room is often behind one)"
        }
        ("backlog", Language::French) => {
            "Connexions qui peuvent attendre d'être acceptées ({default} par défaut)"
        }
        ("backlog", Language::English) => "Connections that may wait to be accepted ({default} by default)",
        _ => return None,
    })
}
