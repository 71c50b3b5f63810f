/*
 * Who may register backing files: root of the initial user namespace, while he has the capability.
 */
#include <criterion/criterion.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/privilege.h"

TestSuite(privilege, .timeout = 20);

static void drop(unsigned number)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	cr_assert_eq(syscall(SYS_capget, &head, data), 0);
	data[CAP_TO_INDEX(number)].effective &= ~CAP_TO_MASK(number);
	cr_assert_eq(syscall(SYS_capset, &head, data), 0);
}

Test(privilege, root_may_register_backing_files)
{
	if (geteuid() != 0)
		cr_skip_test("it takes root");
	cr_expect(privilege_backing_files());
	drop(CAP_NET_ADMIN);
	cr_expect(privilege_backing_files(), "another capability does not matter");
}

Test(privilege, nobody_may_without_the_capability)
{
	if (geteuid() == 0)
		drop(CAP_SYS_ADMIN);
	cr_expect_not(privilege_backing_files());
}

/* In a process of its own: one with threads cannot change its user namespace. */
Test(privilege, root_of_another_user_namespace_may_not)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) != 0 ? 2 : privilege_backing_files());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	cr_expect_eq(WEXITSTATUS(status), 0, "%d: 1 it may, 2 no user namespace",
		     WEXITSTATUS(status));
}
