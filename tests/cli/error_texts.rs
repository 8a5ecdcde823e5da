//! Errors of every program: one line of words, with what to try, for a command line that is refused
//! and for what the system refuses.

use crate::common::*;

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

const CALC: &str = env!("CARGO_BIN_EXE_calc_serveur");
const CALC_CLIENT: &str = env!("CARGO_BIN_EXE_calc_client");
const DIRECT: &str = env!("CARGO_BIN_EXE_direct_serveur");
const DIRECT_CLIENT: &str = env!("CARGO_BIN_EXE_direct_client");
const ECHO: &str = env!("CARGO_BIN_EXE_echo_serveur");
const ECHO_CLIENT: &str = env!("CARGO_BIN_EXE_echo_client");
const RELAY: &str = env!("CARGO_BIN_EXE_relay_serveur");
const RELAY_CLIENT: &str = env!("CARGO_BIN_EXE_relay_client");
const UPLOAD: &str = env!("CARGO_BIN_EXE_upload_serveur");
const UPLOAD_CLIENT: &str = env!("CARGO_BIN_EXE_upload_client");

const SERVERS: [&str; 6] = [SERVER, RELAY, DIRECT, CALC, ECHO, UPLOAD];
const CLIENTS: [&str; 6] = [CLIENT, RELAY_CLIENT, DIRECT_CLIENT, CALC_CLIENT, ECHO_CLIENT, UPLOAD_CLIENT];

fn is_french(program: &str) -> bool {
    [SERVER, CLIENT, RELAY, RELAY_CLIENT].contains(&program)
}

/// Asserts that standard error is one line, in words and in the program's language.
#[track_caller]
fn is_one_plain_line(program: &str, said: &str) {
    assert_eq!((said.lines().count(), said.ends_with('\n')), (1, true), "{said:?}");
    assert!(!said.contains("os error") && !said.contains("panicked") && !said.contains('{'), "{said}");
    // In French a space precedes the colon.
    let colons = said.matches(": ").count();
    assert_eq!(said.matches(" : ").count(), if is_french(program) { colons } else { 0 }, "{said}");
}

#[test]
fn a_wrong_command_line_is_refused_in_one_line_of_words() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    std::fs::write(&file, "text\n").unwrap();
    let [file, place] = [file.to_str().unwrap(), place.path().to_str().unwrap()];
    let missing = format!("{place}/missing/x");
    // The port of a connection's end: nobody listens there, and nobody else gets it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = &*connection.local_addr().unwrap().port().to_string();
    let nowhere = format!("127.0.0.1:{port}");
    let (no_file, refused) = ("No such file or directory", "Connection refused");
    let table: &[(&str, &[&str], i32, &[&str])] = &[
        (ECHO, &["7002"], 2, &["\"7002\"", "127.0.0.1:8000", "usage: echo_serveur"]),
        (ECHO, &["127.0.0.1", "abc"], 2, &["[PORT]", "\"abc\"", "from 0 to 65535"]),
        (ECHO, &["nowhere.invalid", "0"], 1, &["\"nowhere.invalid\"", "give an IP address"]),
        (ECHO, &["192.0.2.1", "0"], 1, &["192.0.2.1:0", "this machine has no such address"]),
        (ECHO_CLIENT, &["7002"], 2, &["127.0.0.1:8000"]),
        (ECHO_CLIENT, &["127.0.0.1", port, "--wait", "0"], 1, &[port, refused, "start it"]),
        (CALC, &["--max-clients", "0"], 2, &["--max-clients", "from 1 to"]),
        (CALC, &["--bind", "7002"], 2, &["--port 5555"]),
        (CALC_CLIENT, &["7002"], 2, &["127.0.0.1:5555"]),
        (CALC_CLIENT, &[&nowhere, "--wait", "0"], 1, &[port, refused, "start it"]),
        (DIRECT, &["--frobnicate"], 2, &["\"--frobnicate\" is not expected"]),
        (DIRECT_CLIENT, &[], 2, &["<NAME> is missing"]),
        (DIRECT_CLIENT, &["alice", &nowhere, "--wait", "1"], 1, &[port, "for 1 s", refused]),
        (RELAY, &["44573"], 2, &["« 44573 »", "--port 44573"]),
        (RELAY, &["--bind", "192.0.2.1"], 1, &["192.0.2.1:44573", "cette machine n'a pas cette adresse"]),
        (RELAY_CLIENT, &["7002"], 2, &["127.0.0.1:44573"]),
        (RELAY_CLIENT, &[&nowhere, "--wait", "0"], 1, &[port, refused, "lancez-le"]),
        (SERVER, &["--bind", "7002"], 2, &["« 7002 »", "--port 5015"]),
        (SERVER, &["--user", "no-such-user", "--port", "0"], 1, &["« no-such-user »", "--user NOM"]),
        (SERVER, &["--port", "0", "--transcript", &missing], 1, &[&missing, "n'existe pas", no_file]),
        (SERVER, &["--port", "0", "--transcript", place], 1, &[place, "Is a directory"]),
        (CLIENT, &["127.0.0.1"], 2, &["il manque <PSEUDO>"]),
        (CLIENT, &["x:y", "alice"], 2, &["192.0.2.7:5015", "[::1]:5015"]),
        (
            CLIENT,
            &["nulle.part.invalid", "alice", "--wait", "0"],
            1,
            &["« nulle.part.invalid »", "adresse IP"],
        ),
        (CLIENT, &[&nowhere, "alice", "--wait", "0"], 1, &[port, refused, "lancez-le"]),
        (UPLOAD, &["--port", "0", "--dir", &missing], 1, &["cannot open the directory", &missing, no_file]),
        (UPLOAD, &["--port", "0", "--dir", file], 1, &[file, "Not a directory"]),
        (UPLOAD, &["--max-bytes", "10M"], 2, &["\"10M\"", "a number from 1 to"]),
        (UPLOAD_CLIENT, &[&missing], 1, &["cannot open", &missing, no_file]),
        (UPLOAD_CLIENT, &[place], 1, &[place, "it is a directory"]),
        (UPLOAD_CLIENT, &["/dev/zero"], 1, &["/dev/zero", "not a regular file, nor a pipe"]),
        (UPLOAD_CLIENT, &["/proc/self/mem"], 1, &["cannot read /proc/self/mem"]),
        (UPLOAD_CLIENT, &[file, "127.0.0.1", port, "--wait", "0"], 1, &[port, refused, "start it"]),
    ];
    for_each_at_once(table, |_, &(program, arguments, status, parts)| {
        let Outcome { status: found, out, err } = outcome_of(program, arguments, "");
        assert_eq!((found, &*out), (Some(status), ""), "{err}");
        assert!(parts.iter().all(|part| err.contains(part)), "{err}");
        is_one_plain_line(program, &err);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn only_a_port_below_1024_that_bind_refuses_is_called_roots() {
    if !can_trace() {
        return;
    }
    for (failing, port, is_roots) in [
        ("bind:error=EACCES", "80", true),
        ("bind:error=EACCES", "0", false),
        ("setsockopt:error=EPERM", "80", false),
        ("socket:error=EPERM", "0", false),
        ("listen:error=EPERM", "0", false),
    ] {
        let _row = Row::of(&(&failing, &port));
        let inject = format!("inject={failing}");
        let trace = ["-D", "-qq", "-o", "/dev/null", "-e", &inject];
        let server = [CALC, "--bind", "127.0.0.1", "--port", port];
        let Outcome { status, err, .. } = outcome_of("strace", &[&trace[..], &server].concat(), "");
        assert_eq!((status, err.contains("1024")), (Some(1), is_roots), "{err}");
        is_one_plain_line(CALC, &err);
    }
}

#[test]
fn a_closed_or_unusable_standard_stream_is_named_in_one_line() {
    let sh = |script: &str, program: &str| Command::new("sh").args(["-c", script, program]).output().unwrap();
    for (script, what) in [
        (r#""$0" - --wait 0 <&-"#, "cannot send standard input: it is closed"),
        (r#""$0" - --wait 0 </"#, "cannot send standard input: it is a directory"),
        (r#"echo x | TMPDIR=/nowhere "$0" -"#, "standard input gives in /nowhere"),
        (r#"ulimit -n 4; "$0" -"#, "ulimit -n)"),
    ] {
        let _row = Row::of(&script);
        let done = sh(script, UPLOAD_CLIENT);
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains(what), "{said}");
        is_one_plain_line(UPLOAD_CLIENT, &said);
    }
}

fn full_disk() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn help_that_cannot_be_written_is_an_error() {
    for program in SERVERS.into_iter().chain(CLIENTS) {
        let _row = Row::of(&program);
        let done = Command::new(program).arg("--help").stdout(full_disk()).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains("standard") && said.contains("No space left on device"), "{said}");
        is_one_plain_line(program, &said);
    }
}

#[test]
fn a_server_says_once_that_its_standard_output_is_a_full_disk() {
    for program in SERVERS {
        let _row = Row::of(&program);
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--port", "0"]).stdout(full_disk()).stdin(Stdio::null());
        let mut server = Program::start_with_its_own_output(&mut command);
        server.err.line_with(&["standard", "No space left on device"]);
        // Its last line is lost too.
        server.signal(Signal::SIGTERM);
        assert_eq!(server.ends().code(), Some(0));
        is_one_plain_line(program, &server.err.to_the_end());
    }
}
