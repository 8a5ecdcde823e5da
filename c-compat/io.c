/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Implements io.h.
 */
#include "io.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

bool is_transient_error(void)
{
    return errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK;
}

bool wait_ready(int fd, short events, int stop)
{
    struct pollfd both[2] = {{.fd = fd, .events = events}, {.fd = stop, .events = POLLIN}};
    while (poll(both, 2, -1) < 0)
        if (!is_transient_error())
            return false;
    return both[1].revents == 0;
}

/* Polls before each write: a process blocked in write on a full pipe or socket would not see
 * `stop`. For a pipe POLLOUT promises room for PIPE_BUF bytes, more than any write here. */
bool write_all(int fd, const char *bytes, size_t size, int stop)
{
    while (size > 0) {
        if (!wait_ready(fd, POLLOUT, stop)) {
            errno = 0;
            return false;
        }
        ssize_t put = write(fd, bytes, size);
        if (put < 0 && !is_transient_error())
            return false;
        if (put > 0) {
            bytes += put;
            size -= (size_t)put;
        }
    }
    return true;
}

bool print_line(const char *label, const char *text, int stop)
{
    char line[PRINTED_MAX + 1];
    int size = snprintf(line, sizeof line, "%s%s\n", label, text);
    return write_all(STDOUT_FILENO, line, (size_t)size, stop);
}
