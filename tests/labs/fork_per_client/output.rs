//! Clients are served whatever happens to the server's standard output.

use super::*;

/// Starts a server with this standard output and expects it to serve several clients at once. The
/// port is read from the socket table, since its first line may be unreadable.
#[track_caller]
fn serves_with_output_to(lab: &Lab, mut command: Command) {
    let mut server = Program::start_with_its_own_output(&mut command);
    // The command holds a copy of the output's descriptor.
    drop(command);
    let pid = server.pid();
    let port = eventually("the listening port", || {
        let shown = Command::new("ss").args(["-Hltnp"]).output().ok()?.stdout;
        let shown = String::from_utf8_lossy(&shown).into_owned();
        let line = shown.lines().find(|line| line.contains(&format!("pid={pid},")))?;
        line.split_whitespace().nth(3)?.rsplit(':').next()?.parse::<u16>().ok()
    });
    let address = (std::net::Ipv4Addr::LOCALHOST, port).into();
    // Far more lines than any pipe or terminal holds, from several children at once.
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut peer = Peer::connect(address);
                (0..300).for_each(|_| (lab.talk)(&mut peer));
            });
        }
    });
    server.signal(SIGTERM);
    assert!(server.ends().success());
}

fn command_of(lab: &Lab, stdout: impl Into<Stdio>) -> Command {
    let mut command = Command::new(lab.server);
    command.args(["--bind", "127.0.0.1", "--port", "0"]).stdout(stdout);
    command
}

#[test]
fn clients_are_served_when_standard_output_is_a_full_disk_or_closed() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        serves_with_output_to(&lab, command_of(&lab, File::options().write(true).open("/dev/full").unwrap()));
        let mut closed = Command::new("sh");
        closed.args(["-c", "exec \"$0\" --bind 127.0.0.1 --port 0 >&-", lab.server]).stdout(Stdio::null());
        serves_with_output_to(&lab, closed);
    }
}

#[test]
fn clients_are_served_when_the_reader_of_standard_output_has_gone_or_stopped() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let (reader, writer) = std::io::pipe().unwrap();
        let command = command_of(&lab, writer);
        drop(reader);
        serves_with_output_to(&lab, command);
        let (reader, writer) = std::io::pipe().unwrap();
        serves_with_output_to(&lab, command_of(&lab, writer));
        drop(reader);
    }
}

/// As at `| tee log`, whose tee the same Ctrl+C has ended.
#[test]
fn a_server_that_ends_after_the_reader_of_its_output_says_so_on_standard_error() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        // A child that another test is just starting may hold a copy of the reader.
        eventually("its last line", || {
            let (reader, writer) = std::io::pipe().unwrap();
            let mut server = Program::start_with_its_own_output(&mut command_of(&lab, writer));
            BufReader::new(reader).read_line(&mut String::new()).unwrap();
            server.signal(SIGINT);
            assert!(server.ends().success());
            let said = server.err.to_the_end();
            assert!(!said.contains("continue") && !said.contains("goes on"), "{said}");
            said.contains("SIGINT").then_some(())
        });
    }
}

#[test]
fn clients_are_served_when_the_terminal_takes_no_output() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let terminal = nix::pty::openpty(None, None).unwrap();
        serves_with_output_to(&lab, command_of(&lab, terminal.slave));
        drop(terminal.master);
    }
}

#[test]
fn pending_lines_of_a_child_are_written_although_its_client_is_silent() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let (reader, writer) = std::io::pipe().unwrap();
        let _server = Program::start_with_its_own_output(&mut command_of(&lab, writer));
        let (mut reader, mut first) = (BufReader::with_capacity(1, reader), String::new());
        reader.read_line(&mut first).unwrap();
        let address = first.split_whitespace().find_map(|word| word.parse().ok()).expect("the address");
        let mut peer = Peer::connect(address);
        // The pipe holds 64 KiB, and as much waits in the child.
        (0..2000).for_each(|_| (lab.talk)(&mut peer));
        // The client is silent from now on, and the reader starts to read.
        let said = Output::gather(reader);
        said.wait_for("the pending lines of the child", |bytes| (bytes.len() > 100_000).then_some(()));
    }
}
