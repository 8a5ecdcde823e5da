//! Output without the status and input rows, and their redraw after a resize.

use super::*;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal::{SIGINT, SIGTERM};
use std::io::PipeWriter;
use std::os::fd::AsFd;
use std::process::Command;

const CLIENTS: [&str; 4] = [RELAY, DIRECT, ECHO, CALC];

/// Runs `client` by a shell script until it has shown a message. Returns all that was written to
/// the terminal.
#[track_caller]
fn after_a_message(client: &str, script: &str, variables: &[&str], options: &[&str]) -> String {
    let (listener, port) = listening();
    let arguments = arguments(client, &port);
    let shell = [&["-c", script, client], &arguments[..], options].concat();
    let emulator = Emulator::start(SIZE, variables, "sh", &shell);
    let mut server = accept(&listener);
    server.sends("1\0rec\0premier\0\n");
    emulator.terminal.shows("premier");
    drop(server);
    emulator.terminal.screen.to_the_end()
}

#[test]
fn dumb_terminals_pipes_and_plain_get_no_escape_sequences() {
    let run = r#""$0" "$@""#;
    for client in CLIENTS {
        let _row = Row::of(&client);
        for (script, variables, options) in [
            (run, &[][..], &["--plain"][..]),
            (run, &["TERM=dumb"], &[]),
            (run, &["TERM="], &[]),
            (r#""$0" "$@" | cat"#, &[], &[]),
        ] {
            let _row = Row::of(&(&script, &variables, &options));
            let shown = after_a_message(client, script, variables, options);
            assert!(!shown.contains('\x1b'), "{client} {script} {variables:?}: {shown:?}");
        }
        assert!(after_a_message(client, run, &[], &[]).contains("\x1b["), "{client}");
    }
}

#[test]
fn input_from_elsewhere_than_a_terminal_means_no_escape_sequences() {
    for client in CLIENTS {
        let _row = Row::of(&client);
        let (listener, port) = listening();
        let arguments = [&["-c", r#""$0" "$@" < /dev/null"#, client], &arguments(client, &port)[..]].concat();
        let emulator = Emulator::start(SIZE, &[], "sh", &arguments);
        let mut server = accept(&listener);
        server.sends("1\0emi\0premier\0\n");
        server.hears_the_end();
        drop(server);
        let shown = emulator.terminal.screen.to_the_end();
        assert!(shown.contains("premier") && !shown.contains('\x1b'), "{client}: {shown:?}");
    }
}

#[test]
fn the_last_message_starts_a_new_line_also_after_a_prompt_answered_by_a_pipe() {
    let (listener, port) = listening();
    let arguments = [&["-c", r#"echo typed | "$0" "$@""#, ECHO], &arguments(ECHO, &port)[..]].concat();
    let emulator = Emulator::start(SIZE, &[], "sh", &arguments);
    let mut server = accept(&listener);
    assert_eq!(server.hears_the_end(), b"typed");
    drop(server);
    let reason = "the server closed the connection, 1 line has not come back";
    emulator.terminal.shows(&format!("\r\n> \r\necho_client: {reason}\r\n"));
}

#[test]
fn without_a_terminal_plain_changes_nothing() {
    for client in CLIENTS {
        let _row = Row::of(&client);
        let [without, with] = [&[][..], &["--plain"]].map(|options| {
            let (listener, port) = listening();
            let program = Program::start(Command::new(client).args(arguments(client, &port)).args(options));
            let mut server = accept(&listener);
            server.sends("2\0rec\0un\x1b[1m\0deux\n");
            drop(server);
            program.out.to_the_end().replace(&port, "PORT")
        });
        assert!(without.contains("un") && without == with, "{client}: {without:?} {with:?}");
    }
}

#[test]
fn after_each_new_size_the_rows_are_drawn_once() {
    let (mut client, mut server) = with_fake_server(DIRECT);
    client.types("%bob%draft");
    client.cursor_is_behind("alice> %bob%draft");
    server.sends("bob: hi\n");
    client.sees("the message", |screen| screen.contents().contains("\nbob: hi\n").then_some(()));
    let wide = format!("── connected · {} · alice · Tab completes names", place(&server));
    let full = "alice> %bob%draft";
    for (columns, rows, status, line) in
        [(30, 10, "── connected · alice", full), (12, 10, "connected", "> <%draft"), (100, 30, &wide, full)]
    {
        let _row = Row::of(&(&columns, &rows, &status, &line));
        client.resizes_to(columns, rows);
        client.sees("the rows, once", |screen| {
            let all = rows_of(screen);
            let once = all.iter().filter(|row| row.starts_with("──") || *row == "connected").count() == 1;
            (once && all.ends_with(&[status.to_string(), line.to_string()])).then_some(())
        });
    }
    server.sends("bob: again\n");
    client.ends_with(&["bob: again", &wide, "alice> %bob%draft"]);
}

fn is_full(pipe: &PipeWriter) -> bool {
    poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::POLLOUT)], PollTimeout::ZERO).unwrap() == 0
}

#[test]
fn the_first_signal_ends_a_client_whose_output_nobody_reads() {
    let rows: Vec<_> = CLIENTS.iter().flat_map(|client| [(client, SIGTERM), (client, SIGINT)]).collect();
    for_each_at_once(&rows, |_, &(client, signal)| {
        let (listener, port) = listening();
        let (_reader, writer) = std::io::pipe().unwrap();
        let mut command = Command::new("env");
        // Test runners in the background may ignore SIGINT, which the client would inherit.
        command.arg("--default-signal=INT").arg(client).args(arguments(client, &port));
        let mut program = Program::start_with_its_own_output(command.stdout(writer.try_clone().unwrap()));
        let mut server = accept(&listener);
        // More than a pipe holds.
        server.sends(["1\0rec\0", &format!("{}\0\n", "x".repeat(98)).repeat(1000)].concat());
        eventually("a full pipe", || is_full(&writer).then_some(()));
        program.signal(signal);
        assert_eq!(program.ends().code(), Some(0));
        let said = program.err.to_the_end();
        assert!(said.contains("interrupted, goodbye") || said.contains("interrompu, au revoir"), "{said}");
    });
}
