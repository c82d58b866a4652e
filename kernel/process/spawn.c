/* SPDX-License-Identifier: MIT */
/*
 * Processes started by the kernel: as fork and exec of init, only that init need not take part.
 */
#include "process/spawn.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/wait.h"
#include "core/log.h"
#include "core/sched.h"
#include "lib/alloc.h"
#include "process/itimer.h"
#include "process/process.h"
#include "process/ptrace.h"
#include "vfs/vfs.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PATH_LEN 4096

struct spawning {
	const struct spawn_request *rq;
	struct wait_queue wq;
	bool done;
	int err;
};

/* --- the program --- */

static const char *env_path(char *const *envp)
{
	for (; *envp; envp++)
		if (!strncmp(*envp, "PATH=", 5))
			return *envp + 5;
	return PATH_DEFAULT;
}

/* As execvp(): the first that can be executed, or the error that says most. */
static int exec_by_path(const struct spawn_request *rq)
{
	const char *name = rq->argv[0], *dir, *end;
	size_t len;
	int err, best = -ENOENT;
	char *path;

	if (strchr(name, '/'))
		return kernel_execve(name, rq->argv, rq->envp);
	path = kmalloc(PATH_LEN);
	if (!path)
		return -ENOMEM;
	for (dir = env_path(rq->envp); ; dir = end + 1) {
		end = strchrnul(dir, ':');
		len = (size_t)(end - dir);
		if (len + strlen(name) + 2 <= PATH_LEN) {
			memcpy(path, dir, len);
			path[len] = len ? '/' : 0;
			strcpy(path + len + !!len, name);
			err = kernel_execve(path, rq->argv, rq->envp);
			if (!err || (err != -ENOENT && err != -ENOTDIR && err != -EACCES)) {
				best = err;
				break;
			}
			best = err == -EACCES ? err : best;
		}
		if (!*end)
			break;
	}
	kfree(path);
	return best;
}

static int enter_cwd(const char *cwd)
{
	struct path p;
	int err;

	if (!cwd || !*cwd)
		return 0;
	err = path_lookup(AT_FDCWD, cwd, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);
	if (err)
		return err;
	err = vfs_chdir(&p);
	path_put(&p);
	return err;
}

/* A session leader's first open of a terminal makes it the controlling one. */
static int open_stdio(const struct spawn_request *rq)
{
	struct file *tty = NULL, *f;
	int err = 0, fd;

	if (rq->tty)
		err = vfs_open(AT_FDCWD, rq->tty, O_RDWR, 0, LOOKUP_FOLLOW, &tty);
	for (int i = 0; i < 3 && !err; i++) {
		f = tty ? tty : rq->stdio[i];
		if (!f)
			continue;
		fd = fd_alloc(i, 0);
		if (fd >= 0)
			fd_install(fd, fget_ref(f));
		err = fd < 0 ? fd : 0;
	}
	if (tty)
		fput(tty);
	return err;
}

static int become_user(const struct spawn_request *rq)
{
	u32 *groups = NULL;
	struct cred *c;

	if (!rq->uid && !rq->gid && !rq->ngroups)
		return 0;
	if (rq->ngroups) {
		groups = kmalloc(rq->ngroups * sizeof(*groups));
		if (!groups)
			return -ENOMEM;
		memcpy(groups, rq->groups, rq->ngroups * sizeof(*groups));
	}
	c = cred_dup(current->cred);
	if (!c) {
		kfree(groups);
		return -ENOMEM;
	}
	c->uid = c->euid = c->suid = c->fsuid = rq->uid;
	c->gid = c->egid = c->sgid = c->fsgid = rq->gid;
	kfree(c->groups);
	c->groups = groups;
	c->ngroups = rq->ngroups;
	if (rq->uid)
		c->cap_permitted = c->cap_effective = c->cap_ambient = 0;
	task_set_cred(current, c);
	return 0;
}

static void spawn_entry(struct task *t)
{
	struct spawning *s = t->entry_arg;
	int err;

	err = open_stdio(s->rq);
	if (!err)
		err = become_user(s->rq);
	if (!err)
		err = enter_cwd(s->rq->cwd);
	if (!err)
		err = exec_by_path(s->rq);
	if (err)
		process_undo(t);
	s->err = err;
	s->done = true;
	wake_up_all(&s->wq);
	if (err)
		sched_exit();
	task_user_loop(t);
}

/* --- the process --- */

static int join_parts(struct task *t, struct process *init)
{
	struct process *p;
	int err = process_alloc(&p);

	if (err)
		return err;
	t->proc = p;
	p->tgid = t->tid;
	rlimits_init(p);
	p->sighand = sighand_alloc();
	t->files = files_new();
	t->fs = init->leader->fs ? fs_ctx_dup(init->leader->fs) : NULL;
	if (!p->sighand || !t->files || !t->fs)
		return -ENOMEM;
	return process_new_session(p);
}

static void publish(struct task *t, struct process *init)
{
	struct process *p = t->proc;

	p->leader = t;			/* task_alloc()'s reference */
	p->parent = init;
	p->parent_task = init->leader;
	p->exit_signal = SIGCHLD;
	list_add_tail(&p->sibling, &init->children);
	list_add_tail(&t->thread_node, &p->threads);
	p->nthreads = 1;
	list_add_tail(&p->all_node, &process_list);
	process_get(p);			/* the list's */
	user_nproc_add(0, 1);
	task_hash(t);
}

int spawn_process(const struct spawn_request *rq, struct task **out)
{
	struct process *init = find_process(1);
	struct spawning s = { .rq = rq };
	struct task *t;
	int err;

	if (!init || !init->leader || processes_ending)
		return -ESRCH;
	err = task_alloc(&t);
	if (err)
		return err;
	err = join_parts(t, init);
	if (err) {
		if (t->files)
			files_put(t->files);
		if (t->fs)
			fs_ctx_put(t->fs);
		task_put(t);
		return err;
	}
	publish(t, init);
	wq_init(&s.wq);
	task_get(t);
	task_start(t, spawn_entry, &s);
	wait_event(&s.wq, s.done, "spawn");
	if (s.err)
		task_put(t);
	else
		*out = t;
	return s.err;
}
