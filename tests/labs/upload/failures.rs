//! Broken connections, full disks, files too large, clients too slow, killed processes: the client
//! gets an error where it can be reached, and no file is left behind.

use super::*;

use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};

#[test]
fn a_client_that_disconnects_at_any_byte_leaves_no_file() {
    let landing = Landing::start(&[]);
    let whole = announced("report.txt", b"not much");
    for cut in 0..whole.len() {
        let mut dies = landing.client();
        dies.sends(&whole[..cut]);
        if cut % 2 == 0 {
            dies.resets();
        } else {
            drop(dies);
        }
        // A text cut off by a reset. A text cut short by an orderly close cannot be told from a
        // whole one. The child is stopped, so that it finds text and reset together: a newline and
        // 300 ms of silence would end the text.
        let (mut text, child) = landing.server.connect_served();
        send(child, SIGSTOP);
        text.sends(&b"un\ndeux"[..cut % 8]);
        text.resets();
        send(child, SIGCONT);
    }
    landing.is_empty();
    eventually("descriptors as before", || (descriptors_of(landing.server.pid()).len() < 20).then_some(()));
}

#[test]
fn a_file_beyond_max_bytes_is_refused_at_once() {
    let landing = Landing::start(&["--max-bytes", "1000"]);
    assert!(landing.answer(announced("fits", &[7; 1000])).ends_with("[SUCCESS]"));
    // The header is enough to refuse it.
    let answer = landing.answer(with_header("x", 1001, &[0; 32], b""));
    assert_eq!(answer, "the file is too large: at most 1000 bytes are taken [ERROR]");
    assert!(landing.answer(vec![b'x'; 1001]).ends_with("at most 1000 bytes are taken [ERROR]"));
    landing.server.wait_for_children(0);
    assert_eq!(landing.names(), ["fits"]);
}

#[test]
fn a_file_size_limit_of_the_system_is_reported_and_leaves_no_file() {
    // RLIMIT_FSIZE stands for a quota: write(2) fails in the same way. Its SIGXFSZ kills a process
    // that does not ignore it.
    let mut command = Command::new("prlimit");
    let landing = Landing::by(command.args(["--fsize=100000", "--", UPLOAD_SERVER]), &[]);
    let answer = landing.answer(announced("x", &[7; 200_000]));
    assert_eq!(answer, "cannot write the file: File too large [ERROR]");
    landing.is_empty();
    assert!(landing.answer(announced("fits", &[7; 50_000])).ends_with("[SUCCESS]"));
}

/// Each in a pid namespace of its own, where both children have the same pid. Without /proc, a file
/// has a temporary name until it is whole.
#[test]
fn two_servers_on_one_directory_keep_the_files_that_they_receive_apart() {
    const WITHOUT_PROC: &str = "mount -t tmpfs tmpfs /proc && exec \"$0\" \"$@\"";
    let apart = |what: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "--pid", "--kill-child", "sh", "-c", WITHOUT_PROC, what]);
        command
    };
    if !apart("true").status().is_ok_and(|probe| probe.success()) {
        return skip(skip::PID_NAMESPACE, "unshare failed, or mount");
    }
    let directory = tempfile::tempdir().unwrap();
    let servers = [(); 2].map(|()| Landing::at(&mut apart(UPLOAD_SERVER), directory.path(), &[]));
    let names = || std::fs::read_dir(directory.path()).unwrap().count();
    let files = [("first", [1; 200_000]), ("second", [2; 200_000])];
    let mut begun = Vec::new();
    for (server, (name, bytes)) in servers.iter().zip(&files) {
        let mut client = server.connect();
        client.hears(GREETING);
        let whole = announced(name, bytes);
        client.sends(&whole[..100_000]);
        eventually("a file under a temporary name", || (names() > begun.len()).then_some(()));
        begun.push((client, whole));
    }
    for ((mut client, whole), (name, bytes)) in begun.into_iter().zip(&files) {
        client.sends(&whole[100_000..]);
        assert!(answer_to(&mut client).ends_with("[SUCCESS]"));
        assert!(std::fs::read(directory.path().join(name)).unwrap() == bytes, "{name}");
    }
    eventually("no temporary name", || (names() == files.len()).then_some(()));
}

#[test]
fn a_full_disk_is_reported_and_leaves_no_file() {
    // A small disk in a mount namespace of the server's own, seen from here through /proc/PID/root.
    const ON_A_SMALL_DISK: &str = "mount -t tmpfs -o size=64k tmpfs \"$0\" && exec \"$@\"";
    let small = tempfile::tempdir().unwrap();
    let in_its_place = |what: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(["--map-root-user", "--mount", "sh", "-c", ON_A_SMALL_DISK])
            .arg(small.path())
            .args(what);
        command
    };
    if let Some(reason) = in_its_place(&["true"]).output().map_or_else(
        |error| Some(error.to_string()),
        |probe| (!probe.status.success()).then(|| String::from_utf8_lossy(&probe.stderr).into_owned()),
    ) {
        return skip(skip::MOUNT, reason);
    }
    let server = Landing::at(&mut in_its_place(&[UPLOAD_SERVER]), small.path(), &[]);
    let mut client = server.connect();
    client.hears(GREETING);
    client.sends(announced("x", &[7; 200_000]));
    assert_eq!(answer_to(&mut client), "cannot write the file: No space left on device [ERROR]");
    server.wait_for_children(0);
    let seen = Path::new("/proc").join(server.pid().to_string()).join("root");
    let seen = seen.join(small.path().strip_prefix("/").unwrap());
    let names =
        || std::fs::read_dir(&seen).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert!(names().is_empty(), "{:?}", names());
    let mut client = server.connect();
    client.hears(GREETING);
    client.sends(announced("x", &[7; 20_000]));
    assert!(answer_to(&mut client).ends_with("[SUCCESS]"));
    assert_eq!(names(), ["x"]);
}

#[test]
fn success_is_sent_only_when_the_file_and_its_name_are_on_the_disk() {
    let traces = tempfile::tempdir().unwrap();
    let trace = traces.path().join("trace");
    if !can_trace() {
        return;
    }
    let calls = ["-f", "-s", "200", "-e", "trace=fsync,fdatasync,linkat,sendto,write"];
    let landing = Landing::by(&mut traced(UPLOAD_SERVER, &calls, &trace), &[]);
    assert!(landing.answer(announced("report.txt", b"contents")).ends_with("[SUCCESS]"));
    let told = "as report.txt [SUCCESS]";
    let calls = eventually("the trace", || {
        let calls = std::fs::read_to_string(&trace).unwrap();
        calls.contains(told).then_some(calls)
    });
    // Skips the calls of the directory's probe at the start.
    let mut rest = &calls[calls.find("contents").expect("the file's bytes")..];
    for call in ["fsync(", "linkat(", "fsync(", told] {
        let _row = Row::of(&call);
        let at = rest.find(call).unwrap_or_else(|| panic!("no {call} where it should be in {calls}"));
        rest = &rest[at + call.len()..];
    }
}

/// Expects the server to exit with status 1 and one line of error that holds all of `parts`.
#[track_caller]
fn does_not_start(mut server: Program, parts: &[&str]) {
    assert_eq!(server.ends().code(), Some(1));
    let said = server.err.to_the_end();
    assert!(parts.iter().all(|part| said.contains(part)) && said.lines().count() == 1, "{said}");
    assert_eq!(server.out.to_the_end(), "");
}

#[test]
fn a_missing_or_unwritable_directory_is_reported_at_the_start() {
    let place = tempfile::tempdir().unwrap();
    let start =
        |dir: &Path| Program::start(Command::new(UPLOAD_SERVER).args(["--port", "0", "--dir"]).arg(dir));
    let missing = place.path().join("nowhere");
    does_not_start(
        start(&missing),
        &["upload_serveur: cannot open the directory", "nowhere", "No such file"],
    );
    let file = place.path().join("file");
    std::fs::write(&file, "").unwrap();
    does_not_start(start(&file), &["cannot open the directory", "file", "Not a directory"]);
    // Where not even root may write.
    does_not_start(start(Path::new("/proc")), &["cannot make a file in the directory /proc"]);
}

#[test]
fn a_read_only_directory_is_reported_at_the_start() {
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), PermissionsExt::from_mode(0o555)).unwrap();
    // Root may write everywhere: under root the server runs as user nobody.
    let (_directory, binary) = for_nobody(UPLOAD_SERVER);
    let mut command = match nix::unistd::geteuid().is_root() {
        true => Command::new("setpriv"),
        false => Command::new("env"),
    };
    if nix::unistd::geteuid().is_root() {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    command.arg(&binary).args(["--port", "0", "--dir"]).arg(place.path());
    does_not_start(
        Program::start(&mut command),
        &["cannot make a file in the directory", "Permission denied"],
    );
}

#[test]
fn a_file_system_without_hard_links_is_reported_at_the_start() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    // As vfat answers: it has no unnamed files either.
    let calls = ["-e", "inject=openat2:error=EOPNOTSUPP:when=1", "-e", "inject=linkat:error=EPERM"];
    let mut command = traced(UPLOAD_SERVER, &calls, Path::new("/dev/null"));
    command.args(["--port", "0", "--dir"]).arg(place.path());
    does_not_start(
        Program::start(&mut command),
        &["cannot make a file in the directory", "hard links", "Operation not permitted"],
    );
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_directory_removed_while_serving_is_reported_to_the_client() {
    let landing = Landing::start(&[]);
    std::fs::remove_dir(landing.directory.path()).unwrap();
    let answer = landing.answer(announced("x", b"contents"));
    assert!(answer.contains("which was removed") && answer.ends_with(" [ERROR]"), "{answer}");
}

#[test]
fn a_silent_client_is_disconnected_with_an_error() {
    let landing = Landing::start(&["--idle-timeout", "1"]);
    let mut silent = [&b""[..], b"half a line", &announced("x", b"contents")[..20]].map(|bytes| {
        let mut client = landing.client();
        client.sends(bytes);
        client
    });
    for client in &mut silent {
        let answer = answer_to(client);
        assert!(answer.contains("nothing came for too long") && answer.ends_with(" [ERROR]"), "{answer}");
    }
    landing.is_empty();
}

/// Two unfinished uploads: one with a header, and a text.
#[track_caller]
fn under_way(landing: &Landing) -> [Peer; 2] {
    let whole = announced("x", &[7; 100_000]);
    let clients = [&whole[..50_000], b"a text"].map(|bytes| {
        let mut client = landing.client();
        client.sends(bytes);
        client
    });
    landing.server.program.out.line_with(&["receiving x, 100000 bytes"]);
    landing.server.program.out.line_with(&["receiving a text"]);
    clients
}

#[test]
fn a_server_that_stops_sends_an_error_to_uploading_clients_and_leaves_no_file() {
    for signal in [SIGINT, SIGTERM] {
        let _row = Row::of(&signal);
        let mut landing = Landing::start(&[]);
        let mut clients = under_way(&landing);
        landing.server.program.signal(signal);
        for client in &mut clients {
            let answer = answer_to(client);
            assert!(answer.contains("the server stops") && answer.ends_with(" [ERROR]"), "{answer}");
        }
        assert!(landing.server.program.ends().success());
        assert_eq!(landing.names(), [""; 0]);
    }
}

#[test]
fn a_killed_child_or_a_killed_server_leaves_no_file() {
    let mut landing = Landing::start(&[]);
    let mut clients = under_way(&landing);
    let children = landing.server.children();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(children[0]), Signal::SIGKILL).unwrap();
    clients[0].hears_the_end();
    landing.server.program.err.line_with(&["lost its child, killed by SIGKILL"]);
    landing.server.program.signal(SIGKILL);
    landing.server.program.ends();
    clients[1].hears_the_end();
    eventually("the children to end", || children.iter().all(|&child| !is_alive(child)).then_some(()));
    assert_eq!(landing.names(), [""; 0]);
}

#[test]
fn a_text_is_stored_although_all_numbered_names_are_taken() {
    let landing = Landing::start(&[]);
    let path = |name: &str| landing.directory.path().join(name);
    std::fs::write(path("received.txt"), "taken").unwrap();
    let numbers = 2..=9999;
    numbers.clone().for_each(|number| {
        // Cheaper than a file.
        std::fs::hard_link(path("received.txt"), path(&format!("received-{number}.txt"))).unwrap();
    });
    let mut stored = ["first", "second"].map(|text| {
        let answer = landing.answer(text.to_string() + " \n");
        assert!(answer.ends_with(", because received.txt was there already [SUCCESS]"), "{answer}");
        let name = answer.split_whitespace().find(|word| word.starts_with("received-")).unwrap();
        (name.trim_end_matches(',').to_string(), (text.to_string() + " \n").into_bytes())
    });
    let mut files = landing.files();
    files.retain(|_, bytes| bytes != b"taken");
    stored.sort();
    assert!(files.into_iter().eq(stored));
    let taken = landing.names().len() - 2;
    assert_eq!(taken, numbers.count() + 1);
}
