//! Errors found before anything is sent, and `--help`.

use super::*;

#[test]
fn a_file_that_cannot_be_sent_is_reported_before_connecting() {
    let place = tempdir().unwrap();
    let missing = place.path().join("missing").to_str().unwrap().to_string();
    // No server is running: an attempt to connect would be reported after a while.
    fails(alone(&[&missing]), "", &["cannot open", &missing, "No such file or directory"]);
    let directory = place.path().to_str().unwrap();
    fails(alone(&[directory]), "", &[directory, "it is a directory"]);
    fails(alone(&["/dev/zero"]), "", &["/dev/zero", "not a regular file"]);
    for (name, why) in [
        (".hidden", "it begins with a dot"),
        ("a\\b", "it holds a separator"),
        ("a\x1b[31mb", "\"a^[[31mb\" refused: it holds a control character"),
        ("a\nb", "\"a^Jb\" refused: it holds a control character"),
    ] {
        let _row = Row::of(&(&name, &why));
        fails(alone(&[Sample::new(name, b"").path()]), "", &["file name", why]);
    }
}

#[test]
fn a_name_that_is_not_utf8_is_refused_with_its_reason() {
    use std::os::unix::ffi::OsStrExt;
    let place = tempdir().unwrap();
    let path = place.path().join(std::ffi::OsStr::from_bytes(b"a\xff"));
    std::fs::write(&path, "").unwrap();
    fails(Program::start(Command::new(UPLOAD).arg(path)), "", &["a\\xff", "it is not UTF-8"]);
}

#[test]
fn an_unreachable_server_is_reported_with_the_systems_reason() {
    let sample = Sample::new("x", b"");
    let client = alone(&[sample.path(), "nowhere.invalid"]);
    fails(client, "", &["the name \"nowhere.invalid\" leads to no address"]);
    let (listener, port) = listen();
    drop(listener);
    let client = alone(&[sample.path(), "127.0.0.1", &port]);
    fails(client, "", &[&format!("no server answers at 127.0.0.1 port {port}"), "Connection refused"]);
}

#[test]
fn a_full_or_closed_output_is_reported_without_a_panic() {
    let sample = Sample::new("x", b"");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    for (output, why) in [(Stdio::from(writer), "Broken pipe"), (full.into(), "No space left on device")] {
        let _row = Row::of(&(&output, &why));
        let (listener, port) = listen();
        let mut command = Command::new(UPLOAD);
        command.args([sample.path(), "127.0.0.1", &port]).stdout(output);
        let client = Program::start_with_its_own_output(&mut command);
        accept(&listener).sends(GREETING);
        fails(client, "", &["cannot write to standard output", why]);
    }
}

#[test]
fn help_explains_the_text_option_and_an_invalid_command_line_gets_one_line() {
    let mut help = alone(&["--help"]);
    assert_eq!(help.ends().code(), Some(0));
    let text = help.out.to_the_end();
    for part in ["FILE", "HOST", "PORT", "--text", "original server", "Examples:", "5555 by default"] {
        let _row = Row::of(&part);
        assert!(text.contains(part), "{part}: {text}");
    }
    for mistake in [&[][..], &["x", "host", "0"], &["x", "host", "1", "more"], &["x", "--frobnicate"]] {
        let _row = Row::of(&mistake);
        let mut program = alone(mistake);
        assert_eq!(program.ends().code(), Some(2));
        assert_eq!(program.err.to_the_end().lines().count(), 1);
    }
}
