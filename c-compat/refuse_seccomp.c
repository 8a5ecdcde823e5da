/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Simulates a kernel without seccomp(2), or with a part of it: `refuse_seccomp ERRNO OPERATION
 * OPERATION PROGRAM [ARG...]` runs the program with a filter, set through prctl(2), that makes the
 * two operations of seccomp(2) (which may be the same) fail with that error.
 */

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Offset of the lower half of a call's first argument: seccomp(2), struct seccomp_data. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OPERATION offsetof(struct seccomp_data, args)
#else
#define OPERATION (offsetof(struct seccomp_data, args) + 4)
#endif

static unsigned number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: refuse_seccomp ERRNO OPERATION OPERATION PROGRAM [ARG...]\n");
        return 2;
    }
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, OPERATION),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number(argv[2]), 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number(argv[3]), 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (number(argv[1]) & SECCOMP_RET_DATA)),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("refuse_seccomp: prctl");
        return 1;
    }
    execv(argv[4], argv + 4);
    perror("refuse_seccomp: execv");
    return 1;
}
