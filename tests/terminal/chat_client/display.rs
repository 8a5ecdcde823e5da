//! Incoming messages, and how they are displayed.

use super::*;

#[test]
fn incoming_messages_do_not_disturb_the_typed_line() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    let mut bob = server.join();
    alice.types("je tape une lon");
    alice.cursor_is_behind("alice> je tape une lon");
    bob.sends("bob : salut\0");
    alice.ends_with(&["bob : salut", &status(&server, "1 message"), "alice> je tape une lon"]);
    alice.types("gue phrase");
    bob.sends("bob : encore\0");
    let row = "alice> je tape une longue phrase";
    alice.ends_with(&["bob : salut", "bob : encore", &status(&server, "2 messages"), row]);
    alice.cursor_is_behind(row);
    alice.types("\r");
    assert_eq!(bob.strings(3)[2], "alice : je tape une longue phrase");
    alice.ends_with(&["» alice : je tape une longue phrase", &status(&server, "3 messages"), "alice>"]);
}

#[test]
fn a_flood_goes_into_the_scrollback_whole_and_in_order() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    alice.types("brouillon");
    let mut bob = server.join();
    bob.sends((1..=1000).map(|i| format!("bob : message {i} du flot\0")).collect::<String>());
    alice.ends_with(&["bob : message 1000 du flot", &status(&server, "1000 messages"), "alice> brouillon"]);
    let all = alice.with_scrollback();
    let heard: Vec<&String> = all.iter().filter(|row| row.ends_with(" du flot")).collect();
    let expected: Vec<String> = (1..=1000).map(|i| format!("bob : message {i} du flot")).collect();
    assert_eq!(heard, expected.iter().collect::<Vec<_>>());
    // No old status row or prompt is left among the messages.
    assert_eq!(all.iter().filter(|row| row.starts_with("──") || row.starts_with("alice>")).count(), 2);
}

#[test]
fn a_long_message_is_wrapped_by_the_terminal_itself() {
    let server = Server::start(&[]);
    let mut alice = alice_in(&server, (40, 10), &[], &[]);
    let url = format!("https://exemple.fr/{}", "x".repeat(60));
    server.join().sends(format!("bob : {url}\0"));
    alice.sees("the message, wrapped", |screen| {
        let row = (0..10).find(|&row| screen.contents_between(row, 0, row, 40).contains("bob : "))?;
        // The terminal wraps it, so that copied text is in one piece.
        let one_piece = screen.row_wrapped(row) && screen.row_wrapped(row + 1);
        (one_piece && screen.contents_between(row, 0, row + 2, 40).contains(&url)).then_some(())
    });
}

/// Waits for `text` on the screen. Returns its first cell.
#[track_caller]
fn cell_of(alice: &mut Emulator, text: &str) -> vt100::Cell {
    alice.sees(&format!("{text:?}"), |screen| {
        let (_, columns) = screen.size();
        let at = |(row, shown): (usize, String)| Some((row, shown[..shown.find(text)?].chars().count()));
        let (row, column) = screen.rows(0, columns.get()).enumerate().find_map(at)?;
        screen.cell(row as u16, column as u16).cloned()
    })
}

#[test]
fn a_name_has_a_colour_the_time_is_dim_and_own_messages_are_bold() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    let mut bob = server.join();
    bob.sends("bob : un\0");
    bob.sends("carole : deux\0");
    alice.types("moi\r");
    let colour = cell_of(&mut alice, "bob : un").fgcolor();
    assert!(matches!(colour, vt100::Color::Idx(16..)), "{colour:?}");
    assert_ne!(cell_of(&mut alice, "carole : deux").fgcolor(), colour);
    assert_eq!(cell_of(&mut alice, "un").fgcolor(), vt100::Color::Default);
    bob.sends("bob : trois\0");
    assert_eq!(cell_of(&mut alice, "bob : trois").fgcolor(), colour, "the same for a name");
    assert!(cell_of(&mut alice, "» alice : moi").bold() && !cell_of(&mut alice, "bob : un").bold());
    assert!(cell_of(&mut alice, "──").dim());
    alice.sees("a dim time", |screen| {
        let row = screen.rows(0, 60).position(|row| row.ends_with(" bob : trois"))?;
        screen.cell(row as u16, 0)?.dim().then_some(())
    });
}

#[test]
fn no_color_removes_the_colours_and_keeps_the_marks() {
    let server = Server::start(&[]);
    let mut alice = alice_in(&server, (60, 10), &["NO_COLOR=1"], &[]);
    server.join().sends("bob : un\0");
    alice.types("moi\r");
    alice.sees("both messages", |screen| {
        let contents = screen.contents();
        (contents.contains("bob : un") && contents.contains("» alice : moi")).then_some(())
    });
    alice.sees("no colour", |screen| {
        let cells = (0..10).flat_map(|row| (0..60).filter_map(move |column| screen.cell(row, column)));
        cells.into_iter().all(|cell| cell.fgcolor() == vt100::Color::Default).then_some(())
    });
}

#[test]
fn messages_are_shown_escaped() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    let mut eve = server.join();
    eve.sends(&b"eve : \x1b]0;titre\x07\x1b[2J\r\x08 \xc2\x9b31m \xe2\x80\xaegauche\0"[..]);
    alice.ends_with(&[
        "eve : ^[]0;titre^G^[[2J^M^H <U+009B>31m <U+202E>gauche",
        &status(&server, "1 message"),
        "alice>",
    ]);
    eve.sends("eve : un\n12:00 » bob : deux\0");
    alice.ends_with(&["eve : un", "    | 12:00 » bob : deux", &status(&server, "2 messages"), "alice>"]);
    // A message with our name from another client is not marked as our own.
    eve.sends("alice : pas de moi\0");
    alice.ends_with(&["alice : pas de moi", &status(&server, "3 messages"), "alice>"]);
}

#[test]
fn no_message_looks_like_a_line_of_the_client() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    server.join().sends("-- de nouveau connecté\0» alice : moi ? non\0bonjour\0");
    alice.ends_with(&[
        "? : -- de nouveau connecté",
        "? : » alice : moi ? non",
        "? : bonjour",
        &status(&server, "3 messages"),
        "alice>",
    ]);
}

/// The notice, shown once, about a course's server: it relays to all clients but the sender.
const NOTHING_BACK: &str = "-- ce serveur ne vous renvoie pas vos messages tels quels : ils s'affichent dès qu'ils partent, marqués ›";

#[test]
fn a_server_that_does_not_echo_is_reported_once_and_no_message_is_hidden() {
    let server = Server::start_c();
    let mut alice = alice_in(&server, (120, 20), &[], &[]);
    server.wait_for_clients(1);
    alice.types("il y a quelqu'un ?\r");
    let first = "› alice : il y a quelqu'un ?";
    alice.ends_with(&[first, NOTHING_BACK, &status(&server, "1 message"), "alice>"]);
    let mut bob = server.connect();
    server.wait_for_clients(2);
    // Question and answer stay in order, and another client's equal text is shown: it cannot be
    // told from an echo, so that the question is awaited from then on.
    alice.types("ok\r");
    assert_eq!(bob.strings(1), ["alice : ok"]);
    bob.sends("alice : ok\0bob : moi\0");
    alice.ends_with(&[
        first,
        NOTHING_BACK,
        "› alice : ok",
        "» alice : ok",
        "bob : moi",
        &status(&server, "4 messages").replace("connecté", "connecté (1 message pas encore revenu)"),
        "alice>",
    ]);
}

#[test]
fn a_refused_message_is_marked_and_the_server_still_counts_as_echoing() {
    let server = Server::start(&["--distinct-names"]);
    let mut other = server.join();
    other.sends("alice : c'est mon nom\0");
    assert_eq!(other.strings(1), ["alice : c'est mon nom"]);
    let mut alice = alice_in(&server, (160, 20), &[], &[]);
    alice.types("refusé\r");
    let why = "chat_serveur : message non transmis : le pseudo « alice » est déjà pris (c'est ce qui précède « : »), choisissez-en un qui ne lui ressemble pas";
    alice.ends_with(&["› alice : refusé (non transmis)", why, &status(&server, "2 messages"), "alice>"]);
    drop(other);
    server.wait_for_children(1);
    alice.types("permis\r");
    alice.ends_with(&[why, "» alice : permis", &status(&server, "3 messages"), "alice>"]);
}

#[test]
fn sent_messages_are_shown_before_the_client_ends() {
    for (keys, last_line) in [("\x04", "fin de l'entrée, au revoir"), ("\x03", "interrompu, au revoir")] {
        let _row = Row::of(&(&keys, &last_line));
        // A message that has not come back is shown after 1 s. A busy machine may exceed that, not
        // ten times.
        let is_shown = (0..10).any(|_| {
            let server = Server::start_c();
            let mut alice = alice_in(&server, (80, 10), &[], &[]);
            let mut bob = server.connect();
            server.wait_for_clients(2);
            alice.types("à demain\r");
            assert_eq!(bob.strings(1), ["alice : à demain"]);
            alice.types(keys);
            assert_eq!(alice.terminal.ends().code(), Some(0));
            alice.terminal.screen.to_the_end();
            let rows = alice.sees("the last rows", |screen| Some(rows_of(screen)));
            assert_eq!(rows.last(), Some(&format!("chat_client : {last_line}")), "{rows:?}");
            assert!(rows.contains(&"› alice : à demain".to_string()), "{rows:?}");
            rows[rows.len() - 2] == "› alice : à demain"
        });
        assert!(is_shown, "only when it was overdue");
    }
}

#[test]
fn a_server_that_does_not_read_shows_in_the_status() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut alice = Emulator::start((90, 10), &[], CLIENT, &["127.0.0.1", "alice", "--port", &port]);
    let (server, _) = listener.accept().unwrap();
    alice.sees("the prompt", |screen| screen.contents().contains("alice> ").then_some(()));
    let paste = format!("\x1b[200~{}\x1b[201~", format!("{}\n", "x".repeat(900)).repeat(1100));
    // Pastes until the buffers of both sides are full.
    let state = loop {
        alice.types(&paste);
        alice.sees("the question", |screen| screen.contents().contains("1100 lignes collées").then_some(()));
        alice.types("\r");
        let state = alice.sees("the state", |screen| {
            let contents = screen.contents();
            let status = contents.lines().find(|row| row.starts_with("──"))?;
            (!status.contains("collées")).then(|| status.to_string())
        });
        if state.contains("ne prend pas tout") {
            break state;
        }
    };
    assert!(state.contains("messages attendent"), "{state}");
    // The user can type on, and leave.
    alice.types("suite");
    alice.cursor_is_behind("alice> suite");
    alice.types("\x03");
    assert_eq!(alice.terminal.ends().code(), Some(0));
    drop(server);
}

#[test]
fn plain_looks_like_the_courses_client() {
    let server = Server::start(&[]);
    let mut alice = alice_in(&server, (80, 10), &[], &["--plain"]);
    server.join().sends("bob : salut\0");
    let opening = format!("Connecté à 127.0.0.1:{} sous le nom alice (Ctrl+D pour partir)", server.port());
    alice.sees("the course's look", |screen| {
        (rows_of(screen) == [&opening, "alice>", "bob : salut", "alice>"]).then_some(())
    });
    assert!(!alice.terminal.screen.so_far().contains('\x1b'));
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_gets_the_plain_look() {
    let server = Server::start(&[]);
    for term in ["TERM=dumb", "TERM="] {
        let _row = Row::of(&term);
        let alice = alice_in(&server, (60, 10), &[term], &[]);
        assert!(!alice.terminal.screen.so_far().contains('\x1b'));
    }
}

#[test]
fn help_lists_the_keys_and_is_not_wrapped_twice() {
    let mut help = Emulator::start((80, 60), &[], CLIENT, &["--help"]);
    assert_eq!(help.terminal.ends().code(), Some(0));
    let rows = help.sees("the last row", |screen| {
        let rows = rows_of(screen);
        rows.last()?.trim_start().starts_with("--").then_some(rows)
    });
    for told in ["Touches", "Ctrl+Z", "ligne collée", "»"] {
        let _row = Row::of(&told);
        assert!(rows.iter().any(|row| row.contains(told)), "{told}: {rows:?}");
    }
    for two in rows.windows(2) {
        let is_prose = |row: &str| row.starts_with(char::is_alphanumeric) && !row.ends_with(':');
        if let Some(word) = two[1].split(' ').next().filter(|_| is_prose(&two[0]) && is_prose(&two[1])) {
            // A row ends where the next word does not fit.
            assert!(two[0].chars().count() + 1 + word.chars().count() > 80, "{two:?}");
        }
    }
}
