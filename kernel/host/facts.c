/* SPDX-License-Identifier: MIT */
/*
 * What kind of host this is.
 */
#include "host/host.h"

#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

int host_random(void *buf, size_t n)
{
	while (n) {
		ssize_t r = getrandom(buf, n, 0);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		buf = (char *)buf + r;
		n -= (size_t)r;
	}
	return 0;
}

u64 host_auxv(u64 type)
{
	return getauxval(type);
}

bool host_cpuid(u32 leaf, u32 sub, u32 out[4])
{
	return __get_cpuid_count(leaf, sub, &out[0], &out[1], &out[2], &out[3]);
}

bool host_has_bmi2(void)
{
	return __builtin_cpu_supports("bmi2");
}

static bool is_vdso_part(const char *line)
{
	return strstr(line, "[vvar") || strstr(line, "[vdso]");
}

/* The parts lie side by side: data, then text. */
int host_find_vdso(struct host_vdso *v)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];

	memset(v, 0, sizeof(*v));
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		unsigned long s, e;

		if (!is_vdso_part(line) || sscanf(line, "%lx-%lx", &s, &e) != 2)
			continue;
		if (v->nparts == 4 || (v->nparts && s != v->end)) {
			memset(v, 0, sizeof(*v));
			break;
		}
		if (!v->nparts)
			v->vvar = s;
		if (strstr(line, "[vdso]"))
			v->vdso = s;
		v->end = e;
		v->parts[v->nparts].start = s;
		v->parts[v->nparts++].len = e - s;
	}
	fclose(f);
	if (!v->vdso || v->vdso + v->parts[v->nparts - 1].len != v->end)
		memset(v, 0, sizeof(*v));
	return v->vdso ? 0 : -ENOENT;
}

u64 host_mem_total(void)
{
	struct sysinfo si;

	if (sysinfo(&si))
		return 1UL << 30;
	return (u64)si.totalram * si.mem_unit;
}

int host_uname(char *release, size_t n)
{
	struct utsname u;

	if (uname(&u))
		return -errno;
	snprintf(release, n, "%s", u.release);
	return 0;
}

int host_getuid(void)
{
	return (int)getuid();
}

int host_loadavg(double out[3])
{
	return getloadavg(out, 3) == 3 ? 0 : -EIO;
}
