/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * relay_client_c: imitates the course's client of the two-party relay, as a peer in tests. In:
 * lines on standard input, C strings on the socket. Out: `text\0` in one write on the socket; on
 * standard output `numéro N`, `rôle emi` or `rôle rec`, `reçu : text` for each message, `au revoir`
 * after `exit` from the server; on standard error `connected`, then errors only.
 *
 * Faults kept, because the server must cope with them: ONE recv for its number (at most 3 bytes),
 * one for its role (4), one per message (1024), each cut at its first NUL, so that strings merged
 * by the server are lost or misread; no keyboard input is read while it waits for a message; a line
 * of more than 1023 bytes is sent in pieces, one per turn; input is printed unchanged.
 * Differs from the course's client: Ctrl+C sends `fin` from the main loop instead of the handler;
 * the end of input counts as `fin`; an unknown role is an error; the socket is also polled while
 * the user types, so `exit` and a lost server end the client there too (a message out of turn is
 * printed and leaves the turn unchanged).
 *
 * Status: 0 after `exit`, `fin` or Ctrl+C, 1 when the server is gone or on any error, 2 for wrong
 * arguments.
 */
#include "common.h"
#include "connector.h"
#include "io.h"
#include "line_buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RELAY_PORT = 44573, NUMBER_MAX = 3, ROLE_MAX = 4, MESSAGE_MAX = 1024, TEXT_MAX = MESSAGE_MAX - 1 };

static const char PROGRAM[] = "relay_client_c";

enum ending { IN_ORDER, INTERRUPTED, FAILED };

struct client {
    int socket;
    int interrupted; /* `stop` of io.h: readable after SIGINT */
    struct line_buffer keyboard;
    enum ending ending; /* set by leave() */
};

/* Each step below returns true to continue, and ends by this. */
static bool leave(struct client *client, enum ending ending)
{
    client->ending = ending;
    return false;
}

/* Ends after a failed call of io.h. */
static bool leave_on_error(struct client *client, const char *doing, const char *whom)
{
    if (errno == 0)
        return leave(client, INTERRUPTED);
    report_error(PROGRAM, doing, whom);
    return leave(client, FAILED);
}

static bool print_text(struct client *client, const char *label, const char *text)
{
    return print_line(label, text, client->interrupted)
        || leave_on_error(client, "writing to", "standard output");
}

static bool send_text(struct client *client, const char *text)
{
    return write_all(client->socket, text, strlen(text) + 1, client->interrupted)
        || leave_on_error(client, "writing to", "the server");
}

/* Receives once. `text` holds `most` bytes and a NUL. */
static bool receive(struct client *client, char *text, size_t most)
{
    while (wait_ready(client->socket, POLLIN, client->interrupted)) {
        ssize_t got = recv(client->socket, text, most, 0);
        if (got > 0) {
            text[got] = '\0';
            return true;
        }
        if (got < 0 && is_transient_error())
            continue;
        report_reason(PROGRAM, "reading from", "the server",
                      got == 0 ? "closed the connection" : strerror(errno));
        return leave(client, FAILED);
    }
    return leave(client, INTERRUPTED);
}

static bool is_exit(struct client *client, const char *text)
{
    if (strcmp(text, "exit") != 0)
        return false;
    if (print_text(client, "au revoir", ""))
        leave(client, IN_ORDER);
    return true;
}

static bool receive_message(struct client *client)
{
    char text[MESSAGE_MAX + 1];
    return receive(client, text, MESSAGE_MAX) && !is_exit(client, text)
        && print_text(client, "reçu : ", text);
}

/* Reads from the keyboard, or handles a message that arrives meanwhile. */
static bool wait_at_keyboard(struct client *client)
{
    struct pollfd awaited[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = client->socket, .events = POLLIN},
                               {.fd = client->interrupted, .events = POLLIN}};
    if (poll(awaited, 3, -1) < 0)
        return is_transient_error() || leave_on_error(client, "waiting for", "standard input");
    if (awaited[2].revents != 0)
        return leave(client, INTERRUPTED);
    if (awaited[1].revents != 0)
        return receive_message(client);
    return fill_buffer(&client->keyboard, STDIN_FILENO)
        || leave_on_error(client, "reading", "standard input");
}

static bool send_turn(struct client *client)
{
    struct line line = {.text = "fin"};
    while (!take_line(&client->keyboard, TEXT_MAX, &line) && !client->keyboard.ended)
        if (!wait_at_keyboard(client))
            return false;
    if (!send_text(client, line.text))
        return false;
    return strcmp(line.text, "fin") != 0 || leave(client, IN_ORDER);
}

static void run(struct client *client)
{
    char number[NUMBER_MAX + 1];
    char role[ROLE_MAX + 1];
    if (!receive(client, number, NUMBER_MAX) || !print_text(client, "numéro ", number)
        || !receive(client, role, ROLE_MAX) || is_exit(client, role) || !print_text(client, "rôle ", role))
        return;

    bool our_turn = strcmp(role, "emi") == 0;
    if (!our_turn && strcmp(role, "rec") != 0) {
        report_reason(PROGRAM, "taking the role from", "the server", "neither emi nor rec");
        leave(client, FAILED);
        return;
    }
    while (our_turn ? send_turn(client) : receive_message(client))
        our_turn = !our_turn;
}

static int interrupt_pipe[2];

static void on_interrupt(int number)
{
    int kept = errno;
    ssize_t put = write(interrupt_pipe[1], "", 1);
    (void)put; /* a full pipe is readable anyway */
    (void)number;
    errno = kept;
}

/* Called once connected. Before that SIGINT ends the program by default: no server waits for
 * `fin`. */
static bool watch_for_interrupt(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    return pipe(interrupt_pipe) == 0 && fcntl(interrupt_pipe[1], F_SETFL, O_NONBLOCK) == 0
        && sigaction(SIGINT, &action, NULL) == 0;
}

int main(int count, char **arguments)
{
    struct sockaddr_in server;
    if (count < 2 || count > 3 || !parse_address(arguments[1], arguments[2], RELAY_PORT, &server)) {
        dprintf(STDERR_FILENO, "usage: relay_client_c IP [PORT]\n");
        return EXIT_USAGE;
    }
    prepare_process();
    struct client client = {.socket = connect_to_server(PROGRAM, &server)};
    if (client.socket < 0)
        return EXIT_FAILURE;
    if (!watch_for_interrupt()) {
        report_error(PROGRAM, "watching for", "SIGINT");
        close(client.socket);
        return EXIT_FAILURE;
    }
    client.interrupted = interrupt_pipe[0];
    dprintf(STDERR_FILENO, "connected\n");
    run(&client);

    /* Non-blocking: a server that no longer reads must not delay Ctrl+C. */
    if (client.ending == INTERRUPTED)
        send(client.socket, "fin", sizeof "fin", MSG_DONTWAIT);
    close(client.socket);
    return client.ending == FAILED ? EXIT_FAILURE : EXIT_SUCCESS;
}
