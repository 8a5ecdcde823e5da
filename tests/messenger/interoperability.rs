//! Every pair of server and client, ours and in C, each variant of the C client: both directions.

use crate::common::*;

/// Variants of the C client, as the students write it, each with the message that it sends for
/// `salut` typed by bob.
const FORMS: [(&str, &str); 7] = [
    ("course", "bob : salut"),
    ("newline", "bob : salut\n"),
    ("arrow", "bob > salut\n"),
    ("bare", "salut\n"),
    ("newline-nul", "bob : salut\n"),
    ("padded", "bob : salut"),
    ("nul-run", "bob : salut"),
];

/// Waits for a message as both clients show it: newline, text, newline, prompt.
#[track_caller]
fn shows(program: &Program, text: &str, prompt: &str) {
    let shown = format!("\n{text}\n{prompt}> ");
    program.out.wait_for(&format!("{shown:?} on the screen"), |bytes| {
        String::from_utf8_lossy(bytes).contains(&shown).then_some(())
    });
}

/// Our client as alice and the C client as bob, in one room: each receives the message of the
/// other.
#[track_caller]
fn talk(server: &Server, variant: &str, form: &str) {
    let mut alice = our_client(server, "alice");
    let mut bob = c_client(server, "bob", variant);
    server.wait_for_clients(2);
    bob.types("salut\n");
    shows(&alice, form, "alice");
    if server.echoes() {
        // The C client shows one message per read: wait for the first before the second is sent.
        shows(&bob, form, "bob");
    }
    alice.types("bonjour\n");
    shows(&bob, "alice : bonjour", "bob");
    alice.closes_stdin();
    assert!(alice.ends().success());
    bob.closes_stdin();
    assert!(bob.ends().success());
}

#[test]
fn our_client_and_each_c_client_talk_through_our_server() {
    for (variant, form) in FORMS {
        let _row = Row::of(&(&variant, &form));
        talk(&Server::start(&[]), variant, form);
    }
}

#[test]
fn our_client_and_each_c_client_talk_through_the_c_server() {
    for (variant, form) in FORMS {
        let _row = Row::of(&(&variant, &form));
        talk(&Server::start_c(), variant, form);
    }
}

#[test]
fn two_of_our_clients_talk_through_both_servers() {
    for server in [Server::start(&[]), Server::start_c()] {
        let _row = Row::of(&name_of(server.pid()));
        let (mut alice, mut carole) = (our_client(&server, "alice"), our_client(&server, "carole"));
        server.wait_for_clients(2);
        alice.types("un\n");
        shows(&carole, "alice : un", "carole");
        carole.types("deux\n");
        shows(&alice, "carole : deux", "alice");
    }
}

#[test]
fn two_c_clients_of_any_variant_talk_through_our_server() {
    let server = Server::start(&[]);
    let listener = c_client(&server, "zoe", "course");
    for (i, (variant, form)) in FORMS.iter().enumerate() {
        let _row = Row::of(&variant);
        let mut bob = c_client(&server, "bob", variant);
        server.wait_for_clients(2);
        bob.types("salut\n");
        shows(&bob, form, "bob");
        let heard = format!("\n{form}\nzoe> ");
        listener.out.wait_for("each message once", |bytes| {
            let text = String::from_utf8_lossy(bytes);
            (text.matches(&heard).count() == FORMS[..=i].iter().filter(|(_, f)| f == form).count())
                .then_some(())
        });
        bob.closes_stdin();
        assert!(bob.ends().success());
        server.wait_for_clients(1);
    }
}
