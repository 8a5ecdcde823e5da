/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * LD_PRELOAD=falling_clock.so: a wall clock that is set back all the time. Each reading of the time
 * of day is ten seconds earlier than the one before, starting at noon of a day in 2026.
 * CLOCK_MONOTONIC and the other clocks are not changed. A test need not set the machine's clock.
 */

#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NOON 1798372800 /* 2026-12-27 12:00:00 UTC */
#define STEP 10

static time_t now = NOON;

static time_t next_reading(void)
{
    now -= STEP;
    return now;
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, clock, at);
    *at = (struct timespec){.tv_sec = next_reading()};
    return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    (void)zone;
    *at = (struct timeval){.tv_sec = next_reading()};
    return 0;
}

time_t time(time_t *at)
{
    time_t seconds = next_reading();
    if (at != NULL)
        *at = seconds;
    return seconds;
}
