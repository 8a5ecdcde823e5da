//! `chat_serveur`: the instant messenger's server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use forklab::chat::PROGRAM;
use forklab::chat::options::{Options, Verbosity};
use forklab::chat::startup::run;
use forklab::chat::transcript;
use forklab::chat::web::proxies::{Network, Proxies};
use forklab::chat::web::site::Origin;
use forklab::cli::{ServerArgs, local_socket, number, parsed, timeout};

const EXAMPLES: &str = "\
Exemples :
  chat_serveur                          pour toute la salle, port 5015
  chat_serveur --bind 127.0.0.1         pour cette machine seulement
  chat_client 127.0.0.1 alice           dans un autre terminal, pour y parler
  nc 127.0.0.1 5015                     ou ainsi : chaque ligne est un message
  chat_serveur --lines 5555             la même salle, aussi en lignes de texte : nc 127.0.0.1 5555
  chat_serveur --web 8080               aussi une page : http://127.0.0.1:8080/ dans un navigateur

n clients font n+1 processus, qu'on voit avec « ps -C chat_serveur » et « ss -tnp » ; « ps -f » montre aussi leurs clients.
« kill -USR1 » au premier lui fait dire qui est connecté, depuis quand, et ce que chacun a envoyé et reçu.
Ctrl+C arrête le serveur et tous ses fils.
";

/// Ce que `-v` raconte, outre ce que d'autres serveurs en disent.
const HOPS: &str =
    "Dit ce qui confine les fils, et le chemin de chaque message : processus, descripteurs, octets";

/// Not a doc comment: rustdoc would have the URL be a link.
const ORIGIN: &str =
    "Adresse où le navigateur trouve la page derrière un proxy, comme https://chat.example.org (répétable)";

/// Refusals of `--origin` and `--trusted-proxy`.
const NO_ORIGIN: (&str, &str) = (
    "l'adresse d'un site est attendue, comme https://chat.example.org ou http://localhost:9000, sans « * », et un nom accentué \
     comme le navigateur l'envoie, par exemple xn--caf-dma.fr pour café.fr",
    "the address of a site is expected, as https://chat.example.org or http://localhost:9000, without \"*\", and a name outside \
     ASCII as the browser sends it, for instance xn--caf-dma.fr for café.fr",
);
const NO_NETWORK: (&str, &str) = (
    "une adresse IP ou un réseau est attendu, comme 127.0.0.1, fe80::1%eth0 ou 10.0.0.0/8",
    "an IP address or a network is expected, as 127.0.0.1, fe80::1%eth0 or 10.0.0.0/8",
);

/// Messagerie instantanée : un processus par client, tout message va à tous.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES, mut_arg("verbose", |verbose| verbose.help(HOPS)))]
struct Arguments {
    #[command(flatten)]
    server: ServerArgs<5015, 1000>,
    /// Seconde porte, pour des clients qui envoient et reçoivent des lignes de texte (aucune par défaut ; l'usage : 5555)
    #[arg(long, value_name = "PORT", value_parser = number::<u16>(0, 65535))]
    lines: Option<u16>,
    /// Page dans le navigateur, qui mène à la même salle (aucune par défaut ; ADDR : 127.0.0.1, cette machine seulement)
    #[arg(long, value_name = "[ADDR:]PORT", value_parser = local_socket)]
    web: Option<SocketAddr>,
    #[arg(long, value_name = "URL", help = ORIGIN, requires = "web", value_parser = parsed::<Origin>(NO_ORIGIN.0, NO_ORIGIN.1))]
    origin: Vec<Origin>,
    /// Proxy devant la page, adresse ou réseau (10.0.0.0/8) : son X-Forwarded-For dit pour --max-per-address d'où vient un navigateur (répétable)
    #[arg(long, value_name = "ADDR", requires = "web", value_parser = parsed::<Network>(NO_NETWORK.0, NO_NETWORK.1))]
    trusted_proxy: Vec<Network>,
    /// Millisecondes entre deux messages : le client du cours n'en affiche qu'un par lecture ({default} par défaut ; 0 : aucune)
    #[arg(long, value_name = "MS", default_value = "1", hide_default_value = true, value_parser = number::<u64>(0, 200))]
    pace: u64,
    /// Retard permis à un client qui lit trop lentement, en octets ({default} par défaut) ; au-delà pendant 2 s, ou au double, il est
    /// déconnecté
    #[arg(long, value_name = "OCTETS", default_value = "1048576", hide_default_value = true, value_parser = number::<u64>(1, 1 << 40))]
    lag_limit: u64,
    /// Secondes de silence au bout desquelles un client est déconnecté ({default} par défaut : jamais, on peut se taire)
    #[arg(long, value_name = "S", default_value_t = 0, hide_default_value = true, value_parser = number::<u64>(0, 86_400))]
    idle_timeout: u64,
    /// Chaque pseudo est à un seul client : qui en prend un pris, ou qui lui ressemble, n'est pas relayé (conseillé en classe)
    #[arg(long)]
    distinct_names: bool,
    /// Laisse entrer aussi qui commence par un autre protocole (web, TLS, « SSH-2.0 », « EHLO ») ou par autre chose que du texte
    #[arg(long)]
    no_header_check: bool,
    /// Note chaque message relayé dans ce fichier, un objet JSON par ligne, avant que quiconque ne l'entende (SIGHUP le rouvre)
    #[arg(long, value_name = "FICHIER")]
    transcript: Option<PathBuf>,
    /// Attend en outre que le disque ait chaque message, pour le cas d'une coupure de courant (fdatasync ; plus lent)
    #[arg(long, requires = "transcript")]
    transcript_sync: bool,
    /// Laisse aux fils la ligne de commande du père (sinon, sous Linux, « ps -f » montre l'adresse et le pseudo de leur client)
    #[arg(long)]
    no_titles: bool,
    /// N'affiche que la première ligne et ce qui va mal
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
}

impl Arguments {
    fn options(self) -> Options {
        let listening = self.server.options();
        let verbosity = match (listening.verbose, self.quiet) {
            (true, _) => Verbosity::Hops,
            (_, true) => Verbosity::Quiet,
            _ => Verbosity::Chat,
        };
        Options {
            lines: self.lines.map(|port| with_port(listening.address, port)),
            web: self.web,
            origins: self.origin,
            proxies: Proxies(self.trusted_proxy),
            listening,
            pace: Duration::from_millis(self.pace),
            idle_timeout: timeout(self.idle_timeout),
            lag_limit: self.lag_limit,
            distinct_names: self.distinct_names,
            checks_first_bytes: !self.no_header_check,
            transcript: self.transcript.map(|path| transcript::Options { path, sync: self.transcript_sync }),
            titles: !self.no_titles,
            verbosity,
        }
    }
}

/// An IPv6 address keeps its interface.
fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

fn main() -> ExitCode {
    PROGRAM.run(|arguments: Arguments| run(arguments.options()))
}
