/* SPDX-License-Identifier: MIT */
/*
 * One control channel is one kernel thread: it waits for the request, starts the process, passes
 * signals on, and tells how the process ended. What comes over the channel is the host user's, who
 * may do anything to this machine; it is checked all the same, because a mistake there must not
 * take the guest down.
 */
#include "control/control.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "control/user.h"
#include "lib/control_proto.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/task.h"
#include "host/host.h"
#include "host/unix.h"
#include "lib/alloc.h"
#include "mm/oom.h"
#include "process/process.h"
#include "process/spawn.h"
#include "tty/tty.h"
#include "vfs/vfs.h"

#define HANGUP_PATIENCE (2 * NSEC_PER_SEC)

struct channel {
	int fd;
	struct event_source *source;
	struct wait_queue wq;
	bool readable, ended, closed;
	u32 flags;
	struct task *task;		/* a reference, while there is a process */
	struct wait_entry exit_entry;
	int tty_fd, lease;		/* -1: none */
};

void (*control_end_machine)(int status) __noreturn;

static void send(struct channel *c, const void *msg, size_t n)
{
	if (!c->closed)
		host_unix_send(c->fd, msg, n, NULL);
}

static void send_message(struct channel *c, u32 type, u32 value)
{
	struct ctl_message m = { type, value };

	send(c, &m, sizeof(m));
}

/* --- starting --- */

/* What a request asks for; the strings are the message's. */
struct wish {
	struct spawn_request rq;
	struct user user;
	char **strings;			/* cwd, user, argv and NULL, envp and NULL: kfree() frees all */
	char home[USER_HOME_LEN + 5];
	char tty[32];
};

/* Cuts the strings behind the head apart. 0 or -EINVAL */
static int split(const struct ctl_start *head, char *text, size_t n, char **out)
{
	char *end = text + n, *p = text;

	if (!n || end[-1])
		return -EINVAL;
	for (u32 i = 0; i < 2 + head->argc + head->envc; i++) {
		if (p >= end)
			return -EINVAL;
		out[i + (i >= 2 + head->argc)] = p;
		p += strlen(p) + 1;
	}
	return p == end ? 0 : -EINVAL;
}

static void default_home(struct wish *w, char **envp)
{
	for (; *envp; envp++)
		if (!strncmp(*envp, "HOME=", 5))
			return;
	strcpy(w->home, "HOME=");
	strcat(w->home, w->user.home);
	*envp = w->home;
}

/* By the files of init's root, which is the machine's. */
static int find_user(const char *spec, struct user *u)
{
	struct process *init = find_process(1);
	int err;

	if (!init || !init->leader || !init->leader->fs)
		return -ESRCH;
	current->fs = fs_ctx_get(init->leader->fs);
	err = user_resolve(spec, u);
	fs_ctx_put(current->fs);
	current->fs = NULL;
	return err;
}

/* A process without leader was reaped. */
static void look_for_end(struct channel *c)
{
	const struct process *p = c->task->proc;

	if (p->leader && !process_is_zombie(p))
		return;
	c->ended = true;
	wake_up_all(&c->wq);
}

static bool on_exit_event(struct wait_entry *we, u32 events)
{
	look_for_end(we->private);
	return false;
}

static void close_fds(int *fds, int n)
{
	for (int i = 0; i < n; i++)
		if (fds[i] >= 0)
			host_close(fds[i]);
}

/* Takes the descriptors. */
static int take_stdio(struct channel *c, struct spawn_request *rq, int *fds, int nfds, char *tty,
		      size_t n)
{
	int err = 0;

	if (c->flags & CTL_TTY) {
		c->tty_fd = fds[0];
		close_fds(fds + 1, nfds - 1);
		c->lease = line_lease(c->tty_fd, tty, n);
		rq->tty = tty;
		return c->lease < 0 ? c->lease : 0;
	}
	for (int i = 0; i < nfds; i++) {
		if (i < 3 && !err)
			err = hostfile_open(fds[i], i > 0, rq->uid, &rq->stdio[i]);
		else
			host_close(fds[i]);
	}
	return err;
}

/* Fills w; w->strings is to be freed in any case. An error is answered. */
static int read_wish(struct channel *c, const struct ctl_start *head, char *text, size_t n,
		     struct wish *w)
{
	char **envp;
	int err;

	w->strings = kzalloc((2 + head->argc + 1 + head->envc + 2) * sizeof(char *));
	err = w->strings ? split(head, text, n, w->strings) : -ENOMEM;
	if (err) {
		send_message(c, CTL_FAILED, (u32)-err);
		return err;
	}
	err = find_user(w->strings[1], &w->user);
	if (err == -ENOENT || err == -ESRCH)
		send_message(c, CTL_NO_USER, err == -ESRCH);
	else if (err)
		send_message(c, CTL_FAILED, (u32)-err);
	if (err)
		return err;
	envp = w->strings + 2 + head->argc + 1;
	default_home(w, envp);
	w->rq.cwd = w->strings[0];
	w->rq.argv = w->strings + 2;
	w->rq.envp = envp;
	w->rq.uid = w->user.uid;
	w->rq.gid = w->user.gid;
	w->rq.groups = w->user.groups;
	w->rq.ngroups = w->user.ngroups;
	return 0;
}

/* Takes the descriptors. An error is answered. */
static int spawn(struct channel *c, const struct ctl_start *head, char *text, size_t n, int *fds,
		 int nfds)
{
	struct wish *w = kzalloc(sizeof(*w));
	int err = w ? read_wish(c, head, text, n, w) : -ENOMEM;

	if (err) {
		close_fds(fds, nfds);
		goto out;
	}
	err = take_stdio(c, &w->rq, fds, nfds, w->tty, sizeof(w->tty));
	if (!err)
		err = spawn_process(&w->rq, &c->task);
	for (int i = 0; i < 3; i++)
		if (w->rq.stdio[i])
			fput(w->rq.stdio[i]);
	if (err)
		send_message(c, CTL_FAILED, (u32)-err);
out:
	if (w)
		kfree(w->strings);
	kfree(w);
	return err;
}

static bool start_valid(const struct channel *c, const struct ctl_start *head, size_t n, int nfds)
{
	if (c->task || n < sizeof(*head) + 3)
		return false;
	if (!head->argc || head->argc > CTL_MESSAGE_MAX / 2 || head->envc > CTL_MESSAGE_MAX / 2)
		return false;
	return nfds >= (head->flags & CTL_TTY ? 1 : 3);
}

static void start(struct channel *c, char *msg, size_t n, int *fds, int nfds)
{
	struct ctl_start head;
	int err;

	memcpy(&head, msg, MIN(n, sizeof(head)));
	if (!start_valid(c, &head, n, nfds)) {
		close_fds(fds, nfds);
		send_message(c, CTL_FAILED, EINVAL);
		return;
	}
	c->flags = head.flags;
	err = spawn(c, &head, msg + sizeof(head), n - sizeof(head), fds, nfds);
	if (err) {
		c->ended = true;
		return;
	}
	send_message(c, CTL_STARTED, (u32)c->task->tid);
	c->exit_entry.fn = on_exit_event;
	c->exit_entry.private = c;
	wq_add(&c->task->proc->exit_wq, &c->exit_entry);
	look_for_end(c);
}

/* --- signals --- */

/* As a terminal would do it: the whole session, because jobs have groups of their own. */
static void signal_session(struct channel *c, int sig)
{
	struct process *p;
	int sid = c->task ? c->task->proc->tgid : 0;

	if (!sid || sig < 1 || sig > NSIG_K)
		return;
	list_for_each(p, &process_list, all_node)
		if (session_id(p) == sid)
			send_signal_process(sig, NULL, p);
}

static void hang_up(struct channel *c)
{
	c->closed = true;
	event_del(c->source);
	c->source = NULL;
	if (c->flags & CTL_KEEP)
		return;
	if (!c->task) {
		c->ended = true;
		return;
	}
	signal_session(c, SIGHUP);
	signal_session(c, SIGCONT);
	if (!(c->flags & CTL_LAST) &&
	    wait_event_full(&c->wq, c->ended, WAIT_UNINTERRUPTIBLE, ktime_get() + HANGUP_PATIENCE,
			    "control_hangup"))
		signal_session(c, SIGKILL);
	if (c->flags & CTL_LAST)
		c->ended = true;
}

/* --- the channel --- */

static void handle(struct channel *c, char *msg, size_t n, int *fds, int nfds)
{
	struct ctl_message m;

	if (n < sizeof(m)) {
		close_fds(fds, nfds);
		return;
	}
	memcpy(&m, msg, sizeof(m));
	if (m.type == CTL_START) {
		start(c, msg, n, fds, nfds);
		return;
	}
	close_fds(fds, nfds);
	if (m.type == CTL_SIGNAL)
		signal_session(c, (int)m.value);
	else if (m.type == CTL_WINCH && c->lease >= 0)
		line_lease_resized(c->lease);
}

static void receive(struct channel *c, char *buf)
{
	int fds[HOST_UNIX_FDS], nfds;
	ssize n;

	c->readable = false;
	while (!c->ended && !c->closed) {
		n = host_unix_recv(c->fd, buf, CTL_MESSAGE_MAX, NULL, fds, &nfds);
		if (n == -EAGAIN)
			return;
		if (n <= 0)
			hang_up(c);
		else
			handle(c, buf, (size_t)n, fds, nfds);
	}
}

static void report(struct channel *c)
{
	const struct process *p = c->task->proc;
	struct ctl_exited m = {
		.type = CTL_EXITED,
		.status = (u32)p->group_exit_code,
		.utime_ns = p->acct.utime + p->child_acct.utime,
		.stime_ns = p->acct.stime + p->child_acct.stime,
		.maxrss_kib = MAX(p->acct.maxrss, p->child_acct.maxrss),
		.oom_kills = oom_kills,
		.fork_refusals = fork_refusals,
	};

	send(c, &m, sizeof(m));
}

static int exit_status(const struct channel *c)
{
	int status = c->task ? c->task->proc->group_exit_code : 127 << 8;

	return status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff;
}

static void finish(struct channel *c)
{
	bool last = c->flags & CTL_LAST;
	int status = exit_status(c);

	if (c->lease >= 0)
		line_lease_end(c->lease);
	if (c->tty_fd >= 0)
		host_close(c->tty_fd);
	if (c->task) {
		wq_remove(&c->exit_entry);
		report(c);
		task_put(c->task);
	}
	if (c->source)
		event_del(c->source);
	host_close(c->fd);
	kfree(c);
	if (last && control_end_machine)
		control_end_machine(status);
}

static void serve(void *arg)
{
	struct channel *c = arg;
	char *buf = kmalloc(CTL_MESSAGE_MAX);

	while (buf && !c->ended) {
		wait_event(&c->wq, c->readable || c->ended, "control");
		receive(c, buf);
	}
	kfree(buf);
	finish(c);
}

static void on_readable(void *arg, u32 events)
{
	struct channel *c = arg;

	c->readable = true;
	wake_up_all(&c->wq);
}

int control_attach(int fd)
{
	struct channel *c = kzalloc(sizeof(*c));
	int err = -ENOMEM;

	if (!c)
		goto fail;
	c->fd = fd;
	c->tty_fd = c->lease = -1;
	wq_init(&c->wq);
	list_init(&c->exit_entry.node);
	err = event_add(fd, EPOLLIN, true, on_readable, c, &c->source);
	if (err)
		goto fail;
	c->readable = true;
	err = kthread_run("control", serve, c);
	if (!err)
		return 0;
	event_del(c->source);
fail:
	kfree(c);
	host_close(fd);
	return err;
}
