/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Shared by all programs: port parsing, process start-up, error messages.
 */
#ifndef COMMON_H
#define COMMON_H

#include <netinet/in.h>
#include <stdbool.h>

enum { CHAT_PORT = 5015, EXIT_USAGE = 2 };

/* Accepts decimal digits only, lowest..65535. Returns false and leaves *port alone otherwise. */
bool parse_port(const char *text, long lowest, in_port_t *port);

/* Called first in main. Ignores SIGPIPE, so that a lost peer is an errno. Restores SIGCHLD,
 * without which waitpid would lose the status when the parent process had it ignored. Opens
 * descriptors 0, 1 and 2 where closed: the next socket would get the number, and would be read
 * as the keyboard. */
void prepare_process(void);

/* Prints one line on standard error: role, pid, the action, its object, and strerror(errno). */
void report_error(const char *role, const char *doing, const char *whom);

/* Prints the same with a reason that errno does not have. */
void report_reason(const char *role, const char *doing, const char *whom, const char *reason);

#endif
