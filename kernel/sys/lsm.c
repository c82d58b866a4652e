/* SPDX-License-Identifier: MIT */
/* Security modules: capabilities, which every Linux counts as one, and no other. */
#include "sys/sys.h"

#include "mm/user.h"

#define LSM_ID_CAPABILITY 100

long sys_lsm_list_modules(uaddr_t uids, uaddr_t usize, uhex_t flags)
{
	static const u64 ids[] = { LSM_ID_CAPABILITY };
	u32 size;
	int err;

	if (flags)
		return -EINVAL;
	err = get_user(size, usize);
	if (!err)
		err = put_user((u32)sizeof(ids), usize);
	if (!err && size < sizeof(ids))
		err = -E2BIG;
	if (!err)
		err = copy_to_user(uids, ids, sizeof(ids));
	return err ? err : (long)ARRAY_SIZE(ids);
}
