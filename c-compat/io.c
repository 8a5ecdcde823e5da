/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * See io.h.
 */
#include "io.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

bool try_again(void)
{
    return errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK;
}

bool ready(int fd, short events, int stop)
{
    struct pollfd both[2] = {{.fd = fd, .events = events}, {.fd = stop, .events = POLLIN}};
    while (poll(both, 2, -1) < 0)
        if (!try_again())
            return false;
    return both[1].revents == 0;
}

/* Polls before each write: a process blocked on a full pipe or socket would not see that it is to stop. (POLLOUT
 * promises room for PIPE_BUF bytes in a pipe, more than we ever write.) */
bool put_all(int fd, const char *bytes, size_t size, int stop)
{
    while (size > 0) {
        if (!ready(fd, POLLOUT, stop)) {
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

bool put_line(const char *label, const char *text, int stop)
{
    char line[PRINTED_MAX + 1];
    int size = snprintf(line, sizeof line, "%s%s\n", label, text);
    return put_all(STDOUT_FILENO, line, (size_t)size, stop);
}
