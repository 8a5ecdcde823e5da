//! `relay_client`: whose turn it is, and what is typed when it is not one's own.

use super::*;

const TOO_EARLY: &str = "── ce n'est pas à vous · la ligne attend ici · au tour de votre partenaire";

/// A client that has its number and its role.
#[track_caller]
fn told(said: &str) -> (Emulator, Peer) {
    let (mut client, mut server) = with_fake_server(RELAY);
    server.sends(said);
    client.sees("its role", |screen| screen.contents().contains("\nVotre rôle").then_some(()));
    (client, server)
}

#[test]
fn prompt_and_status_show_whose_turn_it_is() {
    let (mut client, mut server) = with_fake_server(RELAY);
    let place = place(&server);
    client.ends_with(&[&format!("── en attente d'une place · {place}"), "attendez>"]);
    server.sends("2\0");
    client.ends_with(&[
        "Vous êtes le client 2 ; on commence dès que l'autre est là",
        &format!("── en attente d'un partenaire · client 2 · {place}"),
        "attendez>",
    ]);
    server.sends("rec\0");
    let theirs = format!("── au tour de votre partenaire · client 2 · {place}");
    client.ends_with(&["Votre rôle : rec, votre partenaire parle en premier", &theirs, "attendez>"]);
    server.sends("bonjour\0");
    client.ends_with(&["Reçu : bonjour", &format!("── à vous de parler · client 2 · {place}"), "à vous>"]);
    client.types("salut\r");
    server.hears("salut\0");
    client.ends_with(&["Reçu : bonjour", "à vous> salut", &theirs, "attendez>"]);
}

#[test]
fn what_one_types_is_not_torn_by_what_arrives_and_changes_its_prompt_alone() {
    let (mut client, mut server) = told("2\0rec\0");
    client.types("je commence une");
    client.cursor_is_behind("attendez> je commence une");
    server.sends("bonjour\x1b[2J\r\n\0");
    client.cursor_is_behind("à vous> je commence une");
    client.types(" phrase\r");
    server.hears("je commence une phrase\0");
    client.sees("both messages whole", |screen| {
        let rows = rows_of(screen);
        let (last, before) = (rows.len() - 3, rows.len() - 4);
        let whole = ["Reçu : bonjour^[[2J", "à vous> je commence une phrase"];
        (rows[before] == whole[0] && rows[last] == whole[1]).then_some(())
    });
}

#[test]
fn two_of_ours_talk_in_turn() {
    let server = Server::of(RELAY_SERVER, &[]);
    let start = || Emulator::start(SIZE, &[], RELAY, &["--port", &server.port()]);
    let mut first = start();
    first.sees("its number", |screen| screen.contents().contains("le client 1").then_some(()));
    let mut second = start();
    first.cursor_is_behind("à vous> ");
    first.types("bonjour\r");
    second.cursor_is_behind("à vous> ");
    first.types("impatient");
    second.types("salut\r");
    first.cursor_is_behind("à vous> impatient");
    first.sees("the answer", |screen| screen.contents().contains("\nReçu : salut\n").then_some(()));
}

#[test]
fn a_line_entered_too_early_stays_where_it_was_typed() {
    let (mut client, mut server) = told("2\0rec\0");
    client.types("trop tôt\r");
    client.sees("why", |screen| screen.contents().contains(TOO_EARLY).then_some(()));
    client.cursor_is_behind("attendez> trop tôt");
    // The next key is for the line.
    client.types(" !");
    client.cursor_is_behind("attendez> trop tôt !");
    client.sees("no reproach any more", |screen| (!screen.contents().contains(TOO_EARLY)).then_some(()));
    client.types("\r");
    client.sees("why", |screen| screen.contents().contains(TOO_EARLY).then_some(()));
    server.sends("à toi\0");
    let ours = format!("── à vous de parler · client 2 · {}", place(&server));
    client.ends_with(&["Reçu : à toi", &ours, "à vous> trop tôt !"]);
    client.types("\r");
    server.hears("trop tôt !\0");
}

#[test]
fn one_learns_why_a_line_cannot_be_said_yet() {
    let (mut client, mut server) = with_fake_server(RELAY);
    for (said, why) in [("", "pas encore de place"), ("1\0", "pas encore de partenaire")] {
        let _row = Row::of(&(&said, &why));
        server.sends(said);
        let state = if said.is_empty() { "d'une place" } else { "d'un partenaire" };
        client.sees(state, |screen| screen.contents().contains(state).then_some(()));
        client.types("x\r");
        client.sees(why, |screen| screen.contents().contains(&format!("── {why}")).then_some(()));
    }
    server.sends("emi\0");
    client.cursor_is_behind("à vous> xx");
}

#[test]
fn pasted_lines_go_one_a_turn_and_the_status_counts_those_that_wait() {
    let (mut client, mut server) = told("1\0emi\0");
    client.cursor_is_behind("à vous> ");
    client.types("brouillon\x1b[200~un\ndeux\n\ntrois\n\x1b[201~");
    client.sees("the question", |screen| screen.contents().contains("── 3 lignes collées").then_some(()));
    client.types("\r");
    server.hears("un\0");
    client.sees("how many wait", |screen| {
        screen.contents().contains("── 2 lignes en attente · au tour de").then_some(())
    });
    client.cursor_is_behind("attendez> brouillon");
    server.sends("et\0");
    server.hears("deux\0");
    client.sees("that one waits", |screen| screen.contents().contains("── 1 ligne en attente").then_some(()));
    server.sends("et puis\0");
    server.hears("trois\0");
    server.sends("enfin\0");
    let status = format!("── à vous de parler · client 1 · {}", place(&server));
    let said = ["à vous> un", "Reçu : et", "à vous> deux", "Reçu : et puis", "à vous> trois", "Reçu : enfin"];
    client.ends_with(&[&said[..], &[&status, "à vous> brouillon"]].concat());
}

#[test]
fn lines_of_a_terminal_that_does_not_mark_pastes_wait_too() {
    let (mut client, mut server) = told("1\0emi\0");
    client.types("un\rdeux\rtrois");
    server.hears("un\0");
    client.cursor_is_behind("attendez> trois");
    server.sends("et\0");
    server.hears("deux\0");
    server.sends("enfin\0");
    client.cursor_is_behind("à vous> trois");
}

#[test]
fn a_line_longer_than_a_message_goes_in_pieces_one_a_turn() {
    let (mut client, mut server) = told("1\0emi\0");
    client.cursor_is_behind("à vous> ");
    let line = "é€🦀x".repeat(150);
    client.types(&format!("\x1b[200~{line}\x1b[201~\r"));
    let first = server.strings(1).remove(0);
    client.sees("that the rest waits", |screen| {
        screen.contents().contains("── 1 ligne en attente").then_some(())
    });
    server.sends("et ?\0");
    assert_eq!(first + &server.strings(1)[0], line);
}

#[test]
fn a_line_and_the_end_that_come_at_once_out_of_turn_are_both_heard() {
    let (mut client, mut server) = told("1\0rec\0");
    client.cursor_is_behind("attendez> ");
    client.types("au revoir\r\x04");
    client
        .sees("that it will leave", |screen| screen.contents().contains("1 ligne en attente").then_some(()));
    server.sends("et toi ?\0");
    server.hears("au revoir\0");
    assert_eq!(server.hears_the_end(), b"fin\0");
}

#[test]
fn who_leaves_while_lines_wait_leaves_after_them_or_at_once() {
    let interrupted = "interrompu, au revoir";
    let ended = "fin de l'entrée, au revoir";
    for (key, farewell) in [("", ended), ("\x03", interrupted), ("typed by one who leaves\r\x04", ended)] {
        let _row = Row::of(&(&key, &farewell));
        let (mut client, mut server) = told("1\0emi\0");
        client.cursor_is_behind("à vous> ");
        client.types("un\rdeux\r");
        server.hears("un\0");
        client.cursor_is_behind("attendez> ");
        client.types("\x04");
        client.sees("that it will leave", |screen| {
            screen
                .contents()
                .contains("── départ dès que possible · Ctrl+D : tout de suite · 1 ligne en attente")
                .then_some(())
        });
        match key {
            "" => {
                server.sends("et\0");
                server.hears("deux\0");
            }
            key => client.types(key),
        }
        assert_eq!(server.hears_the_end(), b"fin\0");
        drop(server);
        client.ends_with(&[&format!("relay_client : {farewell}")]);
        assert_eq!(client.terminal.ends().code(), Some(0));
    }
}

#[test]
fn with_nothing_waiting_one_leaves_at_once_whoevers_turn_it_is() {
    for (said, state) in [
        ("", "en attente d'une place"),
        ("1\0", "en attente d'un partenaire"),
        ("2\0rec\0", "au tour de votre partenaire"),
        ("1\0emi\0", "à vous de parler"),
    ] {
        let _row = Row::of(&(&said, &state));
        for keys in ["fin\r", "\x04"] {
            let _row = Row::of(&keys);
            let (mut client, mut server) = with_fake_server(RELAY);
            server.sends(said);
            client.sees(state, |screen| screen.contents().contains(&format!("── {state}")).then_some(()));
            client.types(keys);
            assert_eq!(server.hears_the_end(), b"fin\0", "{said:?} {keys:?}");
            drop(server);
            client.ends_with(&["relay_client : fin de l'entrée, au revoir"]);
        }
    }
}

#[test]
fn what_is_typed_while_leaving_is_no_command_for_the_shell() {
    let (mut client, mut server) = with_fake_server_under_a_shell();
    client.cursor_is_behind("attendez> ");
    client.types("\x04");
    assert_eq!(server.hears_the_end(), b"fin\0");
    client.types("not for the shell\r");
    // It has been read when the line is empty again: what was typed last is shown.
    client.types("seen");
    client.cursor_is_behind("attendez> seen");
    drop(server);
    client.sees("the end", |screen| screen.contents().contains("\nstatus 0").then_some(()));
    client.types("for it\r");
    client.sees("what the shell reads", |screen| screen.contents().contains("read <for it>").then_some(()));
}

#[test]
fn an_empty_message_does_not_give_ones_turn_away() {
    let (mut client, mut server) = told("1\0emi\0");
    client.cursor_is_behind("à vous> ");
    client.types("\r");
    client.sees("a note", |screen| {
        screen.contents().contains("── rien à dire ? · tapez un message").then_some(())
    });
    // Two Enters at once are no paste, and no message either.
    client.types("un\r\r");
    server.hears("un\0");
    client.cursor_is_behind("attendez> ");
    client.types("deux\r\r");
    client.cursor_is_behind("attendez> deux");
    server.sends("et\0");
    client.cursor_is_behind("à vous> deux");
    client.types("\r");
    server.hears("deux\0");
}

#[test]
fn a_long_line_that_ends_in_fin_does_not_leave() {
    let (mut client, mut server) = told("1\0emi\0");
    client.cursor_is_behind("à vous> ");
    let line = "x".repeat(1023) + "fin";
    client.types(&format!("\x1b[200~{line}\x1b[201~\r"));
    let first = server.strings(1).remove(0);
    server.sends("et ?\0");
    let last = server.strings(1).remove(0);
    assert!(last.len() > 3 && first + &last == line);
    server.sends("encore\0");
    client.cursor_is_behind("à vous> ");
}

#[test]
fn more_than_may_wait_is_not_taken_and_the_user_is_told() {
    let (mut client, mut server) = told("1\0emi\0");
    client.cursor_is_behind("à vous> ");
    let paste = format!("\x1b[200~{}\x1b[201~", "x\n".repeat(6000));
    let question = |screen: &vt100::Screen| screen.contents().contains("6000 lignes collées").then_some(());
    client.types(&paste);
    client.sees("the question", question);
    client.types("\r");
    server.hears("x\0");
    client.sees("that they wait", |screen| {
        screen.contents().contains("── 5999 lignes en attente").then_some(())
    });
    client.types(&paste);
    client.sees("the question", question);
    client.types("\r");
    let full = "── trop de lignes attendent · rien n'est pris · 5999 lignes en attente";
    client.sees("that it is too much", |screen| screen.contents().contains(full).then_some(()));
}

#[test]
fn fin_leaves() {
    let (mut client, mut server) = told("1\0emi\0");
    client.cursor_is_behind("à vous> ");
    client.types("fin\r");
    assert_eq!(server.hears_the_end(), b"fin\0");
    drop(server);
    client.ends_with(&["à vous> fin", "Vous partez", "relay_client : fin de l'entrée, au revoir"]);
    assert_eq!(client.terminal.ends().code(), Some(0));
}
