/* SPDX-License-Identifier: MIT */
/*
 * The template: the guest process from which every fresh one is forked. It is born as a copy of the kernel
 * process, before workers exist, and turns into a bare near kernel (near/start.c).
 */
#include "guest/priv.h"

#include <string.h>

#include "abi/elf.h"
#include "abi/errno.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/task.h"
#include "generated/near_syms.h"
#include "host/host.h"
#include "near/boot.h"

extern const char near_image[], near_image_end[];

int kernel_hostpid;
static struct space *tmpl;
static struct uthread *tmpl_ut;
static struct mutex tmpl_lock;
static struct host_vdso vdso;
static int text_fd, watch_fd;
static int lifeline[2] = { -1, -1 };	/* near/start.c: what dies when its write end is closed */

u64 guest_vdso_size(void)
{
	return vdso.end - vdso.vdso;
}

u64 guest_vdso_base(void)
{
	return vdso.end ? NEAR_BASE - (vdso.end - vdso.vdso) : 0;
}

u64 guest_vvar_base(void)
{
	return vdso.end ? NEAR_BASE - (vdso.end - vdso.vvar) : 0;
}

u64 guest_hwcap(void)
{
	return host_auxv(AT_HWCAP);
}

u64 guest_hwcap2(void)
{
	return host_auxv(AT_HWCAP2) & ~0ULL;
}

u64 guest_minsigstksz(void)
{
	u64 v = host_auxv(AT_MINSIGSTKSZ);

	return v ? v : 2048;
}

const char *guest_platform(void)
{
	return "x86_64";
}

#define HWCAP2_FSGSBASE_BIT 2

static void fill_boot(struct near_boot *b)
{
	b->vvar = vdso.vvar;
	b->vdso = vdso.vdso;
	b->vdso_end = vdso.end;
	b->nparts = vdso.nparts;
	for (u64 i = 0; i < vdso.nparts; i++) {
		b->parts[i].start = vdso.parts[i].start;
		b->parts[i].len = vdso.parts[i].len;
	}
	b->fsgsbase = guest_patching && (host_auxv(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT) && host_has_bmi2();
	b->filter_len = (u32)filter_build(b->filter, NEAR_FILTER_MAX);
}

/* To their numbers, but out of the way first: what one is to become may be the number of another. */
static bool take_fds(u32 nbells, const int *bells)
{
	struct {
		int fd, to;
	} take[NEAR_BELLS + 2] = { { tmpl->ctl_guest, NEAR_FD_CTL }, { lifeline[0], NEAR_FD_LIFE } };
	u32 n = 2;

	for (u32 i = 0; i < nbells; i++, n++) {
		take[n].fd = bells[i];
		take[n].to = NEAR_FD_BELL + (int)i;
	}
	for (u32 i = 0; i < n; i++) {
		take[i].fd = host_dup_above(take[i].fd, NEAR_FD_LIFE + 1);
		if (take[i].fd < 0)
			return false;
	}
	for (u32 i = 0; i < n; i++)
		if (host_dup_to(take[i].fd, take[i].to) < 0)
			return false;
	return true;
}

/*
 * In the child, on a static stack: map the near kernel's parts and go there. The text is mapped privately: guest
 * code can make its own pages writable, and all guest processes have this one.
 */
static void become_near(void *arg)
{
	struct near_boot *b = (struct near_boot *)NEAR_BOOT_ADDR;
	void (*go)(u64 stack, u64 fn, struct near_boot *) =
		(void (*)(u64, u64, struct near_boot *))(NEAR_TEXT + NEAR_SYM_SWITCH);
	int bells[NEAR_BELLS];

	if (host_map_fixed(NEAR_TEXT, NEAR_TEXT_MAX, text_fd, 0, false, true) ||
	    host_map_fixed(NEAR_DATA, NEAR_DATA_SIZE, -1, 0, false, false) ||
	    host_map_fixed(NEAR_SHARED, NEAR_SHARED_SIZE, tmpl->memfd, 0, true, false) ||
	    host_map_fixed_readonly(NEAR_WATCH, NEAR_WATCH_SIZE, watch_fd))
		return;
	fill_boot(b);
	b->nbells = (u32)sched_bells(bells);
	if (!take_fds(b->nbells, bells))
		return;
	go(NEAR_SHARED + FRESH_CTX - 256, NEAR_TEXT + NEAR_SYM_START, b);
}

static int make_text_file(void)
{
	size_t n = (size_t)(near_image_end - near_image);

	BUG_ON(n > NEAR_TEXT_MAX);
	text_fd = host_memfd("umlaut-near", NEAR_TEXT_MAX);
	if (text_fd < 0)
		return text_fd;
	return host_pwrite(text_fd, near_image, n, 0) == (ssize)n ? 0 : -EIO;
}

int template_start(void)
{
	int err;

	mutex_init(&tmpl_lock, "template", RANK_TEMPLATE);
	kernel_hostpid = host_getpid();
	host_find_vdso(&vdso);
	if (vdso.end - vdso.vvar > NEAR_VDSO_ROOM)
		memset(&vdso, 0, sizeof(vdso));
	err = make_text_file();
	if (err)
		return err;
	watch_fd = poll_share();
	if (watch_fd < 0)
		return watch_fd;
	err = host_pipe(lifeline, false);
	if (err)
		return err;
	err = space_alloc(&tmpl);
	if (err)
		return err;
	err = uthread_new(tmpl, 0, &tmpl_ut);
	if (err)
		return err;
	uc_init(tmpl_ut->area, NEAR_SHARED, FRESH_CTX);
	tmpl_ut->ctx = FRESH_CTX;
	tmpl_ut->full = true;
	area_setup(tmpl_ut);
	err = host_fork_child(become_near, NULL);
	space_sent(tmpl);
	host_close(text_fd);
	host_close(watch_fd);
	host_close(lifeline[0]);
	if (err < 0)
		return err;
	space_set_pid(tmpl, err);
	tmpl_ut->tid = err;
	return 0;
}

int template_hostpid(void)
{
	return tmpl->hostpid;
}

void template_cut_lifeline(void)
{
	if (lifeline[1] >= 0)
		host_close(lifeline[1]);
	lifeline[1] = -1;
}

int template_spawn(struct space **out, struct uthread **first)
{
	int err;

	mutex_lock(&tmpl_lock);
	err = tmpl->dead ? -ESRCH : space_fork(tmpl_ut, NULL, out, first);
	mutex_unlock(&tmpl_lock);
	if (!err)
		(*first)->in_call = false;
	return err;
}
