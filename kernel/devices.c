/* SPDX-License-Identifier: MIT */
/*
 * The devices that the management console can configure: one line each. A name is matched as a
 * prefix, so a longer one stands before a shorter one that it begins with.
 */
#include "devices.h"

#include "abi/errno.h"
#include "lib/alloc.h"
#include "lib/strto.h"
#include "mm/mm.h"
#include "tty/tty.h"
#include "vfs/vfs.h"

#define MEM_MIN (8UL << 20)

static u64 parse_size(const char *s)
{
	char *end;
	u64 n = strtoull(s, &end, 0);
	u32 shift = (*end | 0x20) == 'k' ? 10 :
		    (*end | 0x20) == 'm' ? 20 :
		    (*end | 0x20) == 'g' ? 30 :
					   0;

	if (end == s || (*end && (!shift || end[1])) || n > ~0UL >> shift)
		return 0;
	return n << shift;
}

/* --- consoles and serial lines --- */

#define LINE_DEVICE(n)                                                                             \
	static int n##_config(const char *arg, const char **error)                                 \
	{                                                                                          \
		return line_hot_config(#n, arg, error);                                            \
	}                                                                                          \
	static int n##_get(const char *arg, struct seq_buf *out, const char **error)               \
	{                                                                                          \
		return line_hot_get(#n, arg, out, error);                                          \
	}                                                                                          \
	static int n##_remove(const char *arg, const char **error)                                 \
	{                                                                                          \
		return line_hot_remove(#n, arg, error);                                            \
	}
LINE_DEVICE(con)
LINE_DEVICE(ssl)

/* --- memory --- */

static u64 unplugged;			/* what "-N" took away: "+N" gives back no more */

static int mem_take(u64 bytes, const char **error)
{
	u64 total = mem_total();

	if (bytes > total || total - bytes < MAX(mem_used(), MEM_MIN)) {
		*error = "Failed to release memory";
		return -ENOMEM;
	}
	unplugged += bytes;
	mem_resize(total - bytes);
	return 0;
}

static int mem_config(const char *arg, const char **error)
{
	u64 n;

	if (*arg != '=') {
		*error = "Expected '=' after 'mem'";
		return -EINVAL;
	}
	if (arg[1] != '-' && arg[1] != '+') {
		*error = "Expected increment to start with '-' or '+'";
		return -EINVAL;
	}
	n = parse_size(arg + 2) & PAGE_MASK;
	if (!n) {
		*error = "Failed to parse memory increment";
		return -EINVAL;
	}
	if (arg[1] == '-')
		return mem_take(n, error);
	n = MIN(n, unplugged);
	unplugged -= n;
	mem_resize(mem_total() + n);
	return 0;
}

static int mem_get(const char *arg, struct seq_buf *out, const char **error)
{
	seq_printf(out, "%lu", (unsigned long)mem_total());
	return 0;
}

static int mem_remove(const char *arg, const char **error)
{
	*error = "Memory doesn't support the remove operation";
	return -EBUSY;
}

const struct mc_device devices[] = {
#ifdef CONFIG_BLOCK
	{ "ubd", disk_config, disk_get, disk_remove },
#endif
	{ "con", con_config, con_get, con_remove },
	{ "ssl", ssl_config, ssl_get, ssl_remove },
	{ "mem", mem_config, mem_get, mem_remove },
	{ NULL, NULL, NULL, NULL },
};
