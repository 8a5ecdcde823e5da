/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Implements server.h.
 */
#include "server.h"
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 128 };

/* Stores the port that the system chose in *address. Returns -1 with errno. */
static int listen_at(struct sockaddr_in *address)
{
    int yes = 1;
    socklen_t size = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    if (fd >= FD_SETSIZE) {
        errno = EMFILE;
        return -1;
    }
    /* Non-blocking: accept must not block when the client has gone since poll. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0
        || bind(fd, (struct sockaddr *)address, sizeof *address) < 0 || listen(fd, BACKLOG) < 0
        || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || getsockname(fd, (struct sockaddr *)address, &size) < 0)
        return -1;
    return fd;
}

int open_listener(const char *role, int count, char **arguments)
{
    in_port_t port = CHAT_PORT;
    if (count > 2 || (count == 2 && !parse_port(arguments[1], 0, &port))) {
        dprintf(STDERR_FILENO, "usage: %s [PORT]; 0: any free port\n", role);
        return -EXIT_USAGE;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = listen_at(&address);
    if (listener < 0) {
        report_error(role, "listening on", count == 2 ? arguments[1] : "the default port");
        return -EXIT_FAILURE;
    }
    if (dprintf(STDOUT_FILENO, "listening on 127.0.0.1:%u\n", (unsigned)ntohs(address.sin_port)) < 0) {
        report_error(role, "writing to", "standard output");
        return -EXIT_FAILURE;
    }
    return listener;
}

bool send_all(int client, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(client, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false; /* EAGAIN included: SO_SNDTIMEO has expired */
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

int next_client(int listener)
{
    struct pollfd awaited = {.fd = listener, .events = POLLIN};
    for (;;) {
        int client = -1;
        if (poll(&awaited, 1, -1) > 0)
            client = accept(listener, NULL, NULL);
        /* Some systems let it inherit the listener's O_NONBLOCK. */
        if (client >= 0 && fcntl(client, F_SETFL, 0) == 0)
            return client;
        if (client >= 0)
            close(client);
        if (errno != EINTR && errno != EAGAIN && errno != ECONNABORTED)
            return -1;
    }
}

int serve_in_turn(const char *role, int count, char **arguments, void (*serve)(int client))
{
    prepare_process();
    int listener = open_listener(role, count, arguments);
    if (listener < 0)
        return -listener;
    for (;;) {
        int client = next_client(listener);
        if (client < 0) {
            report_error(role, "accepting", "a client");
            return EXIT_FAILURE;
        }
        serve(client);
        close(client);
    }
}
