//! `relay_client`: the turn, and lines typed out of turn.

use super::*;

const TOO_EARLY: &str = "── ce n'est pas à vous · la ligne attend ici · au tour de votre partenaire";

/// A client that has received `greeting`: its number and its role.
#[track_caller]
fn with_role(greeting: &str) -> (Emulator, Peer) {
    let (mut client, mut server) = with_fake_server(RELAY);
    server.sends(greeting);
    client.sees("its role", |screen| screen.contents().contains("\nVotre rôle").then_some(()));
    (client, server)
}

#[test]
fn prompt_and_status_show_the_turn() {
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
fn an_incoming_message_changes_the_prompt_and_not_the_typed_line() {
    let (mut client, mut server) = with_role("2\0rec\0");
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
fn two_clients_of_ours_talk_in_turn() {
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
fn a_line_entered_out_of_turn_stays_behind_the_prompt() {
    let (mut client, mut server) = with_role("2\0rec\0");
    client.types("trop tôt\r");
    client.sees("why", |screen| screen.contents().contains(TOO_EARLY).then_some(()));
    client.cursor_is_behind("attendez> trop tôt");
    // The next key goes into the line.
    client.types(" !");
    client.cursor_is_behind("attendez> trop tôt !");
    client.sees("no notice any more", |screen| (!screen.contents().contains(TOO_EARLY)).then_some(()));
    client.types("\r");
    client.sees("why", |screen| screen.contents().contains(TOO_EARLY).then_some(()));
    server.sends("à toi\0");
    let ours = format!("── à vous de parler · client 2 · {}", place(&server));
    client.ends_with(&["Reçu : à toi", &ours, "à vous> trop tôt !"]);
    client.types("\r");
    server.hears("trop tôt !\0");
}

#[test]
fn the_reason_why_a_line_cannot_be_sent_yet_is_shown() {
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
fn pasted_lines_are_sent_one_per_turn_and_the_status_counts_the_rest() {
    let (mut client, mut server) = with_role("1\0emi\0");
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
fn lines_pasted_without_bracketed_paste_wait_too() {
    let (mut client, mut server) = with_role("1\0emi\0");
    client.types("un\rdeux\rtrois");
    server.hears("un\0");
    client.cursor_is_behind("attendez> trois");
    server.sends("et\0");
    server.hears("deux\0");
    server.sends("enfin\0");
    client.cursor_is_behind("à vous> trois");
}

#[test]
fn a_line_longer_than_a_message_is_sent_in_pieces_one_per_turn() {
    let (mut client, mut server) = with_role("1\0emi\0");
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
fn a_line_and_the_end_of_input_typed_out_of_turn_are_both_sent() {
    let (mut client, mut server) = with_role("1\0rec\0");
    client.cursor_is_behind("attendez> ");
    client.types("au revoir\r\x04");
    client
        .sees("that it will leave", |screen| screen.contents().contains("1 ligne en attente").then_some(()));
    server.sends("et toi ?\0");
    server.hears("au revoir\0");
    assert_eq!(server.hears_the_end(), b"fin\0");
}

#[test]
fn the_client_leaves_after_the_waiting_lines_or_at_a_second_request_at_once() {
    for (key, last_line) in [
        ("", "fin de l'entrée, au revoir"),
        ("\x03", "interrompu, au revoir (1 ligne n'est pas partie)"),
        ("typed by one who leaves\r\x04", "fin de l'entrée, au revoir (1 ligne n'est pas partie)"),
    ] {
        let _row = Row::of(&(&key, &last_line));
        let (mut client, mut server) = with_role("1\0emi\0");
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
        client.ends_with(&[&format!("relay_client : {last_line}")]);
        assert_eq!(client.terminal.ends().code(), Some(0));
    }
}

#[test]
fn without_waiting_lines_the_client_leaves_at_once_in_every_state() {
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
fn keys_typed_while_leaving_do_not_reach_the_shell() {
    let (mut client, mut server) = with_fake_server_under_a_shell();
    client.cursor_is_behind("attendez> ");
    client.types("\x04");
    assert_eq!(server.hears_the_end(), b"fin\0");
    client.types("not for the shell\r");
    // The line has been read once the next text stands alone behind the prompt.
    client.types("seen");
    client.cursor_is_behind("attendez> seen");
    drop(server);
    client.sees("the end", |screen| screen.contents().contains("\nstatus 0").then_some(()));
    client.types("for it\r");
    client.sees("what the shell reads", |screen| screen.contents().contains("read <for it>").then_some(()));
}

#[test]
fn an_empty_line_does_not_give_the_turn_away() {
    let (mut client, mut server) = with_role("1\0emi\0");
    client.cursor_is_behind("à vous> ");
    client.types("\r");
    client.sees("a note", |screen| {
        screen.contents().contains("── rien à dire ? · tapez un message").then_some(())
    });
    // Two Enters at once are neither a paste nor a message.
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
    let (mut client, mut server) = with_role("1\0emi\0");
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
fn lines_beyond_the_limit_of_waiting_lines_are_refused_with_a_notice() {
    let (mut client, mut server) = with_role("1\0emi\0");
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
fn typing_fin_leaves() {
    let (mut client, mut server) = with_role("1\0emi\0");
    client.cursor_is_behind("à vous> ");
    client.types("fin\r");
    assert_eq!(server.hears_the_end(), b"fin\0");
    drop(server);
    client.ends_with(&["à vous> fin", "Vous partez", "relay_client : fin de l'entrée, au revoir"]);
    assert_eq!(client.terminal.ends().code(), Some(0));
}
