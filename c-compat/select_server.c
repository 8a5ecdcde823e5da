/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * select_server: imitates a student's messenger server that watches all its clients with select(2), as a peer in tests.
 * One process, no fork. In: chunks from clients. Out: the line `listening on 127.0.0.1:PORT` when ready, nothing after
 * it; each chunk to every client.
 *
 * Deliberately unlike the course's server: the sender does not get its own chunk back, no NUL is added, and the clients
 * are bounded by FD_SETSIZE: one too many is accepted and closed at once.
 * Deliberate as well: sends block, so a client that stops reading holds everyone up, for SEND_SECONDS at most; it is
 * then dropped. A server meant for real use would queue instead.
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

/* A whole message of the provided client (1024 bytes) fits in one chunk. */
enum { CHUNK_MAX = 1024, SEND_SECONDS = 2 };

static const char ROLE[] = "select_server";

struct room {
    int listener;
    int spare; /* given up for a moment to accept and refuse when no other descriptor is left */
    fd_set clients;
    int highest; /* no client has a greater descriptor */
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
        drop(room, client); /* a reset ends here like a close: neither deserves a line from a server of this kind */
}

/* With no descriptor left accept fails and the client stays in the backlog, where it wakes select for ever. */
static void refuse_with_spare(struct room *room)
{
    if (room->spare >= 0)
        close(room->spare);
    int refused = accept(room->listener, NULL, NULL);
    if (refused >= 0)
        close(refused);
    room->spare = open("/dev/null", O_RDONLY);
}

static void welcome(struct room *room)
{
    int client = accept(room->listener, NULL, NULL);
    if (client < 0) {
        if (errno == EMFILE || errno == ENFILE)
            refuse_with_spare(room);
        return; /* anything else: that client left before we took it, the next select finds the others */
    }
    struct timeval limit = {.tv_sec = SEND_SECONDS};
    /* FD_SET beyond FD_SETSIZE would write outside the set. */
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
            complain(ROLE, "waiting for", "clients");
            return EXIT_FAILURE;
        }
        /* Still a client? A send of this very round may have dropped it. */
        for (int client = 0; client <= room->highest; client++)
            if (FD_ISSET(client, &readable) && FD_ISSET(client, &room->clients))
                serve(room, client);
        /* Last: a new client may bear the number of one dropped above, whose bit in `readable` is stale. */
        if (FD_ISSET(room->listener, &readable))
            welcome(room);
    }
}

int main(int count, char **arguments)
{
    prepare_process();
    struct room room = {.listener = open_door(ROLE, count, arguments), .highest = -1};
    FD_ZERO(&room.clients);
    if (room.listener < 0)
        return -room.listener;
    room.spare = open("/dev/null", O_RDONLY);
    return run(&room);
}
