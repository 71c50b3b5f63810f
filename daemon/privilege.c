/*
 * Capabilities and the user namespace that they count in.  It must not know what they are used for.
 */
#include "privilege.h"

#include <linux/capability.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The inode number of the initial user namespace is part of the kernel's interface. */
#define INITIAL_USER_NS UINT64_C(0xeffffffd)

static bool has_capability(unsigned number)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data) < 0)
		return false;
	return data[CAP_TO_INDEX(number)].effective & CAP_TO_MASK(number);
}

/* A mapping of all ids to themselves would not tell: a nested namespace may have it, too. */
static bool is_initial_user_ns(void)
{
	struct stat st;

	return stat("/proc/self/ns/user", &st) == 0 && st.st_ino == INITIAL_USER_NS;
}

bool privilege_backing_files(void)
{
	return has_capability(CAP_SYS_ADMIN) && is_initial_user_ns();
}
