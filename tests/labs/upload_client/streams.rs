//! Input without a size: pipes and standard input.

use super::*;

use nix::sys::stat::Mode;

const STREAM: &[u8] = b"\0any\xffbytes\n";

/// Answers with success to a client that sends [`STREAM`] under this name.
#[track_caller]
fn takes(listener: &TcpListener, name: &str) {
    let mut server = accept(listener);
    server.sends(GREETING);
    server.hears([header(name, STREAM), STREAM.to_vec()].concat());
    server.sends("[SUCCESS]");
}

#[test]
fn standard_input_is_sent_as_stdin() {
    for path in ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"] {
        let _row = Row::of(&path);
        let (listener, port) = listen();
        let mut client = alone(&[path, "127.0.0.1", &port]);
        for part in STREAM.chunks(3) {
            client.types(part);
        }
        client.closes_stdin();
        takes(&listener, "stdin");
        succeeds(client, "upload_serveur: send your file\n[SUCCESS]\n");
    }
    let place = Sample::new("x", STREAM);
    let (listener, port) = listen();
    let mut client = Command::new(UPLOAD)
        .args(["-", "127.0.0.1", &port])
        .stdin(std::fs::File::open(&place.path).unwrap())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    takes(&listener, "stdin");
    assert!(client.wait().unwrap().success());
}

#[test]
fn closed_standard_input_is_no_empty_file() {
    for (input, fails) in [("<&-", true), ("</dev/null", false)] {
        let _row = Row::of(&input);
        let (listener, port) = listen();
        let script = format!("exec \"$0\" - 127.0.0.1 {port} {input}");
        let client = Program::start(Command::new("sh").args(["-c", &script, UPLOAD]));
        if fails {
            self::fails(client, "", &["upload_client: cannot send standard input: it is closed"]);
        } else {
            let mut server = accept(&listener);
            server.sends(GREETING);
            server.hears(header("stdin", b""));
            server.sends("[SUCCESS]");
            drop(server);
            succeeds(client, "upload_serveur: send your file\n[SUCCESS]\n");
        }
    }
}

#[test]
fn a_process_substitution_is_sent_as_pipe() {
    for (command, bytes) in
        [("printf 'salut'", "salut"), ("true", ""), ("seq 100000 | tail -n 1", "100000\n")]
    {
        let _row = Row::of(&command);
        let (listener, port) = listen();
        let script = format!("exec \"$0\" <({command}) 127.0.0.1 {port}");
        let client = Program::start(Command::new("bash").args(["-c", &script, UPLOAD]));
        let mut server = accept(&listener);
        server.sends(GREETING);
        server.hears([header("pipe", bytes.as_bytes()), bytes.into()].concat());
        server.sends("[SUCCESS]");
        drop(server);
        succeeds(client, "upload_serveur: send your file\n[SUCCESS]\n");
    }
}

#[test]
fn a_named_pipe_is_sent_under_its_name_once_its_writer_has_closed_it() {
    let place = tempdir().unwrap();
    let path = place.path().join("data.bin");
    nix::unistd::mkfifo(&path, Mode::S_IRWXU).unwrap();
    let (listener, port) = listen();
    let client = alone(&[path.to_str().unwrap(), "127.0.0.1", &port]);
    // Opening waits for the client, which waits for a writer.
    let mut writer = std::fs::File::options().write(true).open(&path).unwrap();
    std::io::Write::write_all(&mut writer, STREAM).unwrap();
    drop(writer);
    takes(&listener, "data.bin");
    succeeds(client, "upload_serveur: send your file\n[SUCCESS]\n");
}

#[test]
fn a_signal_ends_a_client_that_waits_for_its_input() {
    let place = tempdir().unwrap();
    let path = place.path().join("data.bin");
    nix::unistd::mkfifo(&path, Mode::S_IRWXU).unwrap();
    for input in ["-", path.to_str().unwrap()] {
        let _row = Row::of(&input);
        let client = alone(&[input]);
        eventually("its signals to be caught", || catches_sigterm(client.pid()).then_some(()));
        client.signal(SIGINT);
        fails(client, "", &["interrupted"]);
    }
}

#[test]
fn an_input_that_cannot_be_read_or_kept_is_reported() {
    fails(alone(&["/dev/fd/987"]), "", &["cannot open /dev/fd/987", "Bad file descriptor"]);
    let mut nowhere = Command::new(UPLOAD);
    let mut client = Program::start(nowhere.arg("-").env("TMPDIR", "/nowhere"));
    client.closes_stdin();
    fails(
        client,
        "",
        &["cannot keep what standard input gives in /nowhere", "TMPDIR", "No such file or directory"],
    );
    let directory = std::fs::File::open("/").unwrap();
    let mut client = Command::new(UPLOAD);
    let client = client.arg("-").stdin(directory).output().unwrap();
    assert_eq!(client.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&client.stderr).contains("it is a directory"));
}
