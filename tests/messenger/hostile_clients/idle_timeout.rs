//! Clients that send nothing, or next to nothing.

use super::*;

const ECHO: &str = env!("CARGO_BIN_EXE_echo_serveur");

#[test]
fn a_hundred_silent_clients_are_disconnected_and_the_active_one_stays() {
    let server = Server::start(&["--idle-timeout", "5"]);
    let mut speaker = server.join();
    let notice = "chat_serveur : vous n'avez rien dit depuis 5 s, vous êtes déconnecté\0";
    // Sends from the start: a hundred connections may take longer than the idle timeout.
    let mut speaker = std::thread::scope(|scope| {
        let server = &server;
        let speaks = scope.spawn(move || {
            let mut said = 0;
            // Until all others have connected and been disconnected.
            eventually("the silent clients to be disconnected", || {
                said += 1;
                speaker.sends(format!("{said}\0"));
                speaker.hears(format!("{said}\0\0"));
                let came = server.program.out.so_far().matches("nouveau client").count();
                (came == 101 && server.children().len() == 1).then_some(())
            });
            speaker
        });
        let mut silent: Vec<Peer> = (0..100).map(|_| server.connect()).collect();
        // NULs are no message.
        silent[0].sends("\0\0\0");
        for peer in &mut silent {
            let heard = String::from_utf8(peer.hears_the_end()).unwrap();
            assert!(heard.ends_with(notice), "{heard}");
        }
        speaks.join().unwrap()
    });
    server.program.out.line_with(&["n'a rien dit pendant trop longtemps"]);
    speaker.sends("encore là\0");
    speaker.hears("encore là\0\0");
}

#[test]
fn a_line_client_receives_the_timeout_as_a_line() {
    let server = Server::start(&["--lines", "0", "--idle-timeout", "1"]);
    let mut peer = Peer::connect(server.lines_address());
    let heard = String::from_utf8(peer.hears_the_end()).unwrap();
    assert!(
        heard.ends_with("chat_serveur : vous n'avez rien dit depuis 1 s, vous êtes déconnecté\n"),
        "{heard}"
    );
}

#[test]
fn a_slow_typist_is_not_idle_and_an_unfinished_line_is_relayed() {
    let server = Server::start(&["--lines", "0", "--idle-timeout", "3", "--pace", "0"]);
    let (mut slow, mut alice) = (Peer::connect(server.lines_address()), server.join());
    // Longer than the idle timeout in all, with far shorter pauses; alice must not be silent
    // either.
    for _ in 0..40 {
        slow.sends("x");
        alice.sends(".");
        alice.hears(".\0");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let notice = String::from_utf8(slow.hears_the_end()).unwrap();
    assert!(
        notice.ends_with(&format!(
            "{}\nchat_serveur : vous n'avez rien dit depuis 3 s, vous êtes déconnecté\n",
            "x".repeat(40)
        )),
        "{notice}"
    );
    server.program.out.line_with(&[&"x".repeat(30)]);
}

#[test]
#[cfg(target_os = "linux")]
fn by_default_there_is_no_idle_timeout() {
    let server = Server::start(&[]);
    let mut silent = server.join();
    let mut speaker = server.join();
    // Without a timeout, the child waits in recvfrom(2), or in poll(2) with timeout -1.
    let child = server.child_of(&silent);
    let call = eventually("the child's wait", || {
        let call = std::fs::read_to_string(format!("/proc/{child}/syscall")).ok()?;
        call.contains("0x").then_some(call)
    });
    let words: Vec<&str> = call.split_whitespace().collect();
    let waits_for_ever = words.contains(&"0xffffffff") || words.contains(&"0xffffffffffffffff");
    assert!(words[0] == libc::SYS_recvfrom.to_string() || waits_for_ever, "{call}");
    speaker.sends("on peut se taire\0");
    silent.hears("on peut se taire\0\0");
}

#[test]
fn echo_has_the_option_idle_timeout_too() {
    let server = server_of(ECHO, &["--idle-timeout", "1"]);
    let mut silent = server.connect();
    assert_eq!(silent.hears_the_end(), b"");
    server.program.out.line_with(&["was silent for too long"]);
    server.wait_for_children(0);
}
