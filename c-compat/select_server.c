/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * select_server: imitates a student's chat server that multiplexes its clients with select(2), as a
 * peer in tests. One process, no fork. In: chunks from clients. Out: `listening on 127.0.0.1:PORT`
 * when ready, nothing after it; each chunk to every client.
 *
 * Differs from the course's server on purpose: no echo to the sender, no NUL appended, and at most
 * FD_SETSIZE descriptors: a client beyond is accepted and closed at once.
 * Sends block on purpose: a client that stops reading blocks everyone (head-of-line blocking) for
 * at most SEND_SECONDS and is then dropped. A server for real use would queue.
 */
#include "common.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* A chunk holds a whole message of the course's client (1024 bytes). */
enum { CHUNK_MAX = 1024, SEND_SECONDS = 2 };

static const char ROLE[] = "select_server";

struct room {
    int listener;
    int spare; /* closed for a moment to accept and refuse when descriptors have run out */
    fd_set clients;
    int highest; /* the greatest client descriptor */
};

static void drop(struct room *room, int client)
{
    FD_CLR(client, &room->clients);
    close(client);
}

static void relay(struct room *room, int sender, const char *bytes, size_t size)
{
    for (int client = 0; client <= room->highest; client++)
        if (client != sender && FD_ISSET(client, &room->clients) && !send_all(client, bytes, size))
            drop(room, client);
}

static void serve(struct room *room, int client)
{
    char chunk[CHUNK_MAX];
    ssize_t got = recv(client, chunk, sizeof chunk, 0);
    if (got > 0)
        relay(room, client, chunk, (size_t)got);
    else if (got == 0 || (errno != EINTR && errno != EAGAIN))
        drop(room, client); /* closed or reset: neither is reported */
}

/* Without a free descriptor accept fails, the client stays in the backlog, and select would
 * spin. */
static void refuse_with_spare(struct room *room)
{
    if (room->spare >= 0)
        close(room->spare);
    int refused = accept(room->listener, NULL, NULL);
    if (refused >= 0)
        close(refused);
    room->spare = open("/dev/null", O_RDONLY);
}

static void accept_client(struct room *room)
{
    int client = accept(room->listener, NULL, NULL);
    if (client < 0) {
        if (errno == EMFILE || errno == ENFILE)
            refuse_with_spare(room);
        return; /* the client has gone already; the next select finds others */
    }
    struct timeval limit = {.tv_sec = SEND_SECONDS};
    /* FD_SET beyond FD_SETSIZE writes out of bounds. */
    if (client >= FD_SETSIZE || setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0) {
        close(client);
        return;
    }
    FD_SET(client, &room->clients);
    if (client > room->highest)
        room->highest = client;
}

static int run(struct room *room)
{
    for (;;) {
        fd_set readable = room->clients;
        FD_SET(room->listener, &readable);
        int highest = room->highest > room->listener ? room->highest : room->listener;
        if (select(highest + 1, &readable, NULL, NULL, NULL) < 0) {
            if (errno == EINTR)
                continue;
            report_error(ROLE, "waiting for", "clients");
            return EXIT_FAILURE;
        }
        /* A send in this round may have dropped a client that is still set in `readable`. */
        for (int client = 0; client <= room->highest; client++)
            if (FD_ISSET(client, &readable) && FD_ISSET(client, &room->clients))
                serve(room, client);
        /* Last: a new client may reuse a dropped client's descriptor, whose bit in `readable` is
         * stale. */
        if (FD_ISSET(room->listener, &readable))
            accept_client(room);
    }
}

int main(int count, char **arguments)
{
    prepare_process();
    struct room room = {.listener = open_listener(ROLE, count, arguments), .highest = -1};
    FD_ZERO(&room.clients);
    if (room.listener < 0)
        return -room.listener;
    room.spare = open("/dev/null", O_RDONLY);
    return run(&room);
}
