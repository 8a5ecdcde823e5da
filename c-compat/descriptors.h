/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The chat client's connection, and how its two processes wait on a descriptor without missing each other's death.
 *
 * `life` is one end of a socket pair on which nothing is ever sent: it becomes readable once the process that holds the
 * other end is gone, by SIGKILL included.
 */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

enum { SOCKET_FD = 3 };

/* Connects descriptor 3, whatever was open before; false with errno. */
bool connect_as_3(const struct sockaddr_in *server);

/* Waits for `fd`; false when the other process is gone, or poll cannot work at all. */
bool ready(int fd, short events, int life);

/* Writes everything, in one write(2) where the system takes it. False with errno, which is 0 when the other process is
 * gone. */
bool put_all(int fd, const char *bytes, size_t size, int life);

/* errno says that the same call may succeed now. */
bool try_again(void);

#endif
