/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Shared by the servers: a listening socket on 127.0.0.1, and a send that completes or fails.
 */
#ifndef SERVER_H
#define SERVER_H

#include <stdbool.h>
#include <stddef.h>

/* Listens on the port of the command line `ROLE [PORT]`, 0 being any free one, and prints
 * `listening on 127.0.0.1:PORT`. Returns the listening socket, which is non-blocking and below
 * FD_SETSIZE, or minus the exit status after an error message. */
int open_listener(const char *role, int count, char **arguments);

/* Sends everything, blocking where it must. Returns false when the client is gone, or when its
 * SO_SNDTIMEO has expired. */
bool send_all(int client, const char *bytes, size_t size);

/* Waits for a client. Returns its blocking socket, or -1 with errno. */
int next_client(int listener);

/* A whole server: one client after the other, each handed to `serve` and closed after it. Returns
 * the exit status. */
int serve_in_turn(const char *role, int count, char **arguments, void (*serve)(int client));

#endif
