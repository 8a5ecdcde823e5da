/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What both programs need: a strict port, signals set once, errors in one line.
 */
#ifndef COMMON_H
#define COMMON_H

#include <netinet/in.h>
#include <stdbool.h>

enum { DEFAULT_PORT = 5015, EXIT_USAGE = 2 };

/* Decimal digits only, lowest..65535; false leaves *port alone. */
bool parse_port(const char *text, long lowest, in_port_t *port);

/* SIGPIPE ignored, so that a lost peer is an errno; SIGCHLD at its default, or waitpid would lose the status when our
 * parent had it ignored. */
void set_signals(void);

/* One line on standard error: role, pid, what was being done, to whom, and errno's reason. */
void complain(const char *role, const char *doing, const char *whom);

#endif
