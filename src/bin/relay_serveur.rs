//! `relay_serveur`: two clients speak in turn.

use std::process::ExitCode;

use clap::Parser;
use forklab::cli::{ListenArgs, number};
use forklab::labs::relay::{PORT, SERVER, serve};

const EXAMPLES: &str = "\
Exemples :
  relay_serveur                    pour toute la salle, port 44573
  relay_serveur --bind 127.0.0.1   pour cette machine seulement
  relay_client 127.0.0.1           dans un deuxième terminal, et dans un troisième
  relay_serveur --pairs 10         jusqu'à dix paires à la fois, un processus chacune

Un troisième client attend qu'une place se libère. « ss -tn » montre (Recv-Q) ce qu'un client a dit
hors de son tour. Ctrl+C dit « exit » à tous et arrête le serveur.
";

/// Relais pour deux : chacun parle à son tour, le serveur transmet.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    #[command(flatten)]
    listening: ListenArgs<PORT, 128>,
    /// Paires servies en même temps ({default} par défaut), dans la limite de --max-clients ; à partir de la deuxième, chacune a son
    /// processus fils
    #[arg(long, value_name = "N", default_value = "1", hide_default_value = true, value_parser = number::<usize>(1, 10_000))]
    pairs: usize,
}

fn main() -> ExitCode {
    SERVER.run(|Arguments { listening, pairs }: Arguments| serve(&listening.options(), pairs))
}
