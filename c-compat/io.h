/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Waits and writes on a descriptor that a second descriptor, `stop`, can cancel.
 *
 * A wait is cancelled when `stop` becomes readable. In the chat client it is one end of a socket
 * pair that carries no data: it becomes readable when the other process has died, even by SIGKILL.
 * In the relay client it is a pipe that the SIGINT handler writes to. NO_STOP: the wait cannot be
 * cancelled.
 */
#ifndef IO_H
#define IO_H

#include <stdbool.h>
#include <stddef.h>

enum { NO_STOP = -1 };

/* Waits for `events` on `fd`. Returns false when `stop` is readable, or when poll fails. */
bool wait_ready(int fd, short events, int stop);

/* Writes everything, in one write(2) where the system allows it. Returns false with errno, which
 * is 0 when `stop` was readable. */
bool write_all(int fd, const char *bytes, size_t size, int stop);

/* Prints label, text (C strings) and a newline on standard output, at most PRINTED_MAX bytes, in
 * one write, so that a test never sees half a line. Fails like write_all(). */
enum { PRINTED_MAX = 1200 };
bool print_line(const char *label, const char *text, int stop);

/* True for an errno after which the same call may succeed. */
bool is_transient_error(void);

#endif
