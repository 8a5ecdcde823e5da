/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * fork_server: a chat server with the course's architecture, the baseline of the benchmark. One
 * process accepts and forks a child per client; all children write to one pipe. In: chunks from
 * clients, at most 1023 bytes. Out: `listening on 127.0.0.1:PORT` when ready, nothing after it;
 * each chunk and one NUL to every client, the sender included.
 *
 * As fast as this architecture can be while as simple as a course's: poll instead of signals,
 * records in the pipe so that chunks are neither split nor merged, one send per client and chunk.
 * Faults kept from the original: sends block, so a client that stops reading blocks everyone
 * (head-of-line blocking); a child inherits the sockets of earlier clients; a child that crashes
 * leaves its client in the list.
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

enum { CHUNK_MAX = 1023, BUFFER_SIZE = 1 << 16 };

/* A record, written in one write: this header, then `size` bytes. Size 0: the client is gone. */
struct header {
    int client; /* descriptor number in the parent */
    int size;
};

struct record {
    struct header header;
    char bytes[CHUNK_MAX + 1]; /* with its NUL */
};

_Static_assert(sizeof(struct record) <= PIPE_BUF, "a longer write could interleave with another child's");

struct room {
    int pipe[2];
    int *clients; /* capacity: the descriptor limit */
    size_t count;
    char buffer[BUFFER_SIZE]; /* from the pipe: whole records, then perhaps part of one */
    size_t size;
};

enum { LISTENER, PIPE };

static const char ROLE[] = "fork_server";

static volatile sig_atomic_t child_ended;

static void note_child(int signal)
{
    (void)signal;
    child_ended = 1;
}

/* The child's whole life. */
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
        /* A failed write: the parent is gone. */
        if (write(pipe, &record, sizeof record.header + (size_t)record.header.size) < 0 || got <= 0)
            return;
    }
}

static void accept_client(struct room *room, struct pollfd *listener)
{
    int client = accept(listener->fd, NULL, NULL);
    if (client < 0) {
        /* No descriptor is free until a client leaves; until then poll would spin on the
         * listener. */
        if (errno == EMFILE || errno == ENFILE)
            listener->events = 0;
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        close(listener->fd);
        close(room->pipe[0]);
        serve(client, room->pipe[1]);
        _exit(EXIT_SUCCESS);
    }
    if (child < 0) {
        report_error(ROLE, "forking for", "a client");
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
    /* Younger children hold copies of the socket, so close alone would not end the connection. */
    shutdown(client, SHUT_RDWR);
    close(client);
}

/* Reads the pipe once and handles each complete record. */
static void read_records(struct room *room)
{
    ssize_t got = read(room->pipe[0], room->buffer + room->size, sizeof room->buffer - room->size);
    if (got <= 0)
        return; /* EINTR */
    room->size += (size_t)got;
    size_t done = 0;
    struct header header;
    while (room->size - done >= sizeof header) {
        memcpy(&header, room->buffer + done, sizeof header);
        size_t end = done + sizeof header + (size_t)header.size;
        if (end > room->size)
            break;
        if (header.size == 0)
            drop(room, header.client);
        /* Send errors are ignored: the client's child is about to report that it is gone. */
        for (size_t i = 0; header.size > 0 && i < room->count; i++)
            send_all(room->clients[i], room->buffer + done + sizeof header, (size_t)header.size);
        done = end;
    }
    room->size -= done;
    memmove(room->buffer, room->buffer + done, room->size);
}

/* A child that ends between this and poll stays a zombie until the next event. */
static void reap(void)
{
    while (child_ended) {
        child_ended = 0;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
}

static int run(struct room *room, int listener)
{
    struct pollfd watched[] = {
        [LISTENER] = {.fd = listener, .events = POLLIN}, [PIPE] = {.fd = room->pipe[0], .events = POLLIN}};
    for (;;) {
        reap();
        if (poll(watched, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            report_error(ROLE, "waiting for", "clients");
            return EXIT_FAILURE;
        }
        if (watched[PIPE].revents) {
            watched[LISTENER].events = POLLIN; /* a descriptor may be free again */
            read_records(room);
        }
        if (watched[LISTENER].revents & POLLIN)
            accept_client(room, &watched[LISTENER]);
    }
}

/* Returns the new limit, or 0 with errno. */
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
        report_error(ROLE, "making room for", "clients");
        return EXIT_FAILURE;
    }
    int listener = open_listener(ROLE, count, arguments);
    return listener < 0 ? -listener : run(&room, listener);
}
