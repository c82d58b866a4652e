/* SPDX-License-Identifier: MIT */
/*
 * execve. The new image is built in a fresh host process while the old one still stands,
 * so every error of loading is returned to the old program. Then the other threads die, the point of no
 * return, and the task moves over: address space, signals, descriptors, credentials, registers.
 */
#include "process/process.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/prctl.h"
#include "abi/stat.h"
#include "abi/mount.h"
#include "abi/utsname.h"
#include "core/arena.h"
#include "core/sched.h"
#include "guest/guest.h"
#include "lib/alloc.h"
#include "mm/mm.h"
#include "process/exec.h"
#include "process/ptrace.h"
#include "tty/tty.h"
#include "vfs/vfs.h"

/* ---- files ---- */

static int exec_path_check(const struct path *p)
{
	struct inode *inode = p->dentry->inode;

	if (!inode)
		return -ENOENT;
	if (S_ISLNK(inode->mode))
		return -ELOOP;
	if (!S_ISREG(inode->mode) || (p->mnt->flags & MS_NOEXEC))
		return -EACCES;
	return inode_permission(inode, MAY_EXEC);
}

int exec_open(int dirfd, const char *path, u32 lookup_flags, struct file **out)
{
	struct path p;
	struct file *f;
	int err;

	err = path_lookup(dirfd, path, lookup_flags, &p);
	if (err)
		return err;
	err = exec_path_check(&p);
	if (!err && p.dentry->inode->writers > 0)
		err = -ETXTBSY;
	if (!err)
		err = file_open_checked(&p, O_RDONLY, &f);
	path_put(&p);
	if (err)
		return err;
	if (f->inode->writers > 0) {	/* opened for writing while we slept */
		fput(f);
		return -ETXTBSY;
	}
	/* Nobody may open it for writing until the last reference is put: see fput(). */
	f->mode |= FMODE_EXEC;
	f->inode->writers--;
	*out = f;
	return 0;
}

int exec_read_head(struct exec *x)
{
	ssize n;

	memset(x->head, 0, sizeof(x->head));
	n = kernel_read(x->file, x->head, sizeof(x->head), 0);
	return n < 0 ? n : 0;
}

/* ---- credentials ---- */

static void apply_setid(struct exec *x, struct cred *c)
{
	const struct inode *inode = x->file->inode;
	const struct mount *mnt = x->file->path.mnt;

	if (current->no_new_privs || (mnt && (mnt->flags & MS_NOSUID)))
		return;
	/* Who traces the program is not to gain what it would give. */
	if (!ptrace_tracer_capable(current, CAP_SYS_PTRACE))
		return;
	if (inode->mode & S_ISUID)
		c->euid = inode->uid;
	if ((inode->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		c->egid = inode->gid;
}

static void apply_capabilities(struct cred *c, const struct cred *old, bool setid)
{
	bool root_rules = !(c->securebits & SECBIT_NOROOT);
	bool effective = false;

	c->cap_permitted = 0;
	if (setid)
		c->cap_ambient = 0;
	if (root_rules && (c->euid == 0 || c->uid == 0))
		c->cap_permitted = c->cap_bounding | c->cap_inheritable;
	if (root_rules && c->euid == 0)
		effective = true;
	c->cap_permitted |= c->cap_ambient;
	c->cap_effective = effective ? c->cap_permitted : c->cap_ambient;
	if (current->no_new_privs)
		c->cap_permitted &= old->cap_permitted | c->cap_ambient;
	c->cap_effective &= c->cap_permitted;
}

static int prepare_cred(struct exec *x)
{
	const struct cred *old = current->cred;
	struct cred *c = cred_dup_for(old, false);

	if (!c)
		return -ENOMEM;
	apply_setid(x, c);
	x->setid = c->euid != old->euid || c->egid != old->egid;
	apply_capabilities(c, old, c->euid != c->uid || c->egid != c->gid);
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	c->securebits &= ~SECBIT_KEEP_CAPS;
	x->secure = c->euid != c->uid || c->egid != c->gid ||
		    (c->uid != 0 && (c->cap_effective & ~c->cap_ambient));
	x->unreadable = inode_permission(x->file->inode, MAY_READ) != 0;
	x->cred = c;
	return 0;
}

/* ---- the new image ---- */

static int new_image(struct exec *x)
{
	struct space *space;
	int err;

	err = space_create(&space, &x->ut);
	if (err)
		return err;
	uthread_bind(x->ut, current);
	err = mm_create(space, &x->mm);
	if (err) {
		uthread_exit(x->ut);
		x->ut = NULL;
		space_put(space);
	}
	return err;
}

static void drop_image(struct exec *x)
{
	if (x->ut)
		uthread_exit(x->ut);
	if (x->mm)
		mm_put(x->mm);
	x->ut = NULL;
	x->mm = NULL;
}

/* Follows scripts until there is an ELF program. */
static int find_program(struct exec *x, struct elf_info **info)
{
	int err = -ELOOP;

	for (int depth = 0; depth <= EXEC_MAX_DEPTH; depth++) {
		err = exec_read_head(x);
		if (err)
			return err;
		if (x->head[0] != '#' || x->head[1] != '!')
			return elf_prepare(x, info);
		err = script_load(x);
		if (err)
			return err;
	}
	return -ELOOP;
}

/*
 * All that the new process has to do goes to it with its start, if it is not too much: it has nothing to answer. What the host
 * refuses then kills the program, as on Linux, where the old one is gone before the new one is mapped.
 */
static int load_image(struct exec *x, struct elf_info *info)
{
	int err, err2;

	guest_batch_begin(x->ut);
	err = elf_load(x, info);
	err2 = guest_batch_leave(x->ut);
	return err ? err : err2;
}

static int build(struct exec *x)
{
	struct elf_info *info = NULL;
	int err;

	err = find_program(x, &info);
	if (!err)
		err = prepare_cred(x);
	if (!err)
		err = new_image(x);
	if (!err)
		err = load_image(x, info);
	elf_info_free(info);
	return err == -ESRCH ? -ENOMEM : err;
}

/* ---- moving over ---- */

static void reset_handlers(struct sighand *sh)
{
	for (int i = 0; i < NSIG_K; i++) {
		struct sigaction_k *sa = &sh->action[i];

		if (sa->handler != 1)
			sa->handler = 0;
		sa->flags = 0;
		sa->mask = 0;
		sa->restorer = 0;
	}
}

static int own_sighand(struct process *p)
{
	struct sighand *sh;

	if (ref_read(&p->sighand->ref) == 1)
		return 0;
	sh = sighand_dup(p->sighand);
	if (!sh)
		return -ENOMEM;
	sighand_put(p->sighand);
	p->sighand = sh;
	return 0;
}

/* The guest side of the task: old out, new in. Blocks. */
static void switch_mm(struct task *t, struct exec *x)
{
	struct uthread *old_ut = t->ut;
	struct mm *old_mm = t->mm;

	vfork_leave(t);
	if (old_ut) {
		robust_list_exit(t);
		clear_child_tid(t);
	}
	if (old_mm)
		acct_max_rss(t);
	x->mm->exe = fget_ref(x->file);
	t->ut = x->ut;
	t->mm = x->mm;
	x->ut = NULL;
	x->mm = NULL;
	if (old_ut)
		uthread_exit(old_ut);
	if (old_mm) {
		vfork_release(t);
		mm_put(old_mm);
	}
}

static void reset_process(struct task *t, struct exec *x)
{
	struct process *p = t->proc;

	itimers_exec(p);
	reset_handlers(p->sighand);
	t->altstack = (struct sigaltstack_k){ .flags = SS_DISABLE };
	t->robust_list = 0;
	t->clear_child_tid = t->set_child_tid = 0;
	t->restart.fn = NULL;
	t->keep_caps = false;
	p->exit_signal = SIGCHLD;
	p->did_exec = true;
	p->exec_id++;
	p->membarrier = 0;
	if (x->setid)
		p->personality &= ~(READ_IMPLIES_EXEC | ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT |
				    MMAP_PAGE_ZERO);
	if (x->secure)
		p->pdeath_signal = 0;
	p->dumpable = !(x->setid || x->unreadable);
}

static void set_names(struct task *t, const struct exec *x)
{
	const char *base = strrchr(x->filename, '/');

	task_set_comm(t, base ? base + 1 : x->filename);
	space_set_name(t->mm->space, t->comm);
}

/* Errors here are deadly: the old program is gone. */
static void commit(struct task *t, struct exec *x)
{
	u64 entry = x->entry, sp = x->sp;

	switch_mm(t, x);
	reset_process(t, x);
	set_names(t, x);
	files_close_on_exec(t->files);
	task_set_cred(t, x->cred);
	x->cred = NULL;
	if (uthread_reset(t->ut, entry, sp))
		kill_process(t->proc);
	uthread_publish(t->ut);
	mm_publish_brk(t->mm, t->ut);
	uthread_lend_actions(t->ut, LEND_NOW);
	t->publish = false;
	t->regs_replaced = true;
	recalc_sigpending(t);
}

/* The strings of argv are the first of the buffer. */
static void log_exec(const struct exec_args *a)
{
	size_t len = 0;

	for (int i = 0; i < a->argc; i++)
		len += strlen(a->buf + len) + 1;
	tty_log_exec(a->buf, len);
}

static void exec_free(struct exec *x)
{
	drop_image(x);
	if (x->cred)
		cred_put(x->cred);
	if (x->file)
		fput(x->file);
	exec_args_free(&x->args);
	kfree(x);
}

/* x->file and x->args are set. Frees x. */
static int exec_run(struct exec *x)
{
	struct task *t = current;
	int err, old_tid = t->tid;

	err = build(x);
	if (!err)
		err = files_unshare();
	if (!err)
		err = de_thread(t);
	if (!err)
		err = own_sighand(t->proc);
	if (!err) {
		commit(t, x);
		log_exec(&x->args);
	}
	exec_free(x);
	if (!err)
		ptrace_exec(t, old_tid);
	return err;
}

/* ---- the calls ---- */

static int exec_alloc(struct exec **out)
{
	struct exec *x = kzalloc(sizeof(*x));
	int err;

	if (!x)
		return -ENOMEM;
	err = exec_args_init(&x->args);
	if (err) {
		kfree(x);
		return err;
	}
	*out = x;
	return 0;
}

/* What the program is called when it was found through a descriptor. */
static int name_by_fd(struct exec *x, int dirfd, const char *path)
{
	char *name;

	x->filename = path;
	if (dirfd == AT_FDCWD || path[0] == '/')
		return 0;
	name = arena_alloc(strlen(path) + 32);
	if (!name)
		return -ENOMEM;
	if (*path)
		snprintf(name, strlen(path) + 32, "/dev/fd/%d/%s", dirfd, path);
	else
		snprintf(name, 32, "/dev/fd/%d", dirfd);
	x->filename = name;
	x->fd_closes = fd_get_flags(dirfd) == FD_CLOEXEC;
	return 0;
}

/* A program without any argument gets an empty argv[0], as on Linux. */
static int at_least_one_arg(struct exec_args *a)
{
	static const char *const empty[] = { "" };

	return a->argc ? 0 : exec_args_replace_first(a, empty, 1);
}

static int open_program(struct exec *x, int dirfd, const char *path, int flags)
{
	u32 lf = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH)
		lf |= LOOKUP_EMPTY;
	return exec_open(dirfd, path, lf, &x->file);
}

int process_execve(int dirfd, const char *path, uaddr_t argv, uaddr_t envp, int flags)
{
	struct exec *x;
	int err;

	err = exec_alloc(&x);
	if (err)
		return err;
	err = open_program(x, dirfd, path, flags);
	if (!err)
		err = name_by_fd(x, dirfd, path);
	if (!err)
		err = exec_args_user(&x->args, argv, &x->args.argc);
	if (!err)
		err = exec_args_user(&x->args, envp, &x->args.envc);
	if (!err)
		err = at_least_one_arg(&x->args);
	if (err) {
		exec_free(x);
		return err;
	}
	return exec_run(x);
}

int kernel_execve(const char *path, char *const argv[], char *const envp[])
{
	struct exec *x;
	int err;

	err = exec_alloc(&x);
	if (err)
		return err;
	x->filename = path;
	err = exec_open(AT_FDCWD, path, LOOKUP_FOLLOW, &x->file);
	if (!err)
		err = exec_args_kernel(&x->args, argv, &x->args.argc);
	if (!err)
		err = exec_args_kernel(&x->args, envp, &x->args.envc);
	if (err) {
		exec_free(x);
		return err;
	}
	return exec_run(x);
}
