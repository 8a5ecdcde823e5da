/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Shared by the clients: parse the server's address, connect to it.
 */
#ifndef CONNECTOR_H
#define CONNECTOR_H

#include <netinet/in.h>
#include <stdbool.h>

/* Parses `ip` in dotted decimal, and `port`, or takes `default_port` where `port` is NULL. Returns
 * false when one is malformed. */
bool parse_address(const char *ip, const char *port, in_port_t default_port, struct sockaddr_in *server);

/* Returns the connected socket, blocking, or -1 after an error message in the name of `role`. */
int connect_to_server(const char *role, const struct sockaddr_in *server);

#endif
