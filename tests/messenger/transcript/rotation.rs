//! SIGHUP reopens the file by its name, for logrotate(8).

use super::*;

/// Waits until the server has reported `count` reopenings.
#[track_caller]
fn reopened(server: &Server, count: usize) {
    server.program.out.wait_for("an answer to SIGHUP", |said| {
        (String::from_utf8_lossy(said).matches("SIGHUP reçu : la transcription continue").count() >= count)
            .then_some(())
    });
}

#[test]
fn files_rotated_during_a_conversation_contain_each_line_once_and_in_order() {
    const EACH: usize = 200;
    const FILES: usize = 20;
    let place = Place::new();
    let server = place.server(&[]);
    let peers: Vec<Peer> = (0..3).map(|_| server.join()).collect();
    let old = |number: usize| place.0.path().join(format!("transcript.jsonl.{number}"));
    let heard = hear_in_one_order(&peers, 2 * EACH * FILES, |_| {
        for number in 0..FILES {
            std::thread::scope(|scope| {
                scope.spawn(|| send_numbered(&peers[0], "alice", EACH));
                scope.spawn(|| send_numbered(&peers[1], "bob", EACH));
                // During the conversation; the file may be empty, or already contain everything.
                fs::rename(place.path(), old(number)).unwrap();
                server.program.signal(SIGHUP);
                reopened(&server, number + 1);
            });
        }
    });
    let files: Vec<PathBuf> = (0..FILES).map(old).chain([place.path()]).collect();
    let written: Vec<Vec<String>> = files.iter().map(|path| said(&objects(path))).collect();
    let parts = written.iter().filter(|file| !file.is_empty() && file.len() % (2 * EACH) != 0).count();
    assert!(parts > 1, "rotated while they talked: {:?}", written.iter().map(Vec::len).collect::<Vec<_>>());
    assert_eq!(written.concat(), heard);
}

#[test]
fn a_truncated_file_continues_from_its_beginning() {
    let place = Place::new();
    let server = place.server(&["-q"]);
    let mut peer = server.connect();
    for text in ["un\0", "deux\0"] {
        let _row = Row::of(&text);
        peer.sends(text);
        peer.hears(format!("{text}\0"));
        assert_eq!(said(&objects(&place.path())), [text.trim_end_matches('\0')]);
        // logrotate's copytruncate.
        fs::File::options().write(true).open(place.path()).unwrap().set_len(0).unwrap();
    }
}

#[test]
fn a_relative_path_is_resolved_in_the_initial_directory() {
    let place = Place::new();
    let mut command = std::process::Command::new(SERVER);
    command.current_dir(place.0.path()).args([
        "--bind",
        "127.0.0.1",
        "--port",
        "0",
        "--transcript",
        "transcript.jsonl",
    ]);
    let server = Server::from(&mut command);
    let mut peer = server.join();
    fs::rename(place.path(), place.0.path().join("old")).unwrap();
    server.program.signal(SIGHUP);
    reopened(&server, 1);
    peer.sends("un\0");
    peer.hears("un\0\0");
    assert_eq!(said(&objects(&place.path())), ["un"]);
}

#[test]
fn a_file_that_cannot_be_reopened_is_reported_and_the_old_one_goes_on() {
    let place = Place::new();
    let server = place.server(&[]);
    let mut peer = server.join();
    let (old, directory) = (place.0.path().join("old"), place.path());
    fs::rename(place.path(), &old).unwrap();
    fs::create_dir(&directory).unwrap();
    server.program.signal(SIGHUP);
    let line = server.program.err.line_with(&["SIGHUP reçu", "transcript.jsonl", "dans l'ancien fichier"]);
    assert!(line.starts_with("(père) "), "{line}");
    peer.sends("un\0");
    peer.hears("un\0\0");
    assert_eq!(said(&objects(&old)), ["un"]);
    fs::remove_dir(&directory).unwrap();
    server.program.signal(SIGHUP);
    reopened(&server, 1);
    peer.sends("deux\0");
    peer.hears("deux\0\0");
    assert_eq!(
        (said(&objects(&old)), said(&objects(&place.path()))),
        (vec!["un".into()], vec!["deux".into()])
    );
}

#[test]
fn with_the_option_user_the_files_belong_to_that_user_or_are_refused() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    if !is_root() {
        return;
    }
    let (_binaries, binary) = server_for_nobody();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let place = Place::new();
    fs::set_permissions(place.0.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let start = || {
        let mut command = std::process::Command::new(&binary);
        command.args(["--bind", "127.0.0.1", "--port", "0", "--user", "nobody", "--transcript"]);
        command.arg(place.path());
        command
    };
    // A directory of root is refused at the start, not at the first rotation.
    let refused = start().output().unwrap();
    let line = String::from_utf8(refused.stderr).unwrap();
    assert_eq!((refused.status.code(), line.lines().count()), (Some(1), 1), "{line}");
    assert!(line.contains("transcript.jsonl") && line.contains("Permission denied"), "{line}");
    chown(place.0.path(), Some(nobody.uid.as_raw()), None).unwrap();
    let server = Server::from(&mut start());
    let mut peer = server.join();
    assert_eq!(fs::metadata(place.path()).unwrap().uid(), nobody.uid.as_raw());
    fs::rename(place.path(), place.0.path().join("old")).unwrap();
    server.program.signal(SIGHUP);
    reopened(&server, 1);
    fs::rename(place.path(), place.0.path().join("older")).unwrap();
    chown(place.0.path(), Some(0), None).unwrap();
    server.program.signal(SIGHUP);
    server.program.err.line_with(&["SIGHUP reçu", "Permission denied", "dans l'ancien fichier"]);
    peer.sends("un\0");
    peer.hears("un\0\0");
    assert_eq!(said(&objects(&place.0.path().join("older"))), ["un"]);
}
