//! Whose file it is: its owner's, who runs the server, and no other server's.

use super::*;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::process::Command;

/// What a server says that is refused this file, in one line, as it ends.
#[track_caller]
fn refused(program: &Path, options: &[&str]) -> String {
    let start = Command::new(program).args(["--bind", "127.0.0.1", "--port", "0"]).args(options).output();
    let done = start.unwrap();
    let line = String::from_utf8(done.stderr).unwrap();
    assert_eq!((done.status.code(), done.stdout.len(), line.lines().count()), (Some(1), 0, 1), "{line}");
    line
}

#[track_caller]
fn refused_at(path: &Path) -> String {
    refused(Path::new(SERVER), &["--transcript", path.to_str().unwrap()])
}

#[test]
fn a_symbolic_link_is_not_followed_even_one_that_leads_nowhere() {
    let place = Place::new();
    let target = place.0.path().join("target");
    symlink(&target, place.path()).unwrap();
    assert!(refused_at(&place.path()).contains("transcript.jsonl: c'est un lien symbolique"));
    assert!(!target.exists());
    fs::write(&target, "").unwrap();
    assert!(refused_at(&place.path()).contains("lien symbolique"));
    assert_eq!(fs::read(&target).unwrap(), b"");
}

#[test]
fn anothers_file_is_refused() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    fs::write(place.path(), "").unwrap();
    chown(place.path(), Some(65534), None).unwrap();
    assert!(refused_at(&place.path()).contains("il appartient à un autre utilisateur"));
    assert_eq!(fs::read(place.path()).unwrap(), b"");
}

#[test]
fn what_was_laid_there_meanwhile_is_not_taken_and_the_old_file_goes_on() {
    let place = Place::new();
    let server = place.server(&[]);
    let mut peer = server.join();
    let [old, target] = ["old", "target"].map(|name| place.0.path().join(name));
    fs::rename(place.path(), &old).unwrap();
    fs::write(&target, "").unwrap();
    symlink(&target, place.path()).unwrap();
    server.program.signal(SIGHUP);
    server.program.err.line_with(&["SIGHUP reçu", "lien symbolique", "dans l'ancien fichier"]);
    peer.sends("un\0");
    peer.hears("un\0\0");
    assert_eq!((said(&objects(&old)), fs::read(&target).unwrap()), (vec!["un".into()], vec![]));
}

#[test]
fn a_file_that_others_may_read_is_told_of_and_one_of_its_own_is_not() {
    for (mode, bits) in
        [(0o600, None), (0o644, Some("(leurs droits : 044)")), (0o620, Some("(leurs droits : 020)"))]
    {
        let _row = Row::of(&(&mode, &bits));
        let place = Place::new();
        fs::write(place.path(), "").unwrap();
        fs::set_permissions(place.path(), PermissionsExt::from_mode(mode)).unwrap();
        let mut server = place.server(&["-q"]);
        server.program.signal(SIGTERM);
        assert_eq!(server.program.ends().code(), Some(0));
        let err = server.program.err.to_the_end();
        match bits {
            Some(bits) => assert!(
                err.lines().count() == 1 && err.contains("autres utilisateurs") && err.contains(bits),
                "{err}"
            ),
            None => assert_eq!(err, ""),
        }
    }
}

#[test]
fn a_file_is_one_servers_until_that_has_moved_on_or_ended() {
    let place = Place::new();
    let mut first = place.server(&[]);
    assert!(refused_at(&place.path()).contains("un autre serveur y écrit déjà"));
    // Its own file is no other's.
    let reopened = |server: &Server, count| {
        server.program.out.wait_for("an answer to SIGHUP", |said| {
            (String::from_utf8_lossy(said).matches("la transcription continue").count() >= count)
                .then_some(())
        });
    };
    first.program.signal(SIGHUP);
    reopened(&first, 1);
    let mut peer = first.join();
    peer.sends("un\0");
    peer.hears("un\0\0");
    assert_eq!(said(&objects(&place.path())), ["un"]);
    // What has moved away is free, once it was let go; and what is there now is not.
    fs::rename(place.path(), place.0.path().join("old")).unwrap();
    first.program.signal(SIGHUP);
    reopened(&first, 2);
    let _second = Server::start(&["--transcript", place.0.path().join("old").to_str().unwrap()]);
    assert!(refused_at(&place.path()).contains("un autre serveur y écrit déjà"));
    // No child of a server that was killed holds it.
    first.program.signal(SIGKILL);
    first.program.ends();
    peer.hears_the_end();
    place.server(&[]);
}

#[test]
fn a_directory_that_cannot_be_synced_is_named_in_the_systems_words_alone() {
    let (_binaries, binary) = server_for_nobody();
    let place = Place::new();
    let directory = place.0.path().join("salle");
    fs::create_dir(&directory).unwrap();
    let path = directory.join("transcript.jsonl");
    let mut options = vec!["--transcript", path.to_str().unwrap()];
    if nix::unistd::geteuid().is_root() {
        // To root no directory is shut.
        options.extend(["--user", "nobody"]);
        fs::set_permissions(place.0.path(), PermissionsExt::from_mode(0o755)).unwrap();
        chown(&directory, Some(65534), None).unwrap();
    }
    fs::set_permissions(&directory, PermissionsExt::from_mode(0o300)).unwrap();
    let line = refused(&binary, &[&options[..], &["--transcript-sync"]].concat());
    assert!(line.ends_with(&format!("répertoire {}: Permission denied\n", directory.display())), "{line}");
    // Without that it is enough.
    let mut command = Command::new(&binary);
    let mut server = Server::from(command.args(["--bind", "127.0.0.1", "--port", "0"]).args(options));
    server.program.signal(SIGTERM);
    assert_eq!(server.program.ends().code(), Some(0));
}

/// The line of docs/USAGE.md that has logrotate(8) tell the server, with this place in it.
#[test]
fn the_documented_line_for_logrotate_reaches_the_first_process_of_that_room_and_nobody_else() {
    let place = Place::new();
    let usage = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/USAGE.md")).unwrap();
    let line = usage.lines().find(|line| line.trim().starts_with("pkill -HUP")).expect("a line with pkill");
    let line = line.replace("/var/log/chat/salle.jsonl", place.path().to_str().unwrap());
    assert!(line.contains("transcript.jsonl"), "{line}");
    // Without anybody to tell, it does not end the shell that runs it.
    let told = || Command::new("sh").args(["-c", &format!("{line}\nexit $?")]).status().unwrap();
    assert_eq!(told().code(), Some(1));
    let (mut other, server) = (Server::start(&[]), place.server(&["--no-titles"]));
    let mut peer = server.join();
    let old = place.0.path().join("old");
    fs::rename(place.path(), &old).unwrap();
    assert_eq!(told().code(), Some(0));
    server.program.out.line_with(&["SIGHUP reçu : la transcription continue"]);
    peer.sends("un\0");
    peer.hears("un\0\0");
    assert_eq!((said(&objects(&old)), said(&objects(&place.path()))), (vec![], vec!["un".into()]));
    // The other one is there, and heard nothing of it.
    let mut peer = other.join();
    peer.sends("deux\0");
    peer.hears("deux\0\0");
    other.program.signal(SIGTERM);
    assert_eq!(other.program.ends().code(), Some(0));
}
