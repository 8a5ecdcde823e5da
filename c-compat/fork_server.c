/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * fork_server: a messenger server in the form of the course's, as a measure for the benchmark. One process accepts, and
 * forks a child for each client; all children write to one pipe. In: chunks from clients, 1023 bytes at most. Out: the
 * line `listening on 127.0.0.1:PORT` when ready, nothing after it; each chunk and one NUL to every client, the sender
 * included.
 *
 * Meant to be as fast as this form can be while it stays as simple as a course's: poll instead of signals, records in
 * the pipe so that no chunk is torn or glued, one send per client and chunk.
 * Deliberately like the original: sends block, so a client that stops reading holds everyone up; a child inherits the
 * sockets of those who came before; a child that crashes leaves its client in the list.
 */
#include "common.h"
#include "server.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK_MAX = 1023, HEARD_MAX = 1 << 16 };

/* What a child writes, in one write: this, then `size` bytes. Size 0: its client is gone. */
struct header {
    int client; /* the parent's descriptor */
    int size;
};

struct record {
    struct header header;
    char bytes[CHUNK_MAX + 1]; /* and its NUL */
};

_Static_assert(sizeof(struct record) <= PIPE_BUF, "a longer write could be mixed with another child's");

struct room {
    int pipe[2];
    int *clients; /* as many as there may be descriptors */
    size_t count;
    char heard[HEARD_MAX]; /* from the pipe: whole records, perhaps a part of one behind them */
    size_t size;
};

enum { DOOR, PIPE };

static const char ROLE[] = "fork_server";

static volatile sig_atomic_t child_ended;

static void note_child(int signal)
{
    (void)signal;
    child_ended = 1;
}

/* In the child, to its end. */
static void serve(int client, int pipe)
{
    struct record record = {.header = {.client = client}};
    for (;;) {
        ssize_t got = recv(client, record.bytes, CHUNK_MAX, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got > 0)
            record.bytes[got] = '\0';
        record.header.size = got > 0 ? (int)got + 1 : 0;
        /* A write that fails says that the parent is gone. */
        if (write(pipe, &record, sizeof record.header + (size_t)record.header.size) < 0 || got <= 0)
            return;
    }
}

static void welcome(struct room *room, struct pollfd *door)
{
    int client = accept(door->fd, NULL, NULL);
    if (client < 0) {
        /* Nobody could be let in until somebody leaves: the door would wake poll for ever. */
        if (errno == EMFILE || errno == ENFILE)
            door->events = 0;
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        close(door->fd);
        close(room->pipe[0]);
        serve(client, room->pipe[1]);
        _exit(EXIT_SUCCESS);
    }
    if (child < 0) {
        complain(ROLE, "forking for", "a client");
        close(client);
        return;
    }
    room->clients[room->count++] = client;
}

static void drop(struct room *room, int client)
{
    for (size_t i = 0; i < room->count; i++)
        if (room->clients[i] == client)
            room->clients[i--] = room->clients[--room->count];
    /* Children that came later hold copies, so that close alone would not end the connection. */
    shutdown(client, SHUT_RDWR);
    close(client);
}

/* One read of the pipe, and what it says. */
static void hear(struct room *room)
{
    ssize_t got = read(room->pipe[0], room->heard + room->size, sizeof room->heard - room->size);
    if (got <= 0)
        return; /* EINTR */
    room->size += (size_t)got;
    size_t done = 0;
    struct header header;
    while (room->size - done >= sizeof header) {
        memcpy(&header, room->heard + done, sizeof header);
        size_t end = done + sizeof header + (size_t)header.size;
        if (end > room->size)
            break;
        if (header.size == 0)
            drop(room, header.client);
        /* A send that fails is to a client whose child is about to say that it has gone. */
        for (size_t i = 0; header.size > 0 && i < room->count; i++)
            send_all(room->clients[i], room->heard + done + sizeof header, (size_t)header.size);
        done = end;
    }
    room->size -= done;
    memmove(room->heard, room->heard + done, room->size);
}

/* A child that ends between this and poll is taken after the next event: a zombie for that long, and nothing worse. */
static void reap(void)
{
    while (child_ended) {
        child_ended = 0;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
}

static int run(struct room *room, int door)
{
    struct pollfd watched[] = {
        [DOOR] = {.fd = door, .events = POLLIN}, [PIPE] = {.fd = room->pipe[0], .events = POLLIN}};
    for (;;) {
        reap();
        if (poll(watched, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            complain(ROLE, "waiting for", "clients");
            return EXIT_FAILURE;
        }
        if (watched[PIPE].revents) {
            watched[DOOR].events = POLLIN; /* perhaps somebody has left */
            hear(room);
        }
        if (watched[DOOR].revents & POLLIN)
            welcome(room, &watched[DOOR]);
    }
}

/* Returns how many descriptors there may be; 0 with errno. */
static size_t raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? 0 : (size_t)limit.rlim_cur;
}

int main(int count, char **arguments)
{
    prepare_process();
    struct sigaction action = {.sa_handler = note_child, .sa_flags = SA_NOCLDSTOP};
    sigaction(SIGCHLD, &action, NULL);
    static struct room room;
    size_t most = raise_descriptor_limit();
    room.clients = most == 0 ? NULL : calloc(most, sizeof *room.clients);
    if (room.clients == NULL || pipe(room.pipe) < 0) {
        complain(ROLE, "making room for", "clients");
        return EXIT_FAILURE;
    }
    int door = open_door(ROLE, count, arguments);
    return door < 0 ? -door : run(&room, door);
}
