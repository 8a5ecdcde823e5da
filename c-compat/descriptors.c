/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * See descriptors.h.
 */
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

bool try_again(void)
{
    return errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK;
}

bool ready(int fd, short events, int life)
{
    struct pollfd both[2] = {{.fd = fd, .events = events}, {.fd = life, .events = POLLIN}};
    while (poll(both, 2, -1) < 0)
        if (!try_again())
            return false;
    return both[1].revents == 0;
}

/* Polls before each write: a process blocked on a full pipe or socket would not see that the other is gone. (POLLOUT
 * promises room for PIPE_BUF bytes in a pipe, more than we ever write.) */
bool put_all(int fd, const char *bytes, size_t size, int life)
{
    while (size > 0) {
        if (!ready(fd, POLLOUT, life)) {
            errno = 0;
            return false;
        }
        ssize_t put = write(fd, bytes, size);
        if (put < 0 && !try_again())
            return false;
        if (put > 0) {
            bytes += put;
            size -= (size_t)put;
        }
    }
    return true;
}

/* A closed standard descriptor would be given to the next socket, which would then be read as the keyboard. */
static void fill_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* An interrupted connect goes on by itself, and calling it again is an error (POSIX connect, EINTR). */
static bool finish_connect(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    while (poll(&wait, 1, -1) < 0)
        if (!try_again())
            return false;

    int reason = 0;
    socklen_t size = sizeof reason;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &size) < 0)
        return false;
    errno = reason;
    return reason == 0;
}

bool connect_as_3(const struct sockaddr_in *server)
{
    fill_standard_descriptors();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        return false;
    if (fd != SOCKET_FD) { /* whoever started us left a 3 open */
        if (dup2(fd, SOCKET_FD) < 0)
            return false;
        close(fd);
    }
    if (connect(SOCKET_FD, (const struct sockaddr *)server, sizeof *server) == 0)
        return true;
    return errno == EINTR && finish_connect(SOCKET_FD);
}
