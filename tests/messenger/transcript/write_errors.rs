//! Files that cannot be opened, and writes that fail.

use super::*;
use std::process::Command;

/// Waits until the server reports the end of the transcript, with this reason.
#[track_caller]
fn stops(server: &Server, reason: &str) {
    let line = server.program.err.line_with(&["transcript.jsonl s'arrête"]);
    assert!(
        line.contains(reason) && line.starts_with("(père) ") && line.contains("la salle continue"),
        "{line}"
    );
}

/// Sends numbered messages until the transcript has stopped, and 20 more. Asserts that another
/// client receives them all, and returns them.
#[track_caller]
fn talks_on(server: &Server, name: &str) -> Vec<String> {
    let mut peers = [server.connect(), server.connect()];
    let mut said = Vec::new();
    let mut more = None;
    while more != Some(0) {
        let message = format!("{name} : {}", said.len());
        peers[0].sends(format!("{message}\0"));
        assert_eq!(peers[1].strings(1), [message.as_str()]);
        said.push(message);
        if server.program.err.so_far().contains("s'arrête") {
            more = Some(more.map_or(20, |left: usize| left - 1));
        }
    }
    said
}

#[test]
fn a_full_disk_stops_the_transcript_at_a_whole_line_and_not_the_room() {
    let place = Place::new();
    let mut command = Command::new("prlimit");
    command.args(["--fsize=3000", SERVER, "--bind", "127.0.0.1", "--port", "0", "--transcript"]);
    let server = Server::from(command.arg(place.path()));
    let said = talks_on(&server, "alice");
    stops(&server, "File too large");
    let written = super::said(&objects(&place.path()));
    assert!(written.len() > 5 && written.len() < said.len(), "{} of {}", written.len(), said.len());
    assert_eq!(written, said[..written.len()]);
    // Reported once. With space, SIGHUP resumes the transcript.
    assert_eq!(server.program.err.so_far().lines().count(), 1);
    fs::rename(place.path(), place.0.path().join("full")).unwrap();
    server.program.signal(SIGHUP);
    server.program.out.line_with(&["SIGHUP reçu : la transcription continue"]);
    let mut peer = server.join();
    peer.sends("de nouveau\0");
    peer.hears("de nouveau\0\0");
    assert_eq!(super::said(&objects(&place.path())), ["de nouveau"]);
}

/// A file system of 16 kB, in a separate mount namespace: unshare(1).
#[test]
fn a_full_file_system_stops_the_transcript_and_not_the_room() {
    let place = Place::new();
    let script = "mount -t tmpfs -o size=16k none \"$1\" && exec \"$2\" --bind 127.0.0.1 --port 0 --transcript \"$1/transcript.jsonl\"";
    let unshared = |command: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "sh", "-c", command, "sh"]).arg(place.0.path()).arg(SERVER);
        unshare
    };
    if !unshared("mount -t tmpfs -o size=16k none \"$1\"").output().is_ok_and(|done| done.status.success()) {
        skip(skip::MOUNT, "mount -t tmpfs failed");
        return;
    }
    let server = Server::from(&mut unshared(script));
    let said = talks_on(&server, "alice");
    stops(&server, "No space left on device");
    let there = PathBuf::from(format!("/proc/{}/root{}", server.pid(), place.path().display()));
    let written = super::said(&objects(&there));
    assert!(written.len() > 50 && written.len() < said.len(), "{} of {}", written.len(), said.len());
    assert_eq!(written, said[..written.len()]);
}

#[test]
fn a_failing_disk_stops_the_transcript_and_an_interrupted_call_is_retried() {
    if !can_trace() {
        return;
    }
    let cases = [
        ("fdatasync:error=EIO:when=3+", Some("Input/output error")),
        ("write:error=EIO:when=1+", Some("Input/output error")),
        ("write:error=EDQUOT:when=1+", Some("Disk quota exceeded")),
        ("write:error=EINTR:when=1+", Some("Interrupted system call")),
        ("fdatasync:error=EINTR:when=1+", Some("Interrupted system call")),
        ("write:error=EINTR:when=1+2", None),
        ("fdatasync:error=EINTR:when=1+2", None),
    ];
    for (failing, reason) in cases {
        let _row = Row::of(&(&failing, &reason));
        let place = Place::new();
        let path = place.path();
        // Only the calls on this file fail.
        let calls = ["-P", path.to_str().unwrap(), "-e", &format!("inject={failing}")];
        let mut command = traced(SERVER, &calls, Path::new("/dev/null"));
        command.args(["--bind", "127.0.0.1", "--port", "0", "--transcript-sync", "--transcript"]);
        let server = Server::from(command.arg(&path));
        match reason {
            Some(reason) => {
                talks_on(&server, "alice");
                stops(&server, reason);
                objects(&path);
            }
            None => {
                let mut peer = server.join();
                let texts: Vec<String> = (0..20).map(|i| format!("alice : {i}")).collect();
                for text in &texts {
                    peer.sends(format!("{text}\0"));
                    assert_eq!(peer.strings(1), [text.as_str()]);
                }
                assert_eq!(super::said(&objects(&path)), texts);
            }
        }
    }
}

#[test]
fn a_transcript_whose_opening_is_interrupted_without_end_is_an_error_at_the_start() {
    if !can_trace() {
        return;
    }
    let place = Place::new();
    let path = place.path();
    let path = path.to_str().unwrap();
    let trace = ["-D", "-qq", "-o", "/dev/null", "-P", path, "-e", "inject=openat:error=EINTR"];
    let server = [SERVER, "--bind", "127.0.0.1", "--port", "0", "--transcript", path];
    let Outcome { status, err, .. } = outcome_of("strace", &[&trace[..], &server].concat(), "");
    assert_eq!((status, err.lines().count()), (Some(1), 1), "{err}");
    assert!(err.contains(path) && err.contains("Interrupted system call"), "{err}");
}

#[test]
fn a_file_that_is_not_regular_is_refused_at_the_start() {
    let place = Place::new();
    let fifo = place.0.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let missing = place.0.path().join("missing/transcript");
    let cases = [
        (fifo.as_path(), "pas un fichier ordinaire"),
        (place.0.path(), "Is a directory"),
        (Path::new("/dev/null"), "pas un fichier ordinaire"),
        (&missing, "No such file or directory"),
    ];
    for (path, reason) in cases {
        let _row = Row::of(&(&path, &reason));
        let path = path.to_str().unwrap();
        let Outcome { status, out, err } = outcome_of(SERVER, &["--port", "0", "--transcript", path], "");
        assert_eq!((status, out.as_str(), err.lines().count()), (Some(1), "", 1), "{path}: {err}");
        assert!(err.contains(path) && err.contains(reason), "{path}: {err}");
    }
}

#[test]
fn an_incomplete_last_line_is_terminated_before_the_next_one() {
    let place = Place::new();
    fs::write(place.path(), "{\"text\":\"avant\"}\n{\"text\":\"coup").unwrap();
    let server = place.server(&["-q"]);
    let mut peer = server.connect();
    for text in ["un\0", "deux\0"] {
        let _row = Row::of(&text);
        peer.sends(text);
        peer.hears(format!("{text}\0"));
    }
    let text = fs::read_to_string(place.path()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["{\"text\":\"avant\"}", "{\"text\":\"coup"]);
    assert!(lines.len() == 4 && text.ends_with('\n'), "{text}");
    assert!(lines[2].contains("\"text\":\"un\"") && lines[3].contains("\"text\":\"deux\""), "{text}");
}
