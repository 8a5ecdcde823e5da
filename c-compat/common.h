/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What all programs need: a strict port, a process with nothing odd inherited, errors in one line.
 */
#ifndef COMMON_H
#define COMMON_H

#include <netinet/in.h>
#include <stdbool.h>

enum { CHAT_PORT = 5015, EXIT_USAGE = 2 };

/* Decimal digits only, lowest..65535; false leaves *port alone. */
bool parse_port(const char *text, long lowest, in_port_t *port);

/* First thing in main. SIGPIPE ignored, so that a lost peer is an errno; SIGCHLD at its default, or waitpid would lose
 * the status when our parent had it ignored; descriptors 0, 1 and 2 open: a closed one would be given to the next
 * socket, which would then be read as the keyboard. */
void prepare_process(void);

/* One line on standard error: role, pid, what was being done, to whom, and errno's reason. */
void complain(const char *role, const char *doing, const char *whom);

/* The same where errno has no reason to give. */
void complain_that(const char *role, const char *doing, const char *whom, const char *reason);

#endif
