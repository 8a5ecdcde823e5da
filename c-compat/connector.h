/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What every client does first: an address from its arguments, a connection to it.
 */
#ifndef CONNECTOR_H
#define CONNECTOR_H

#include <netinet/in.h>
#include <stdbool.h>

/* `ip` in dotted decimal; `port` NULL means `otherwise`. False when either is not that. */
bool parse_server(const char *ip, const char *port, in_port_t otherwise, struct sockaddr_in *server);

/* The connected socket, blocking; -1 after a complaint in the name of `role`. */
int dial(const char *role, const struct sockaddr_in *server);

#endif
