/*
 * A seccomp filter that lets single system calls fail: other kernels and sandboxes played on this
 * one. It must not know why a call is denied.
 */
#include "daemon.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#define RULE_LENGTH 5
#define RULES_MAX   8

#define LOAD(field)           BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define SKIP_UNLESS(value, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (n))
#define ANSWER(value)         BPF_STMT(BPF_RET | BPF_K, (value))

int deny_calls(const struct deny *list, size_t n)
{
	struct sock_filter code[RULES_MAX * RULE_LENGTH + 1];
	struct sock_fprog program = {.filter = code};
	unsigned short at = 0;

	if (n > RULES_MAX)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct sock_filter error = ANSWER(SECCOMP_RET_ERRNO | (unsigned)list[i].error);

		code[at++] = (struct sock_filter)LOAD(nr);
		code[at++] = (struct sock_filter)SKIP_UNLESS((unsigned)list[i].number,
							     list[i].command ? 3 : 1);
		if (list[i].command) {
			/* its lower half: the machines that we build for are little-endian */
			code[at++] = (struct sock_filter)LOAD(args[1]);
			code[at++] = (struct sock_filter)SKIP_UNLESS(list[i].command, 1);
		}
		code[at++] = error;
	}
	code[at++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
	program.len = at;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}
