/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * relay_server_c: imitates the course's server of the two-party relay, as a peer in tests. One
 * process; number and role in two segments, a pause apart; then one recv of 1024 bytes a turn.
 *
 * Faults kept, because our client must cope with them: it reads from the client whose turn it is
 * alone, so a close out of turn is not noticed; after `fin` it waits for a new client first, and
 * closes the old connection only then.
 * Differs from the course's server: a connection that ends without `fin` counts as `fin`, where the
 * original spins; the pause is shorter; SIGINT is left to the system.
 */
#include "common.h"
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_MAX = 1024, TEXT_SIZE = MESSAGE_MAX + 2 };

static const char ROLE[] = "relay_server_c";

struct place {
    int socket;
    char last[TEXT_SIZE]; /* the last message that was sent there */
};

static void pause_between_strings(void)
{
    struct timespec time = {.tv_nsec = 300 * 1000 * 1000};
    nanosleep(&time, NULL);
}

static bool send_string(int client, const char *text)
{
    return send_all(client, text, strlen(text) + 1);
}

/* Waits for a client and sends it its number. */
static bool seat(int listener, int at, int *client)
{
    const char number[] = {(char)('1' + at), '\0'};
    *client = next_client(listener);
    if (*client < 0) {
        report_error(ROLE, "accepting", "a client");
        return false;
    }
    dprintf(STDOUT_FILENO, "client %s\n", number);
    send_string(*client, number);
    pause_between_strings();
    return true;
}

static bool replace(int listener, struct place places[2], int at)
{
    int left = places[at].socket;
    dprintf(STDOUT_FILENO, "fin %d\n", at + 1);
    if (!seat(listener, at, &places[at].socket))
        return false;
    close(left);
    send_string(places[at].socket, "rec");
    pause_between_strings();
    send_string(places[at].socket, places[at].last);
    return true;
}

/* A message of the client `*at` goes to the other, whose turn it is then. After `fin` the turn
 * stays: the newcomer answers the message that it is sent once more. */
static bool relay(int listener, struct place places[2], int *at)
{
    char text[TEXT_SIZE] = "";
    ssize_t got = recv(places[*at].socket, text, MESSAGE_MAX, 0);
    text[got > 0 ? got : 0] = '\0';
    if (got <= 0 || strcmp(text, "fin") == 0)
        return replace(listener, places, *at);
    if (strcmp(text, "exit") == 0)
        strcat(text, " ");
    *at = 1 - *at;
    struct place *other = &places[*at];
    memcpy(other->last, text, sizeof other->last);
    send_string(other->socket, text);
    return true;
}

int main(int count, char **arguments)
{
    static struct place places[2];
    prepare_process();
    int listener = open_listener(ROLE, count, arguments);
    if (listener < 0)
        return -listener;
    if (!seat(listener, 0, &places[0].socket) || !seat(listener, 1, &places[1].socket))
        return EXIT_FAILURE;
    send_string(places[0].socket, "emi");
    send_string(places[1].socket, "rec");
    int at = 0;
    while (relay(listener, places, &at))
        ;
    return EXIT_FAILURE;
}
