//! `chat_client IP pseudo`: the instant messenger's client.

use std::process::ExitCode;

use clap::Parser;
use forklab::chat::client::{ClientOptions, PROGRAM, talk};
use forklab::chat::message::MAX_NICK_LEN;
use forklab::cli::ServerArg;
use forklab::text::{is_blank, is_plain};

const EXAMPLES: &str = "\
Exemples :
  chat_client 127.0.0.1 alice                   au serveur de cette machine
  chat_client salle-12:5016 bob                 à une autre, par son nom, sur un autre port
  echo bonjour | chat_client 127.0.0.1 carole   un message, puis c'est tout

Chaque ligne tapée est un message. Le client est fait de deux processus qui partagent le descripteur 3 : l'un lit le clavier, l'autre le serveur.

Touches, sur un terminal :
  Entrée                   dit la ligne
  flèches, Début, Fin      vont dans la ligne (Ctrl+flèches : par mots)
  haut, bas                rappellent les lignes déjà tapées
  Ctrl+R                   en cherche une
  Tab                      complète un pseudo entendu
  Ctrl+W, Ctrl+U, Ctrl+K   ôtent un mot, le début, la fin de la ligne
  Ctrl+Y                   remet ce qu'elles ont ôté
  Ctrl+L                   nettoie l'écran
  Ctrl+Z                   suspend le client, « fg » le reprend
  Ctrl+D, Ctrl+C           partent (Ctrl+D : sur une ligne vide)

Quand la connexion est perdue, ce qui n'était pas revenu est marqué, et n'est jamais renvoyé tout seul. Avec --reconnect, une fois de nouveau connecté :
  Entrée (ligne vide)      renvoie ces lignes
  Échap                    y renonce
Sans terminal, et avec --plain, elles sont données sur la sortie d'erreur.

Une ligne collée s'ajoute à celle qu'on tape ; avant d'en envoyer plusieurs, le client demande.

Marques, après l'heure :
  »                        ce qu'on a dit soi-même
  ›                        ce qu'on a envoyé, et qui n'est pas revenu du serveur
  ?                        un message sans nom, ou dont le nom commence par un signe
  --                       ce que dit le client
";

/// Messagerie instantanée : ce qu'on tape va à tous, ce que tous disent s'affiche.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES, mut_arg("host", required_host))]
struct Arguments {
    #[command(flatten)]
    server: ServerArg<5015>,
    /// Nom sous lequel on parle
    #[arg(value_name = "PSEUDO", index = 2, value_parser = pseudo)]
    pseudo: String,
    /// Garder, sur un terminal aussi, l'allure du client du cours
    #[arg(long)]
    plain: bool,
    /// Chercher de nouveau le serveur, sans fin, quand la connexion est perdue
    #[arg(long)]
    reconnect: bool,
}

/// The course's client has no default.
fn required_host(host: clap::Arg) -> clap::Arg {
    // A changed argument comes last, unless it has a place.
    let host = host.index(1).value_name("IP").default_value(None).required(true);
    host.help("Adresse ou nom de la machine du serveur, ou IP:PORT")
}

/// Refuses a name that could make a message look like another one.
fn pseudo(typed: &str) -> Result<String, String> {
    if is_blank(typed) {
        Err("un pseudo ne peut pas être vide".to_string())
    } else if typed.contains(':') {
        Err("un pseudo ne contient pas « : », qui le sépare du message".to_string())
    } else if format!("{typed} ").contains(" > ") {
        Err("un pseudo ne contient pas « > » entre deux blancs, qui le séparerait du message".to_string())
    } else if !is_plain(typed) {
        Err("un pseudo ne contient pas de caractères de contrôle".to_string())
    } else if typed.len() > MAX_NICK_LEN {
        Err(format!("un pseudo tient en {MAX_NICK_LEN} octets"))
    } else {
        Ok(typed.to_string())
    }
}

fn main() -> ExitCode {
    PROGRAM.run(|Arguments { server, pseudo, plain, reconnect }: Arguments| {
        talk(&server.address(), &pseudo, ClientOptions { is_plain: plain, reconnects: reconnect })
    })
}
