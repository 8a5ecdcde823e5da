//! Ownership of the file: a regular file of the user of the server, and of one server at a time.

use super::*;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::process::Command;

/// Asserts that a server refuses this file, and returns the line on standard error.
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
fn a_symbolic_link_is_refused_even_a_dangling_one() {
    let place = Place::new();
    let target = place.0.path().join("target");
    symlink(&target, place.path()).unwrap();
    assert!(refused_at(&place.path()).contains("transcript.jsonl : c'est un lien symbolique"));
    assert!(!target.exists());
    fs::write(&target, "").unwrap();
    assert!(refused_at(&place.path()).contains("lien symbolique"));
    assert_eq!(fs::read(&target).unwrap(), b"");
}

#[test]
fn a_file_of_another_user_is_refused() {
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
fn a_symbolic_link_put_in_place_later_is_refused_and_the_old_file_goes_on() {
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
fn a_file_accessible_to_others_is_reported_and_a_private_one_is_not() {
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
fn a_file_belongs_to_one_server_until_it_reopens_or_ends() {
    let place = Place::new();
    let mut first = place.server(&[]);
    assert!(refused_at(&place.path()).contains("un autre serveur y écrit déjà"));
    // Reopening its own file is not a conflict.
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
    // After the reopening, the renamed file is free, and the new one is taken.
    fs::rename(place.path(), place.0.path().join("old")).unwrap();
    first.program.signal(SIGHUP);
    reopened(&first, 2);
    let _second = Server::start(&["--transcript", place.0.path().join("old").to_str().unwrap()]);
    assert!(refused_at(&place.path()).contains("un autre serveur y écrit déjà"));
    // No child of a killed server holds the lock.
    first.program.signal(SIGKILL);
    first.program.ends();
    peer.hears_the_end();
    place.server(&[]);
}

#[test]
fn a_directory_that_cannot_be_synced_is_reported_with_the_systems_reason() {
    let (_binaries, binary) = server_for_nobody();
    let place = Place::new();
    let directory = place.0.path().join("salle");
    fs::create_dir(&directory).unwrap();
    let path = directory.join("transcript.jsonl");
    let mut options = vec!["--transcript", path.to_str().unwrap()];
    if nix::unistd::geteuid().is_root() {
        // Root may read every directory.
        options.extend(["--user", "nobody"]);
        fs::set_permissions(place.0.path(), PermissionsExt::from_mode(0o755)).unwrap();
        chown(&directory, Some(65534), None).unwrap();
    }
    fs::set_permissions(&directory, PermissionsExt::from_mode(0o300)).unwrap();
    let line = refused(&binary, &[&options[..], &["--transcript-sync"]].concat());
    assert!(line.ends_with(&format!("répertoire {} : Permission denied\n", directory.display())), "{line}");
    // Without `--transcript-sync` these permissions suffice.
    let mut command = Command::new(&binary);
    let mut server = Server::from(command.args(["--bind", "127.0.0.1", "--port", "0"]).args(options));
    server.program.signal(SIGTERM);
    assert_eq!(server.program.ends().code(), Some(0));
}

/// The line of docs/USAGE.md for logrotate(8), with the path of this test in it.
#[test]
fn the_documented_line_for_logrotate_signals_only_the_parent_of_that_room() {
    let place = Place::new();
    let usage = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/USAGE.md")).unwrap();
    let line = usage.lines().find(|line| line.trim().starts_with("pkill -HUP")).expect("a line with pkill");
    let line = line.replace("/var/log/chat/salle.jsonl", place.path().to_str().unwrap());
    assert!(line.contains("transcript.jsonl"), "{line}");
    // Without a matching process, it must not end the shell that runs it.
    let run_line = || Command::new("sh").args(["-c", &format!("{line}\nexit $?")]).status().unwrap();
    assert_eq!(run_line().code(), Some(1));
    let (mut other, server) = (Server::start(&[]), place.server(&["--no-titles"]));
    let mut peer = server.join();
    let old = place.0.path().join("old");
    fs::rename(place.path(), &old).unwrap();
    assert_eq!(run_line().code(), Some(0));
    server.program.out.line_with(&["SIGHUP reçu : la transcription continue"]);
    peer.sends("un\0");
    peer.hears("un\0\0");
    assert_eq!((said(&objects(&old)), said(&objects(&place.path()))), (vec![], vec!["un".into()]));
    // The other server is still there and received no signal.
    let mut peer = other.join();
    peer.sends("deux\0");
    peer.hears("deux\0\0");
    other.program.signal(SIGTERM);
    assert_eq!(other.program.ends().code(), Some(0));
}
