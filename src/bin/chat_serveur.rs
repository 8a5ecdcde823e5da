//! `chat_serveur`: the instant messenger's server.

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgAction, Parser};
use forklab::chat::hub::Hub;
use forklab::chat::options::{Options, Verbosity};
use forklab::cli::{self, HELP_TEMPLATE, number};

const EXAMPLES: &str = "\
Exemples :
  chat_serveur                          pour toute la salle, port 5015
  chat_serveur --bind 127.0.0.1         pour cette machine seulement
  chat_client 127.0.0.1 alice           dans un autre terminal, pour y parler
  nc 127.0.0.1 5015                     ou ainsi : chaque ligne est un message

n clients font n+1 processus, qu'on voit avec « ps -C chat_serveur » et « ss -tnp ».
Ctrl+C arrête le serveur et tous ses fils.
";

/// Messagerie instantanée : un processus par client, tout message va à tous.
#[derive(Debug, Parser)]
#[command(name = "chat_serveur", version, help_template = HELP_TEMPLATE, after_help = EXAMPLES)]
#[command(disable_help_flag = true, disable_version_flag = true)]
struct Arguments {
    /// Adresse où écouter, IPv4 ou IPv6 (0.0.0.0 par défaut : toutes)
    #[arg(long, value_name = "ADRESSE", default_value = "0.0.0.0", hide_default_value = true, value_parser = address)]
    bind: IpAddr,
    /// Port où écouter (5015 par défaut ; 0 : un port libre, affiché au démarrage)
    #[arg(long, value_name = "N", default_value = "5015", hide_default_value = true, value_parser = number(0, 65535))]
    port: u64,
    /// Clients admis en même temps (1000 par défaut)
    #[arg(long, value_name = "N", default_value = "1000", hide_default_value = true, value_parser = number(1, 1_000_000))]
    max_clients: u64,
    /// Connexions qui peuvent attendre d'être acceptées (128 par défaut)
    #[arg(long, value_name = "N", default_value = "128", hide_default_value = true, value_parser = number(1, 4096))]
    backlog: u64,
    /// Millisecondes entre deux messages : le client du cours n'en affiche qu'un par lecture (1 par défaut ; 0 : aucune)
    #[arg(long, value_name = "MS", default_value = "1", hide_default_value = true, value_parser = number(0, 200))]
    pace: u64,
    /// Retard permis à un client qui lit trop lentement, en octets (1048576 par défaut) ; au-delà, il est déconnecté
    #[arg(long, value_name = "OCTETS", default_value = "1048576", hide_default_value = true, value_parser = number(1, 1 << 40))]
    lag_limit: u64,
    /// Raconte le chemin de chaque message : quel processus, quel descripteur, combien d'octets
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,
    /// N'affiche que la première ligne et ce qui va mal
    #[arg(short, long)]
    quiet: bool,
    /// Affiche cette aide
    #[arg(short = 'h', long, action = ArgAction::Help)]
    help: Option<bool>,
    /// Affiche la version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
}

fn address(typed: &str) -> Result<IpAddr, String> {
    typed.parse().map_err(|_| "une adresse IPv4 ou IPv6 est attendue, comme 127.0.0.1 ou ::1".to_string())
}

impl Arguments {
    fn options(&self) -> Options {
        Options {
            // Each cast is within the range that its parser has checked.
            address: SocketAddr::new(self.bind, self.port as u16),
            backlog: self.backlog as i32,
            max_clients: self.max_clients as usize,
            pace: Duration::from_millis(self.pace),
            lag_limit: self.lag_limit,
            verbosity: match (self.verbose, self.quiet) {
                (true, _) => Verbosity::Hops,
                (_, true) => Verbosity::Quiet,
                _ => Verbosity::Chat,
            },
        }
    }
}

fn main() -> ExitCode {
    match cli::parse::<Arguments>() {
        Ok(arguments) => cli::finish("chat_serveur", Hub::new(arguments.options()).and_then(Hub::run)),
        Err(status) => status,
    }
}
