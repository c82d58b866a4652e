/* SPDX-License-Identifier: MIT */
/*
 * The far kernel without guests: as much of main.c's boot as file systems need, and a kernel thread that runs cases.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/mount.h"
#include "core/arena.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/task.h"
#include "dev/dev.h"
#include "fs/fs.h"
#include "host/host.h"
#include "mm/mm.h"
#include "mm/pagecache.h"
#include "tests/fuzz/fuzz.h"
#include "vfs/vfs.h"

#define MEMORY (96u << 20)
#define LEAK_CHECK_EVERY 1000u

int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

struct sample samples[SAMPLES_MAX];
u32 nsamples;

void stage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(shared->stage, sizeof(shared->stage), fmt, ap);
	va_end(ap);
	shared->beat++;
}

static void say(const char *text, size_t len)
{
	host_write_stderr(text, len);
}

static void must(int err, const char *what)
{
	if (err)
		panic("fuzz: %s: error %d", what, err);
}

static void make_root(void)
{
	struct mount *m;
	struct mount_ns *ns;
	struct path root;

	must(vfs_kern_mount(fs_type_find("tmpfs"), "/dev/root", 0, "mode=755", &m), "root");
	root = (struct path){ m, m->root };
	ns = mount_ns_new(m);
	current->fs = ns ? fs_ctx_new(ns, &root) : NULL;
	must(!current->fs, "root");
	must(vfs_mkdir(AT_FDCWD, "/dev", 0755), "/dev");
	must(vfs_mkdir(AT_FDCWD, "/mnt", 0755), "/mnt");
	must(vfs_mount("devtmpfs", "/dev", "devtmpfs", 0, NULL), "devtmpfs");
}

/* From the untouched sample: what the case before wrote is gone. */
static void one_case(const struct fuzz_case *c)
{
	const struct sample *s = &samples[c->sample];

	memcpy(shared->image, s->bytes, s->size);
	shared->hurt = s->size;
	for (u32 i = 0; i < c->ngenes; i++)
		s->target->mutate(s, shared->image, c->gene[i]);
	cover_start();
	s->target->run(s, shared->image, c->work);
	cover_stop();
	case_note_coverage(c);
	arena_reset();
}

/* What is cached is no leak, and hides none for long. */
static void look_for_leaks(void)
{
	pagecache_drop_clean();
	if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check())
		panic("fuzz: one of the last %u cases leaked", LEAK_CHECK_EVERY);
}

static void fuzz_task(void *arg)
{
	struct fuzz_case c;
	u32 n = 0;

	pagecache_init();
	make_root();
	for (u32 i = 0; i < nsamples; i++)
		if (samples[i].target->prepare)
			must(samples[i].target->prepare(&samples[i]), samples[i].name);
	shared->ready = true;
	while (fuzz_next_case(&c)) {
		one_case(&c);
		fuzz_case_done();
		if (++n % LEAK_CHECK_EVERY == 0)
			look_for_leaks();
	}
	look_for_leaks();
	shared->finished = true;
	host_exit(0);
}

void fuzz_kernel(void)
{
	log_set_sink(say);
	log_set_console_level(1);
	mem_set_total(MEMORY);
	must(sched_init(1), "scheduler");
	kernel_lock();
	fs_types_set(fs_table);
	must(vfs_init(), "vfs");
	must(dev_init(), "devices");
	must(kthread_run("fuzz", fuzz_task, NULL), "thread");
	kernel_unlock();
	sched_start();
	host_exit(1);
}
