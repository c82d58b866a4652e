/* SPDX-License-Identifier: MIT */
/*
 * Boot order and the ends of the machine (docs/boot.md).
 */
#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/signal.h"
#include "abi/utsname.h"
#include "block/blkdev.h"
#include "block/ubd.h"
#include "cmdline.h"
#include "confine.h"
#include "control/control.h"
#include "core/background.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "dev/dev.h"
#include "dev/loop.h"
#include "devices.h"
#include "embed/embed.h"
#include "fs/fs.h"
#include "fs/initramfs/initramfs.h"
#include "fs/overlay/overlay.h"
#include "guest/guest.h"
#include "host/chanhelp.h"
#include "host/host.h"
#include "host/inject.h"
#include "instance.h"
#include "lib/alloc.h"
#include "machine.h"
#include "mconsole/mconsole.h"
#include "mconsole/sysrq.h"
#include "mm/mm.h"
#include "mm/pagecache.h"
#include "mounts.h"
#include "net/socket.h"
#include "process/process.h"
#include "process/spawn.h"
#include "sys/machine.h"
#include "sys/sys.h"
#include "tty/tty.h"
#include "vfs/vfs.h"

#define MEM_MIN (8UL << 20)
#define MEM_DEFAULT_MIN (256UL << 20)

static void early_sink(const char *text, size_t len)
{
	if (boot.stderr_console)
		host_write_stderr(text, len);
}

static void setup_memory(void)
{
	char text[128];
	int n;

	if (!boot.mem)
		boot.mem = MAX(host_mem_total() / 4, MEM_DEFAULT_MIN);
	if (boot.mem < MEM_MIN) {
		n = snprintf(text, sizeof(text), "Too few physical memory! Needed=%lu, given=%lu\n", MEM_MIN,
			     boot.mem == 1 ? 0 : boot.mem);
		host_write_stderr(text, (size_t)n);
		host_exit(1);
	}
	mem_set_total(boot.mem & PAGE_MASK);
	/* Linux's rule: an eighth of the memory for kernel stacks, as large as Linux's. */
	if (!sysctl.threads_max)
		sysctl.threads_max = (int)MIN(MAX(boot.mem / (8 * 16384), 20ul), 32768ul);
}

static void must(int err, const char *what)
{
	char text[160];
	int n;

	if (!err)
		return;
	n = snprintf(text, sizeof(text), "linux: cannot start: %s failed (error %d)\n", what, -err);
	host_write_stderr(text, (size_t)n);
	guest_shutdown();
	instance_remove();
	host_exit(1);
}

/* --- the root file system --- */

/* The boot task's view of files, inherited by init. */
static int enter_root(struct mount *m)
{
	struct path root = { m, m->root };
	struct mount_ns *ns = mount_ns_new(m);

	if (!ns)
		return -ENOMEM;
	current->fs = fs_ctx_new(ns, &root);
	return current->fs ? 0 : -ENOMEM;
}

/* "98:0" and "PARTUUID=" are shown as the device's node, so that programs find it in their tables. */
static const char *root_source(const struct fs_type *t, char *buf, size_t n)
{
	struct blkdev *b;

	if (t->nodev || !boot.root)
		return "/dev/root";
	b = blkdev_by_root(boot.root);
	if (!b)
		return boot.root;
	snprintf(buf, n, "/dev/%s", b->name);
	blkdev_put(b);
	return buf;
}

static int mount_root(const char *type, u32 flags, const char *data)
{
	const struct fs_type *t = fs_type_find(type);
	char source[40];
	struct mount *m;
	int err;

	if (!t)
		return -ENODEV;
	err = vfs_kern_mount(t, root_source(t, source, sizeof(source)), flags, data, &m);
	if (!err && boot.overlay && strcmp(type, "tmpfs"))
		err = overlay_over(m, &m);
	if (err)
		return err;
	return enter_root(m);
}

/* A root from the host has no device nodes: as with Linux's CONFIG_DEVTMPFS_MOUNT. */
static void mount_dev(void)
{
	int err = vfs_mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, NULL);

	if (err)
		pr_warn("devtmpfs: error mounting %d", err);
	else
		pr_info("devtmpfs: mounted");
}

/* A root= that names a disk has one of the types of disks: each is tried, as in Linux. */
static int try_disk_types(u32 flags, const char **type)
{
	int err = -ENODEV;

	for (const struct fs_type *const *t = fs_types(); *t && err; t++) {
		if ((*t)->nodev)
			continue;
		*type = (*t)->name;
		err = mount_root(*type, flags, boot.rootflags);
	}
	return err;
}

static int mount_any_root(u32 flags, const char **type)
{
	struct blkdev *disk = boot.root && !boot.rootfstype ? blkdev_by_root(boot.root) : NULL;

	if (disk) {
		blkdev_put(disk);
		return try_disk_types(flags, type);
	}
	*type = boot.rootfstype ? boot.rootfstype : "hostfs";
	return mount_root(*type, flags, boot.rootflags);
}

static void root_or_panic(void)
{
	u32 flags = boot.readonly ? MS_RDONLY : 0, dev;
	const char *type = "unknown";
	int err = mount_any_root(flags, &type);

	if (!err) {
		dev = current->fs->root.mnt->sb->dev;
		pr_info("VFS: Mounted root (%s filesystem)%s on device %u:%u.", type,
			boot.readonly ? " readonly" : "", major_k(dev), minor_k(dev));
		mount_dev();
		return;
	}
	if (err == -ENODEV)
		pr_err("VFS: file system type \"%s\" is not known", type);
	else
		pr_err("VFS: Cannot open root \"%s\" (%s filesystem): error %d (%s)",
		       boot.rootflags ? boot.rootflags : "/", type, err,
		       err == -ENOENT ? "no such directory" : err == -ENOTDIR ? "not a directory" :
		       err == -EACCES ? "permission denied" : "see errno(3)");
	panic("VFS: Unable to mount root fs on %s", boot.root ? boot.root : type);
}

static void unpack_file(const char *path)
{
	char *data = NULL;
	size_t len = 0, cap = 0;
	int fd = host_open(path, O_RDONLY, 0);
	ssize n = 0;

	if (fd < 0) {
		pr_err("Opening '%s' failed - err = %d", path, -fd);
		return;
	}
	do {
		if (len == cap) {
			char *p = krealloc(data, cap ? cap * 2 : 1 << 20);

			if (!p)
				break;
			data = p;
			cap = cap ? cap * 2 : 1 << 20;
		}
		n = host_read(fd, data + len, cap - len);
		if (n > 0)
			len += (size_t)n;
	} while (n > 0);
	host_close(fd);
	if (!len)
		pr_err("\"%s\" is empty", path);
	else if (initramfs_unpack(data, len))
		pr_err("initrd \"%s\": not a cpio archive, or cut short", path);
	kfree(data);
}

static void boot_initramfs(void)
{
	if (mount_root("tmpfs", 0, "mode=755"))
		panic("VFS: cannot make the initial root");
	if (boot.initrd)
		unpack_file(boot.initrd);
	else if (initramfs_unpack(initramfs_image, (size_t)(initramfs_image_end - initramfs_image)))
		panic("the embedded root file system is damaged");
	host_dontneed_const(initramfs_image, initramfs_image_end);
}

/* --- init --- */

static int try_init(const char *path)
{
	int err;

	boot.init_argv[0] = (char *)path;
	pr_info("Run %s as init process", path);
	err = start_init(path, boot.init_argv, boot.init_envp);
	if (err && err != -ENOENT)
		pr_err("Starting init: %s exists but couldn't execute it (error %d)", path, err);
	return err;
}

/* Init systems give terminals to logins themselves, and take a key of the console for ctrl-alt-del. */
static bool is_shell(const char *init)
{
	const char *name = strrchr(init, '/');

	name = name ? name + 1 : init;
	return strcmp(name, "init") && strcmp(name, "systemd");
}

static void run_init(bool initramfs)
{
	static const char *const usual[] = { "/sbin/init", "/etc/init", "/bin/init", "/bin/sh" };
	int err;

	if (initramfs && !boot.init) {
		init_is_shell = boot.rdinit && is_shell(boot.rdinit);
		if (!try_init(boot.rdinit ? boot.rdinit : "/init"))
			return;
		init_is_shell = false;
	}
	if (boot.init) {
		init_is_shell = is_shell(boot.init);
		err = try_init(boot.init);
		if (!err)
			return;
		panic("Requested init %s failed (error %d).", boot.init, err);
	}
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		if (!try_init(usual[i]))
			return;
	panic("No working init found.  Try passing init= option to kernel.");
}

/* No init: what is asked for over the control channel is run. */
static void run_control(void)
{
	int err, fd = host_dup(boot.control);

	if (fd < 0)
		panic("control=fd:%d: not an open descriptor", boot.control);
	host_close(boot.control);
	err = start_kernel_init();
	if (!err)
		err = control_attach(fd);
	if (err)
		panic("control=fd:%d: error %d", boot.control, err);
}

static void boot_task(void *arg)
{
	bool initramfs = boot.initrd || (!boot.root && !boot.rootfstype);
	int err;

	pagecache_init();
	err = ubd_init();
	if (!err)
		err = loop_init();
	if (err)
		pr_err("block: not all disks could be added: error %d", err);
	if (initramfs)
		boot_initramfs();
	else
		root_or_panic();
	if (initramfs && boot.control >= 0)
		mount_dev();
	mounts_bind();
	if (boot.control >= 0)
		mounts_api();
	cmdline_report_unknown();
	mm_account_start();
	confine_calls();
	host_heap_trim();
	if (boot.control >= 0)
		run_control();
	else
		run_init(initramfs);
	fs_ctx_put(current->fs);
	current->fs = NULL;
	inject_start();
}

static void banner(void)
{
	pr_notice("%s version %s (%s) %s", uts.sysname, uts.release, uts.machine, uts.version);
	pr_notice("Kernel command line: %s", kernel_cmdline);
	pr_info("Memory: %luK available, %d CPU%s", (unsigned long)(mem_total() >> 10), sched_ncpus(),
		sched_ncpus() == 1 ? "" : "s");
}

/* Before the rights that it needs are given up. */
static void channel_helper(void)
{
	const struct host_chanhelp cfg = {
		.xterm = boot.xterm,
		.watchdog = boot.watchdog,
		.notify = mconsole_listener(),
	};
	int err;

	line_set_machine(instance_name());
	watchdog_enabled = boot.watchdog != NULL;
	if (!line_config_names("port") && !line_config_names("xterm") && !boot.watchdog)
		return;
	err = host_chanhelp_start(&cfg);
	if (err)
		pr_err("no channel helper: error %d", err);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--port-helper"))
		host_port_helper(argc, argv);
	log_set_sink(early_sink);
	machine_set_args(argv);
	cmdline_parse(argc, argv);
	host_start_limits();
	setup_memory();
	must(host_check(), "a check of the host");
	instance_create(boot.uml_dir, boot.umid);
	ubd_open_files();
	channel_helper();
	confine_files();
	must(sched_init(boot.ncpus ? boot.ncpus : host_ncpus()), "starting the scheduler");
	must(guest_init(), "making the first guest process");
	must(machine_init(), "taking the host's signals");
	banner();
	kernel_lock();
	task_user_loop = user_loop;
	session_exit_hook = tty_session_exit;
	fs_types_set(fs_table);
	must(vfs_init(), "starting the file system layer");
	must(dev_init(), "registering devices");
	must(tty_init(), "opening the console");
	log_set_sink(console_log_sink);
	sysrq_init();
	mconsole_init(instance_dir(), devices);
	if (boot.strace)
		must(trace_init(boot.strace, host_write_stderr), "strace=");
	must(background_init(), "starting a kernel thread");
	must(kthread_run("swapper", boot_task, NULL), "starting the boot task");
	kernel_unlock();
	sched_start();
	return 0;
}
