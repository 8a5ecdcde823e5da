/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What the servers share: a door on 127.0.0.1, and a send that gives everything or tells that it could not.
 */
#ifndef SERVER_H
#define SERVER_H

#include <stdbool.h>
#include <stddef.h>

/* Listens on the port that the command line `ROLE [PORT]` names, 0 being any free one, and prints `listening on
 * 127.0.0.1:PORT`. Returns the listening socket, which is non-blocking and less than FD_SETSIZE. Otherwise it has
 * complained, and returns minus the exit status. */
int open_door(const char *role, int count, char **arguments);

/* Sends everything, waiting where it must. False: the client is gone, or its SO_SNDTIMEO is over. */
bool send_all(int client, const char *bytes, size_t size);

#endif
