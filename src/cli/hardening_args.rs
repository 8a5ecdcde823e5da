//! The options of every server about its user and the confinement of its children.

use clap::Args;

use super::Language;

/// The help of each is set by [`crate::cli::Program::run`] in the program's language, unless the
/// program has its own.
#[derive(Args, Clone, Debug)]
pub struct HardeningArgs {
    #[arg(long, value_name = "NAME", help = None)]
    pub user: Option<String>,
    #[arg(long, help = None)]
    pub no_limits: bool,
    #[arg(long, help = None)]
    pub no_seccomp: bool,
    #[arg(short, long, help = None)]
    pub verbose: bool,
}

pub(super) fn help_of(option: &str, language: Language) -> Option<&'static str> {
    Some(match (option, language) {
        ("user", Language::French) => {
            "Utilisateur que le serveur devient, une fois qu'il écoute ; il faut être root pour le demander"
        }
        ("user", Language::English) => {
            "User that the server becomes once it listens; only root may ask for that"
        }
        ("no_limits", Language::French) => {
            "Laisse aux processus fils les limites du premier (sinon : ni processus, ni core, ni fichier de plus)"
        }
        ("no_limits", Language::English) => {
            "Leave child processes the first one's limits (else: no process, no core, no file to write without need)"
        }
        ("no_seccomp", Language::French) => {
            "Laisse aux processus fils tous les appels système (sinon, sous Linux : ceux qu'il leur faut)"
        }
        ("no_seccomp", Language::English) => {
            "Leave child processes all system calls (else, on Linux: those that they need)"
        }
        ("verbose", Language::English) => "Tell at the start what confines child processes",
        ("verbose", Language::French) => "Dit au démarrage ce qui confine les processus fils",
        _ => return None,
    })
}
