/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A wall clock that falls: for a program that runs with LD_PRELOAD=falling_clock.so, each look at the time of day finds
 * it ten seconds earlier than the look before, from noon of a day in 2026 on. The clock that counts from the machine's
 * start (CLOCK_MONOTONIC) and all others go as they go. So a test need not touch the machine's clock.
 */

#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NOON 1798372800 /* 2026-12-27 12:00:00 UTC */
#define STEP 10

static time_t now = NOON;

static time_t look(void)
{
    now -= STEP;
    return now;
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, clock, at);
    *at = (struct timespec){.tv_sec = look()};
    return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    (void)zone;
    *at = (struct timeval){.tv_sec = look()};
    return 0;
}

time_t time(time_t *at)
{
    time_t seconds = look();
    if (at != NULL)
        *at = seconds;
    return seconds;
}
