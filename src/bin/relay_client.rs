//! `relay_client [HOST] [--port N]`: speaks in turn with another.

use std::process::ExitCode;

use clap::Parser;
use forklab::cli::ClientArgs;
use forklab::labs::relay::{CLIENT, PORT, talk};

const EXAMPLES: &str = "\
Exemples :
  relay_client                         au serveur de cette machine
  relay_client salle-12 --port 44574   à une autre, par son nom
  echo bonjour | relay_client          un message à son tour, fin au suivant

Chaque ligne tapée est un message ; on ne parle qu'à son tour.
« fin », Ctrl+D ou Ctrl+C pour partir ; un autre client peut alors prendre la place.
Sur un terminal : ce qu'on tape trop tôt reste dans la ligne du bas, des lignes collées partent une par tour, et
« fin » ou Ctrl+D part dès qu'aucune ligne n'attend. Sinon, et avec --plain, « fin » et Ctrl+D attendent leur tour.
";

/// Client du relais : dit une ligne à son tour, affiche celle de son partenaire.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    #[command(flatten)]
    client: ClientArgs<PORT>,
}

fn main() -> ExitCode {
    CLIENT.run(|Arguments { client }: Arguments| talk(&client.server.address(), client.plain))
}
