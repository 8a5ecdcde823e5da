/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * How a client waits on a descriptor without missing the end of its work, and writes without stopping half way.
 *
 * `stop` is a descriptor that becomes readable when the wait is to be given up. For a process of the chat client: one
 * end of a socket pair on which nothing is ever sent, and whose other end closes when the other process is gone, by
 * SIGKILL included. For the relay client: a pipe into which its SIGINT handler writes. NO_STOP: nothing gives up the
 * wait.
 */
#ifndef IO_H
#define IO_H

#include <stdbool.h>
#include <stddef.h>

enum { NO_STOP = -1 };

/* Waits for `fd`; false when `stop` says so, or poll cannot work at all. */
bool ready(int fd, short events, int stop);

/* Writes everything, in one write(2) where the system takes it. False with errno, which is 0 when `stop` said so. */
bool put_all(int fd, const char *bytes, size_t size, int stop);

/* Prints label, text and newline on standard output, both as C strings, at most PRINTED_MAX bytes in all, in one write:
 * a test never sees half a line. Fails as put_all() does. */
enum { PRINTED_MAX = 1200 };
bool put_line(const char *label, const char *text, int stop);

/* errno says that the same call may succeed now. */
bool try_again(void);

#endif
