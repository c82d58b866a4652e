/* SPDX-License-Identifier: MIT */
/*
 * /dev/watchdog: who opens it must write now and then, or a program on the host ends the machine. That
 * program, uml_watchdog, is started at the open and told to stop at the close, both by the channel
 * helper's socket: it works also when this whole process hangs.
 */
#include "dev/dev.h"

#include "abi/errno.h"
#include "abi/ioctl.h"
#include "abi/poll.h"
#include "abi/watchdog.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/time.h"
#include "core/wait.h"
#include "host/chanhelp.h"
#include "host/host.h"
#include "host/unix.h"
#include "mm/iter.h"
#include "mm/user.h"
#include "vfs/vfs.h"

#define START_PATIENCE (10 * NSEC_PER_SEC)

bool watchdog_enabled;

static int sock = -1;			/* to the program, while the device is open */
static bool busy;

struct starting {
	struct wait_queue wq;
	bool news;
};

static void on_news(void *arg, u32 events)
{
	struct starting *s = arg;

	s->news = true;
	wake_up_all(&s->wq);
}

/* The program says by a byte that it watches. Blocks. */
static int await_start(int fd)
{
	struct starting s = { .news = false };
	struct event_source *es;
	int err, fds[HOST_UNIX_FDS], nfds = 0;
	char c;

	wq_init(&s.wq);
	err = event_add(fd, EPOLLIN, false, on_news, &s, &es);
	if (err)
		return err;
	err = wait_event_full(&s.wq, s.news, WAIT_INTERRUPTIBLE, ktime_get() + START_PATIENCE,
			      "watchdog_start");
	event_del(es);
	if (!err && host_unix_recv(fd, &c, 1, NULL, fds, &nfds) != 1)
		err = -EIO;
	return err == -ETIME ? -EIO : err;
}

static int watchdog_open(struct inode *inode, struct file *f)
{
	int fd, err;

	if (!watchdog_enabled)
		return -ENODEV;
	if (busy)
		return -EBUSY;
	busy = true;
	fd = host_chanhelp_watchdog();
	err = fd < 0 ? fd : await_start(fd);
	if (err) {
		if (fd >= 0)
			host_close(fd);
		busy = false;
		if (err != -ERESTARTSYS)
			pr_err("harddog_open : the watchdog's program did not start, error = %d", -err);
		return err;
	}
	sock = fd;
	return 0;
}

static void watchdog_release(struct file *f)
{
	host_close(sock);
	sock = -1;
	busy = false;
}

static int ping(void)
{
	ssize n = host_unix_send(sock, "", 1, NULL);

	return n < 0 && n != -EAGAIN ? -EIO : 0;	/* a full socket: it was not read yet, which is as good */
}

static ssize watchdog_write(struct file *f, struct iter *from, off64 *pos)
{
	size_t n = from->count;
	int err = n ? ping() : 0;

	if (err)
		return err;
	iter_advance(from, n);
	return (ssize)n;
}

static long watchdog_ioctl(struct file *f, u32 cmd, u64 arg)
{
	static const struct watchdog_info info = {
		.options = WDIOF_KEEPALIVEPING,
		.identity = "UML Hardware Watchdog",
	};

	switch (cmd) {
	case WDIOC_GETSUPPORT:
		return copy_to_user(arg, &info, sizeof(info));
	case WDIOC_GETSTATUS:
	case WDIOC_GETBOOTSTATUS:
		return put_user(0, arg);
	case WDIOC_KEEPALIVE:
		return ping();
	}
	return -ENOIOCTLCMD_K;
}

const struct file_ops watchdog_fops = {
	.open = watchdog_open,
	.release = watchdog_release,
	.write = watchdog_write,
	.llseek = file_noseek,
	.ioctl = watchdog_ioctl,
};
