//! Processes and descriptors of the server as `ps`, `ss` and /proc show them: docs/PROTOCOLS.md,
//! section 1, "Processes and descriptors".

use crate::common::*;

use nix::sys::signal::Signal::{SIGINT, SIGTERM};
use std::process::Command;

#[track_caller]
fn stdout_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn numbers(open: &[(i32, String)]) -> Vec<i32> {
    open.iter().map(|(number, _)| *number).collect()
}

#[test]
fn n_clients_are_n_plus_1_processes_with_one_name_and_one_parent() {
    let server = Server::start(&[]);
    let _clients = [server.join(), server.join(), server.join()];
    let pid = server.pid().to_string();
    let shown = stdout_of("ps", &["-o", "pid=,ppid=,comm=", "--pid", &pid, "--ppid", &pid]);
    let rows: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 4, "{shown}");
    assert!(rows.iter().all(|row| row[2] == "chat_serveur"), "{shown}");
    assert_eq!(rows.iter().filter(|row| row[1] == pid).count(), 3, "{shown}");
}

#[test]
fn the_pipe_is_3_and_4_the_listener_5_and_the_first_client_6() {
    let server = Server::start(&[]);
    let _clients = [server.join(), server.join()];
    let open = descriptors_of(server.pid());
    let what = |number: i32| &open.iter().find(|(n, _)| *n == number).expect("open").1;
    assert_eq!(numbers(&open)[..8], [0, 1, 2, 3, 4, 5, 6, 7]);
    assert!(what(3).starts_with("pipe:") && what(3) == what(4));
    assert!([5, 6, 7].iter().all(|&n| what(n).starts_with("socket:")));
    // Further descriptors of the server lie above those of a lab room.
    assert!(numbers(&open)[8..].iter().all(|&number| number >= 48), "{open:?}");
}

#[test]
fn a_child_holds_only_the_pipes_write_end_and_its_socket_under_the_parents_numbers() {
    let server = Server::start(&[]);
    let clients = [server.join(), server.join(), server.join()];
    let parent = descriptors_of(server.pid());
    for (client, socket) in clients.iter().zip([6, 7, 8]) {
        let _row = Row::of(&socket);
        let child = server.child_of(client);
        let open = descriptors_of_child(child);
        assert_eq!(numbers(&open), [0, 1, 2, 4, socket]);
        // Neither the keyboard nor the screen.
        assert!(open[..2].iter().all(|(_, what)| what == "/dev/null"), "{open:?}");
        assert!(open[2..].iter().all(|descriptor| parent.contains(descriptor)), "{open:?} of {parent:?}");
    }
}

#[test]
fn in_a_room_of_hundreds_the_descriptors_of_child_and_parent_are_the_same() {
    let server = Server::start(&[]);
    let before = descriptors_of(server.pid());
    let mut clients: Vec<Peer> = (0..600).map(|_| server.connect()).collect();
    server.wait_for_children(600);
    // During the last fork, one descriptor is swapped for another.
    let parent = eventually("the parent to have its old descriptors", || {
        let held = |parent: &Vec<(i32, String)>| before.iter().all(|descriptor| parent.contains(descriptor));
        Some(descriptors_of(server.pid())).filter(held)
    });
    for client in &clients[590..] {
        let child = server.child_of(client);
        let open = descriptors_of_child(child);
        assert!(numbers(&open)[..4] == [0, 1, 2, 4] && open[4].0 > 512, "{open:?}");
        assert!(open[..2].iter().all(|(_, what)| what == "/dev/null"), "{open:?}");
        assert!(open[2..].iter().all(|descriptor| parent.contains(descriptor)), "{open:?} of {parent:?}");
        assert!(!catches_sigterm(child), "signal handlers must be reset");
    }
    clients[599].sends("de la foule\0");
    clients[0].hears("de la foule\0\0");
    clients.truncate(300);
    server.wait_for_children(300);
    clients.push(server.join());
    clients[300].sends("et encore\0");
    clients[0].hears("et encore\0\0");
    clients.clear();
    server.wait_for_children(0);
    eventually("descriptors as before", || (descriptors_of(server.pid()) == before).then_some(()));
}

#[test]
fn ss_shows_each_connection_held_by_the_parent_and_its_child() {
    let server = Server::start(&[]);
    let clients = [server.join(), server.join()];
    for (client, socket) in clients.iter().zip([6, 7]) {
        let child = server.child_of(client);
        descriptors_of_child(child);
        let port = client.stream.local_addr().unwrap().port();
        let shown = stdout_of("ss", &["-Htnp", &format!("sport = :{} and dport = :{port}", server.port())]);
        let (_, holders) = shown.split_once("users:").expect("ss -p shows the holders");
        assert_eq!(holders.matches("pid=").count(), 2, "{shown}");
        for pid in [server.pid(), child] {
            let _row = Row::of(&pid);
            assert!(holders.contains(&format!("(\"chat_serveur\",pid={pid},fd={socket})")), "{shown}");
        }
    }
}

#[test]
fn ss_shows_the_listener_as_5_held_by_the_parent_alone_with_its_backlog() {
    for (options, backlog) in [(&[][..], "128"), (&["--backlog", "7"], "7")] {
        let _row = Row::of(&(&options, &backlog));
        let server = Server::start(options);
        let client = server.join();
        descriptors_of_child(server.child_of(&client));
        let shown = stdout_of("ss", &["-Hltnp", "sport", "=", &format!(":{}", server.port())]);
        let fields: Vec<&str> = shown.split_whitespace().collect();
        assert_eq!(fields[2], backlog, "{shown}");
        assert_eq!(fields[5], format!("users:((\"chat_serveur\",pid={},fd=5))", server.pid()), "{shown}");
    }
}

#[test]
fn inherited_descriptors_do_not_shift_the_table() {
    // A shell that leaves 3 and 7 open, as editors and terminals do.
    let server = Server::from(Command::new("sh").args([
        "-c",
        "exec 3</dev/null 7</dev/null; exec \"$0\" --bind 127.0.0.1 --port 0",
        SERVER,
    ]));
    let _client = server.join();
    let open = descriptors_of(server.pid());
    assert_eq!(numbers(&open)[..7], [0, 1, 2, 3, 4, 5, 6]);
    // Above the clients, the server has one of its own.
    assert!(open.iter().all(|(number, what)| !(3..48).contains(number) || what != "/dev/null"), "{open:?}");
}

#[test]
fn closed_standard_descriptors_do_not_shift_the_table() {
    let directory = tempfile::tempdir().unwrap();
    let said = directory.path().join("said");
    let mut server = Program::start(Command::new("sh").args([
        "-c",
        "exec 0<&- 2>&-; exec \"$0\" --bind 127.0.0.1 --port 0 >\"$1\"",
        SERVER,
        said.to_str().unwrap(),
    ]));
    eventually("the first line", || std::fs::read_to_string(&said).ok().filter(|text| text.contains('\n')));
    let open = descriptors_of(server.pid());
    assert_eq!(numbers(&open)[..6], [0, 1, 2, 3, 4, 5]);
    assert!(open[3].1.starts_with("pipe:") && open[5].1.starts_with("socket:"));
    server.signal(SIGTERM);
    assert!(server.ends().success());
}

#[test]
fn a_departed_client_leaves_no_process_no_zombie_and_no_descriptor() {
    let server = Server::start(&[]);
    let before = descriptors_of(server.pid());
    for _ in 0..3 {
        let clients = [server.join(), server.join(), server.join()];
        let [closes, resets, mut half_closes] = clients;
        drop(closes);
        resets.resets();
        half_closes.half_closes();
        half_closes.hears_the_end();
        server.wait_for_children(0);
    }
    eventually("descriptors as before", || (descriptors_of(server.pid()) == before).then_some(()));
}

#[test]
fn the_lowest_descriptor_is_reused() {
    let server = Server::start(&[]);
    let (first, _second) = (server.join(), server.join());
    drop(first);
    server.wait_for_children(1);
    server.program.out.line_with(&["est parti"]);
    let third = server.join();
    let address = third.stream.local_addr().unwrap().to_string();
    server.program.out.line_with(&["nouveau client", &address, "descripteur 6,"]);
}

#[test]
fn a_client_program_is_two_processes_that_share_descriptor_3() {
    let server = Server::start(&[]);
    let client = our_client(&server, "alice");
    let screen = eventually("the second process", || children_of(client.pid()).first().copied());
    let of = |pid| descriptors_of(pid).into_iter().find(|(number, _)| *number == 3).map(|(_, what)| what);
    let shared = of(client.pid()).expect("3 is open");
    assert!(shared.starts_with("socket:"));
    assert_eq!(of(screen), Some(shared));
    let shown = stdout_of("ss", &["-Htnp", "dport", "=", &format!(":{}", server.port())]);
    for pid in [client.pid(), screen] {
        let _row = Row::of(&pid);
        assert!(shown.contains(&format!("(\"chat_client\",pid={pid},fd=3)")), "{shown}");
    }
}

#[test]
fn sigint_and_sigterm_end_the_server_with_all_its_children_and_status_0() {
    for signal in [SIGINT, SIGTERM] {
        let _row = Row::of(&signal);
        let mut server = Server::start(&[]);
        let mut clients = [server.join(), server.join()];
        let children = server.children();
        server.program.signal(signal);
        assert_eq!(server.program.ends().code(), Some(0));
        assert!(children.into_iter().all(|child| !is_alive(child)));
        clients.iter_mut().for_each(|client| assert_eq!(client.hears_the_end(), b""));
        assert!(server.program.out.to_the_end().contains(&format!("{signal} reçu")));
    }
}

#[test]
fn a_signal_to_a_child_ends_only_that_child() {
    let server = Server::start(&[]);
    let (mut stays, mut loses) = (server.join(), server.join());
    let child = server.child_of(&loses);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child), SIGTERM).unwrap();
    assert_eq!(loses.hears_the_end(), b"");
    server.program.err.line_with(&["a perdu son fils, tué par SIGTERM", &format!("fils {child}")]);
    stays.sends("encore là\0");
    stays.hears("encore là\0\0");
}

#[test]
fn a_restart_binds_the_same_port_at_once() {
    let mut server = Server::start(&[]);
    // The server closes first, so its end of the connection stays in TIME_WAIT.
    let mut client = server.join();
    let port = server.port();
    server.program.signal(SIGINT);
    assert!(server.program.ends().success());
    client.hears_the_end();
    drop(client);
    let again = Server::from(Command::new(SERVER).args(["--bind", "127.0.0.1", "--port", &port]));
    assert_eq!(again.port(), port);
}

#[test]
fn an_idle_server_does_not_wake_up() {
    let server = Server::start(&[]);
    let mut clients: Vec<Peer> = (0..10).map(|_| server.join()).collect();
    clients[0].sends("une fois\0");
    clients.iter_mut().for_each(|client| client.hears("une fois\0\0"));
    let switches = |pid: i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let family: Vec<i32> = server.children().into_iter().chain([server.pid()]).collect();
    // No event proves idleness. Sample until two samples agree, then compare again later. 500 ms is
    // longer than any timer of the server here; a process that waits for a processor is not in
    // state S.
    let sleeps = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") S ");
    let settled = eventually("the server to settle", || {
        let look = || family.iter().map(|&pid| switches(pid)).sum::<u64>();
        let first = look();
        std::thread::sleep(std::time::Duration::from_millis(500));
        (family.iter().all(sleeps) && look() == first).then_some(first)
    });
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(family.iter().map(|&pid| switches(pid)).sum::<u64>(), settled);
}
