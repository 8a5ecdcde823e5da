/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Implements connector.h. One attempt, no retry: tests start these peers once the server is ready.
 */
#include "connector.h"

#include "common.h"
#include "io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

bool parse_address(const char *ip, const char *port, in_port_t default_port, struct sockaddr_in *server)
{
    in_port_t number = default_port;
    *server = (struct sockaddr_in){.sin_family = AF_INET};
    if (inet_pton(AF_INET, ip, &server->sin_addr) != 1 || (port != NULL && !parse_port(port, 1, &number)))
        return false;
    server->sin_port = htons(number);
    return true;
}

/* An interrupted connect continues in the kernel; a second call would be an error (POSIX
 * connect, EINTR). */
static bool finish_connect(int fd)
{
    if (!wait_ready(fd, POLLOUT, NO_STOP))
        return false;

    int reason = 0;
    socklen_t size = sizeof reason;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &size) < 0)
        return false;
    errno = reason;
    return reason == 0;
}

static bool connect_blocking(int fd, const struct sockaddr_in *server)
{
    if (connect(fd, (const struct sockaddr *)server, sizeof *server) == 0)
        return true;
    return errno == EINTR && finish_connect(fd);
}

int connect_to_server(const char *role, const struct sockaddr_in *server)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect_blocking(fd, server))
        return fd;

    int reason = errno;
    char ip[INET_ADDRSTRLEN] = "?";
    char whom[sizeof ip + sizeof ":65535"];
    inet_ntop(AF_INET, &server->sin_addr, ip, sizeof ip);
    snprintf(whom, sizeof whom, "%s:%u", ip, (unsigned)ntohs(server->sin_port));
    errno = reason;
    report_error(role, "connecting to", whom);
    if (fd >= 0)
        close(fd);
    return -1;
}
