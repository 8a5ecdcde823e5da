//! `chat_client IP pseudo`: the instant messenger's client.

use std::process::ExitCode;

use clap::Parser;
use forklab::chat::line::LONGEST_PSEUDO;
use forklab::chat::messenger::{Manner, PROGRAM, talk};
use forklab::cli::number;
use forklab::text::{is_blank, is_plain};

const EXAMPLES: &str = "\
Exemples :
  chat_client 127.0.0.1 alice                   au serveur de cette machine
  chat_client salle-12 bob --port 5016          à une autre, par son nom
  echo bonjour | chat_client 127.0.0.1 carole   un message, puis c'est tout

Chaque ligne tapée est un message ; Ctrl+D ou Ctrl+C pour partir. Sur un terminal : flèches et Ctrl+R pour retrouver une
ligne, Tab pour compléter un pseudo.
Le client est fait de deux processus qui partagent le descripteur 3 : l'un lit le clavier, l'autre le serveur.
";

/// Messagerie instantanée : ce qu'on tape va à tous, ce que tous disent s'affiche.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    /// Adresse ou nom de la machine du serveur
    #[arg(value_name = "IP")]
    host: String,
    /// Nom sous lequel on parle
    #[arg(value_name = "PSEUDO", value_parser = pseudo)]
    pseudo: String,
    /// Port du serveur ({default} par défaut)
    #[arg(long, value_name = "N", default_value = "5015", hide_default_value = true, value_parser = number::<u16>(1, 65535))]
    port: u16,
    /// Garder, sur un terminal aussi, l'allure du client du cours
    #[arg(long)]
    plain: bool,
    /// Chercher le serveur sans fin, au début et quand la connexion est perdue
    #[arg(long)]
    reconnect: bool,
}

/// What others see before each message must not look like something else.
fn pseudo(typed: &str) -> Result<String, String> {
    if is_blank(typed) {
        Err("un pseudo ne peut pas être vide".to_string())
    } else if typed.contains(':') {
        Err("un pseudo ne contient pas « : », qui le sépare du message".to_string())
    } else if format!("{typed} ").contains(" > ") {
        Err("un pseudo ne contient pas « > » entre deux blancs, qui le séparerait du message".to_string())
    } else if !is_plain(typed) {
        Err("un pseudo ne contient pas de caractères de contrôle".to_string())
    } else if typed.len() > LONGEST_PSEUDO {
        Err(format!("un pseudo tient en {LONGEST_PSEUDO} octets"))
    } else {
        Ok(typed.to_string())
    }
}

fn main() -> ExitCode {
    PROGRAM.run(|Arguments { host, pseudo, port, plain, reconnect }: Arguments| {
        talk(&host, port, &pseudo, Manner { is_plain: plain, reconnects: reconnect })
    })
}
