/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Implements common.h. Standard error is written with dprintf: fork would duplicate a stdio buffer.
 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool parse_port(const char *text, long lowest, in_port_t *port)
{
    /* strtol alone would accept a sign, spaces and an empty string; five digits cannot overflow. */
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return false;

    long value = strtol(text, NULL, 10);
    if (value < lowest || value > 65535)
        return false;
    *port = (in_port_t)value;
    return true;
}

static void set_signal(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

static void fill_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

void prepare_process(void)
{
    set_signal(SIGPIPE, SIG_IGN);
    set_signal(SIGCHLD, SIG_DFL);
    fill_standard_descriptors();
}

void report_reason(const char *role, const char *doing, const char *whom, const char *reason)
{
    dprintf(STDERR_FILENO, "%s (pid %ld): %s %s: %s\n", role, (long)getpid(), doing, whom, reason);
}

void report_error(const char *role, const char *doing, const char *whom)
{
    report_reason(role, doing, whom, strerror(errno));
}
