/* SPDX-License-Identifier: MIT */
/*
 * The option table. Options are matched whole ("name") or by prefix ("name=", "name."); those marked consumed do not
 * appear in /proc/cmdline. What nobody knows goes to init: name=value as environment, the rest as arguments.
 */
#include "cmdline.h"

#include <stdio.h>
#include <string.h>

#include "block/ubd.h"
#include "confine.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "embed/embed.h"
#include "fs/hostfs/hostfs.h"
#include "guest/guest.h"
#include "host/host.h"
#include "host/inject.h"
#include "lib/alloc.h"
#include "lib/strto.h"
#include "mconsole/mconsole.h"
#include "sys/sys.h"
#include "tty/tty.h"

#define CMDLINE_MAX 4096
#define FIRST_DISK "98:0"

#ifdef CONFIG_SECURE
#define SECURE true
#else
#define SECURE false
#endif

struct boot_options boot = {
	.mem = 0,
	.ncpus = 0,
	.readonly = true,
	.stderr_console = true,
	.secure = SECURE,
	.control = -1,
};

static char cmdline[CMDLINE_MAX];
static char unknown[CMDLINE_MAX];

struct option {
	const char *name;		/* with '=': takes a value */
	bool consumed;
	void (*fn)(char *value);	/* the text behind '=', or the whole word */
	const char *help;
};

static void say(const char *text)
{
	host_write_stdout(text, strlen(text));
}

static void complain(const char *text)
{
	host_write_stderr(text, strlen(text));
}

/* Number with K M G T P E; text that is none counts as 0. */
static u64 memparse(const char *s)
{
	char *end;
	u64 n = strtoull(s, &end, 0);
	const char *units = "kmgtpe", *u = *end ? strchr(units, *end | 0x20) : NULL;

	if (u)
		n <<= 10 * (u - units + 1);
	return n;
}

static void opt_mem(char *v)
{
	boot.mem = memparse(v);
	if (!boot.mem)
		boot.mem = 1;		/* too small: said by main.c */
}

static void opt_ncpus(char *v)
{
	char *end;
	long n = strtol(v, &end, 0);

	if (end == v || *end) {
		complain("uml_ncpus_setup: Couldn't parse '");
		complain(v);
		complain("'\n");
		return;
	}
	boot.ncpus = (int)MIN(MAX(n, 1L), 64L);
}

static void opt_root(char *v)
{
	boot.root = v;
}

static void opt_rootfstype(char *v)
{
	boot.rootfstype = v;
}

static void opt_rootflags(char *v)
{
	boot.rootflags = v;
}

static void opt_ro(char *v)
{
	boot.readonly = true;
}

static void opt_rw(char *v)
{
	boot.readonly = false;
}

static void opt_init(char *v)
{
	boot.init = v;
}

static void opt_rdinit(char *v)
{
	boot.rdinit = v;
}

static void opt_initrd(char *v)
{
	boot.initrd = v;
}

static void opt_umid(char *v)
{
	if (boot.umid)
		complain("umid already set\n");
	else
		boot.umid = v;
}

static void opt_uml_dir(char *v)
{
	if (*v)
		boot.uml_dir = v;
	else
		complain("uml_dir can't be an empty string\n");
}

static void opt_mconsole(char *v)
{
	mconsole_setup(v);
}

static void opt_control(char *v)
{
	char *end;
	long n = strncmp(v, "fd:", 3) ? -1 : strtol(v + 3, &end, 10);

	if (n < 0 || *end || end == v + 3) {
		complain("control: expected control=fd:N\n");
		host_exit(1);
	}
	boot.control = (int)n;
}

static void opt_bind(char *v)
{
	if (boot.nbind < BIND_MAX) {
		boot.bind[boot.nbind++] = v;
		return;
	}
	complain("bind: too many\n");
	host_exit(1);
}

static void opt_overlay(char *v)
{
	boot.overlay = true;
}

static void opt_tty_log_fd(char *v)
{
	if (tty_log_setup_fd(v)) {
		complain("tty_log_fd: no such descriptor: '");
		complain(v);
		complain("'\n");
	}
}

static void opt_tty_log_dir(char *v)
{
	boot.tty_log_dir = tty_log_setup_dir(v);
}

/* "watchdog" alone, or with the program. */
static void opt_watchdog(char *v)
{
	boot.watchdog = "";
}

static void opt_watchdog_program(char *v)
{
	boot.watchdog = v;
}

static void opt_xterm(char *v)
{
	boot.xterm = v;
}

static void opt_noreboot(char *v)
{
	boot.noreboot = true;
}

static void opt_quiet(char *v)
{
	boot.quiet = true;
	log_set_console_level(4);
}

static void opt_debug(char *v)
{
	log_set_console_level(10);
}

static void opt_loglevel(char *v)
{
	log_set_console_level((int)strtol(v, NULL, 0));
}

static void opt_stderr(char *v)
{
	boot.stderr_console = strtoul(v, NULL, 0) == 1;
}

static void opt_console(char *v)
{
	console_setup(v);
}

static void opt_line(char *whole)
{
	confine_note_line(whole);
	line_setup(whole);
}

static bool is_ubd_option(const char *arg)
{
	return !strncmp(arg, "ubd", 3) && strchr(arg, '=');
}

static bool is_first_disk(const char *root)
{
	static const char *const names[] = { "/dev/ubda", "/dev/ubd0", "/dev/ubd/0", FIRST_DISK };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(root, names[i]))
			return true;
	return false;
}

static void opt_hostfs(char *v)
{
	const char *bad = hostfs_setup(v);

	if (!bad)
		return;
	say("hostfs_args - unsupported option - ");
	say(bad);
	say("\n");
}

static void opt_fastpath(char *v)
{
	guest_fastpath = strcmp(v, "off") != 0;
}

static void opt_patch(char *v)
{
	guest_patching = strcmp(v, "off") != 0;
}

static void opt_strace(char *v)
{
	boot.strace = v;
}

static void opt_confine(char *v)
{
	boot.secure = strcmp(v, "off") != 0;
}

static void opt_ids(char *v)
{
	if (!hostfs_ids_mode(v, &hostfs_boot.ids))
		pr_warn("ids=%s is unknown: host or xattr", v);
}

static void opt_failmalloc(char *v)
{
	inject_setup((u32)strtoul(v, NULL, 0), 0);
}

static void opt_failhost(char *v)
{
	inject_setup(0, (u32)strtoul(v, NULL, 0));
}

static void opt_panic(char *v)
{
	sysctl.panic = (int)strtol(v, NULL, 0);
}

/* Linux complains in the log and goes on; the log is not up yet. */
static void opt_sysctl(char *v)
{
	char *value = strchr(v, '=');

	if (value)
		*value = 0;
	if (!value || sysctl_write(v, value + 1)) {
		complain("Failed to set sysctl parameter '");
		complain(v);
		complain("'\n");
	}
	if (value)
		*value = '=';
}

static void opt_single(char *v)
{
	if (boot.nargs < INIT_ARGS_MAX)
		boot.init_argv[1 + boot.nargs++] = v;
}

static void opt_nothing(char *v)
{
}

static void opt_version(char *v) __noreturn;
static void opt_version(char *v)
{
	say(uts.release);
	say("\n");
	host_exit(0);
}

static void opt_showconfig(char *v) __noreturn;
static void opt_showconfig(char *v)
{
	host_write_stdout(config_data, (size_t)(config_data_end - config_data));
	host_exit(0);
}

static void opt_compat(char *v) __noreturn;
static void opt_compat(char *v)
{
	compat_print(say);
	host_exit(0);
}

static void opt_help(char *v) __noreturn;

static const struct option options[] = {
	{ "--help", true, opt_help, "Prints this text." },
	{ "--version", true, opt_version, "Prints the release." },
	{ "--showconfig", true, opt_showconfig, "Prints the configuration this kernel was built from." },
	{ "--compat", true, opt_compat, "Prints the table of supported system calls." },
	{ "mem=", true, opt_mem,
	  "mem=SIZE[KMGTPE]\n    Memory of the machine. Default: a quarter of the host's, at least 256M. Processes that "
	  "go beyond it\n    meet the machine's own OOM killer." },
	{ "ncpus=", true, opt_ncpus, "ncpus=N\n    CPUs that the machine shows. Default: those of the host that may be used." },
	{ "root=", false, opt_root, "root=DEVICE\n    Root file system. Without it and without rootfstype= the embedded one is booted." },
	{ "rootfstype=", false, opt_rootfstype, "rootfstype=TYPE\n    hostfs: a host directory is the root." },
	{ "rootflags=", false, opt_rootflags, "rootflags=DATA\n    Mount data of the root; for hostfs the directory." },
	{ "ro", false, opt_ro, "ro\n    Mount the root read-only (default)." },
	{ "rw", false, opt_rw, "rw\n    Mount the root writable." },
	{ "init=", false, opt_init, "init=PATH\n    First program." },
	{ "rdinit=", false, opt_rdinit, "rdinit=PATH\n    First program of an initramfs." },
	{ "initrd=", true, opt_initrd, "initrd=FILE\n    cpio archive (plain, gzip, xz, zstd, or lz4 -l) to boot from." },
	{ "umid=", true, opt_umid, "umid=NAME\n    Name of this machine." },
	{ "uml_dir=", true, opt_uml_dir, "uml_dir=DIR\n    Where machines' directories are. Default: ~/.uml" },
	{ "mconsole=", false, opt_mconsole,
	  "mconsole=notify:SOCKET\n    Tell a listener on the host about boot, panic, and what the guest writes to "
	  "/proc/mconsole." },
	{ "control=", true, opt_control,
	  "control=fd:N\n    No init: the kernel starts what is asked for over this connection (docs/control.md)." },
	{ "bind=", true, opt_bind, "bind=HOST:GUEST[:ro]\n    Mounts a directory of the host. May be repeated." },
	{ "overlay", true, opt_overlay, "overlay\n    Changes to the root are kept in memory and lost at the end." },
	{ "noreboot", true, opt_noreboot, "noreboot\n    A reboot ends the program." },
	{ "quiet", false, opt_quiet, "quiet\n    Fewer messages." },
	{ "debug", false, opt_debug, "debug\n    More messages." },
	{ "loglevel=", false, opt_loglevel, "loglevel=N\n    Messages below this level are shown." },
	{ "stderr=", false, opt_stderr, "stderr=0|1\n    Early messages to standard error." },
	{ "earlyprintk", false, opt_nothing, NULL },
	{ "console=", false, opt_console, "console=NAME\n    tty0..tty15, ttyS0..ttyS63." },
	{ "con", false, NULL, "con[N]=CHANNEL\n    Where console N is on the host: fd:N, null, port:N, pty, pts, tty:PATH, xterm, none; or IN,OUT." },
	{ "ssl", false, NULL, "ssl[N]=CHANNEL\n    The same for serial lines." },
	{ "ubd", false, NULL,
	  "ubdN[rsdct]=FILE[,BACKING[,SERIAL]]\n    Host file FILE as disk N (0..15 or a..p): /dev/ubda and on. With BACKING, FILE is "
	  "a copy-on-write\n    file over it, made if there is none. r: read-only, s: synchronous, d: never "
	  "copy-on-write, c: no\n    lock on the host, t: no discard. ubd=sync: all disks synchronous." },
	{ "hostfs=", true, opt_hostfs, "hostfs=ROOT,append\n    Confines every hostfs mount to ROOT." },
	{ "ids=", false, opt_ids, "ids=xattr|host\n    Keep owners, modes and devices of hostfs in extended attributes (the default\n    unless root starts the kernel), or show the host's." },
	{ "fastpath=", false, opt_fastpath, "fastpath=off\n    Every system call is answered by the kernel process." },
	{ "patch=", false, opt_patch, "patch=off\n    System calls always trap; no call site is patched." },
	{ "confine=", false, opt_confine, "confine=off\n    The kernel process does not give up its own rights after boot." },
	{ "strace=", false, opt_strace, "strace=SPEC\n    Trace of guest calls on standard error: all, or names." },
	{ "failmalloc=", true, opt_failmalloc, "failmalloc=N\n    Every N-th allocation fails (debug kernels)." },
	{ "failhost=", true, opt_failhost, "failhost=N\n    Every N-th host call that takes a resource fails (debug kernels)." },
	{ "panic=", false, opt_panic, NULL },
	{ "sysctl.", false, opt_sysctl, "sysctl.NAME=VALUE\n    Sets what is /proc/sys/NAME, as in sysctl.kernel.threads-max=100." },
	{ "single", false, opt_single, "single\n    Handed to init." },
	{ "seccomp=", true, opt_nothing, NULL },
	{ "xterm=", true, opt_xterm,
	  "xterm=EMULATOR,TITLE_SWITCH,EXEC_SWITCH\n    The terminal of xterm channels. Default: xterm,-T,-e" },
	{ "tty_log_fd=", true, opt_tty_log_fd,
	  "tty_log_fd=N\n    Records of all that goes over terminals, to this descriptor; uml_playlog shows them." },
	{ "tty_log_dir=", true, opt_tty_log_dir,
	  "tty_log_dir=DIR\n    The same without tty_log_fd=: a file with the plain output for each session, in DIR." },
	{ "watchdog", true, opt_watchdog, NULL },
	{ "watchdog=", true, opt_watchdog_program,
	  "watchdog[=PROGRAM]\n    /dev/watchdog works: PROGRAM on the host (default: uml_watchdog) ends a machine "
	  "that is silent for a minute." },
	{ "dtb=", true, opt_nothing, NULL },
	{ "dsp=", true, opt_nothing, NULL },
	{ "mixer=", true, opt_nothing, NULL },
};

static void opt_help(char *v)
{
	say("User Mode Linux v");
	say(uts.release);
	say("\n\tthis is Umlaut, a kernel of its own with UML's interface\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (!options[i].help)
			continue;
		if (strncmp(options[i].name, "--", 2) == 0) {
			say(options[i].name);
			say("\n    ");
		}
		say(options[i].help);
		say("\n\n");
	}
	host_exit(0);
}

static bool is_line_option(const char *arg)
{
	const char *p = arg;

	if (!strcmp(arg, "ssl-non-raw"))
		return true;
	if (strncmp(p, "con", 3) && strncmp(p, "ssl", 3))
		return false;
	p += 3;
	while (*p >= '0' && *p <= '9')
		p++;
	return *p == '=';
}

static const struct option *find_option(const char *arg, char **value)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];
		size_t n = strlen(o->name);
		bool prefix = strchr("=.", o->name[n - 1]) != NULL;

		if (!o->fn)
			continue;
		if (prefix ? !strncmp(arg, o->name, n) : !strcmp(arg, o->name)) {
			*value = (char *)arg + (prefix ? n : 0);
			return o;
		}
	}
	return NULL;
}

static void append(char *to, const char *word)
{
	size_t n = strlen(to);

	if (n + strlen(word) + 2 > CMDLINE_MAX) {
		complain("add_arg: Too many command line arguments!\n");
		host_exit(1);
	}
	if (n)
		to[n++] = ' ';
	strcpy(to + n, word);
}

static void pass_to_init(char *arg)
{
	append(unknown, arg);
	if (strchr(arg, '=')) {
		if (boot.nenv < INIT_ARGS_MAX)
			boot.init_envp[boot.nenv++] = arg;
	} else if (boot.nargs < INIT_ARGS_MAX) {
		boot.init_argv[1 + boot.nargs++] = arg;
	}
}

static void one_arg(char *arg)
{
	char *value;
	const struct option *o;

	if (is_line_option(arg)) {
		opt_line(arg);
		append(cmdline, arg);
		return;
	}
	if (is_ubd_option(arg)) {
		ubd_setup(arg + 3);
		append(cmdline, arg);
		return;
	}
	o = find_option(arg, &value);
	if (!o || !o->consumed)
		append(cmdline, arg);
	if (o)
		o->fn(value);
	else if (!strncmp(arg, "udb", 3))
		complain("udb specified on command line is almost certainly a ubd -> udb TYPO\n");
	else
		pass_to_init(arg);
}

static void pass_rest(char **argv, int i, int argc)
{
	for (; i < argc && boot.nargs < INIT_ARGS_MAX; i++) {
		append(cmdline, argv[i]);
		boot.init_argv[1 + boot.nargs++] = argv[i];
	}
}

/*
 * As UML: the first disk is the root if nothing else is said, and is the file root_fs if that is not said either. What
 * names the embedded root file system, or an initrd, says something else.
 */
static void choose_root(void)
{
	bool said = boot.root || boot.rootfstype || boot.initrd || boot.rdinit || boot.control >= 0;

	if (!said && !ubd_configured(0) && ubd_default_exists())
		ubd_default();
	if (!said && ubd_configured(0)) {
		append(cmdline, "root=" FIRST_DISK);
		boot.root = FIRST_DISK;
	}
	if (boot.root && is_first_disk(boot.root) && !ubd_configured(0))
		ubd_default();
}

void cmdline_parse(int argc, char **argv)
{
	boot.init_envp[boot.nenv++] = "HOME=/";
	boot.init_envp[boot.nenv++] = "TERM=linux";
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			append(cmdline, "--");
			pass_rest(argv, i + 1, argc);
			break;
		}
		if (i == 1 && argv[i][0] == ' ')
			continue;
		one_arg(argv[i]);
	}
	choose_root();
	if (!strstr(cmdline, "console="))
		append(cmdline, "console=tty0");
	kernel_cmdline = cmdline;
}

void cmdline_report_unknown(void)
{
	if (*unknown)
		pr_notice("Unknown kernel command line parameters \"%s\", will be passed to user space.", unknown);
}
