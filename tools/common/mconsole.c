/* SPDX-License-Identifier: MIT */
/*
 * Management console client.
 */
#include "tools/common/mconsole.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define MAGIC 0xcafebabeU
#define VERSION 2U
#define FDS_MAX 8

struct request {
	uint32_t magic, version, len;
	char text[MC_TEXT_MAX];
};

struct answer {
	uint32_t err, more, len;
	char text[MC_TEXT_MAX + 1];
};
#define ANSWER_HEAD offsetof(struct answer, text)

struct mc_client {
	int fd;
};

/* --- finding machines --- */

size_t mc_dirs(char dirs[MC_DIRS_MAX][MC_PATH_MAX])
{
	const char *given = getenv("UML_DIR"), *home = getenv("HOME");
	size_t n = 0;

	if (given && *given)
		snprintf(dirs[n++], MC_PATH_MAX, "%s", given);
	if (home && *home)
		snprintf(dirs[n++], MC_PATH_MAX, "%s/.uml", home);
	snprintf(dirs[n++], MC_PATH_MAX, "/tmp/uml");
	return n;
}

static bool is_socket(const char *path, bool warn)
{
	struct stat st;

	if (stat(path, &st)) {
		if (warn)
			fprintf(stderr, "Warning: couldn't stat file: %s - %s\n", path,
				strerror(errno));
		return false;
	}
	return S_ISSOCK(st.st_mode);
}

int mc_find(const char *name, char path[MC_PATH_MAX], bool warn)
{
	char dirs[MC_DIRS_MAX][MC_PATH_MAX];
	size_t n = strchr(name, '/') ? 0 : mc_dirs(dirs);
	int len;

	for (size_t i = 0; i < n; i++) {
		len = snprintf(path, MC_PATH_MAX, "%s/%s/mconsole", dirs[i], name);
		if (len < MC_PATH_MAX && is_socket(path, warn))
			return 0;
	}
	len = snprintf(path, MC_PATH_MAX, "%s", name);
	if (len < MC_PATH_MAX && is_socket(path, warn))
		return 0;
	len = snprintf(path, MC_PATH_MAX, "%s/mconsole", name);	/* a machine's directory */
	if (strchr(name, '/') && len < MC_PATH_MAX && is_socket(path, false))
		return 0;
	path[0] = 0;
	return -ENOENT;
}

int mc_pid(const char *socket_path)
{
	const char *slash = strrchr(socket_path, '/');
	char path[MC_PATH_MAX + 8];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%.*s/pid", slash ? (int)(slash - socket_path) : 1,
		 slash ? socket_path : ".");
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%9d", &pid) != 1 || pid < 1)
		pid = 0;
	fclose(f);
	return pid;
}

/* The state in /proc/PID/stat stands behind the name, which may hold anything. */
static bool is_zombie(int pid)
{
	char path[32], buf[512], *p;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, buf, sizeof(buf) - 1);
		close(fd);
	}
	if (n <= 0)
		return false;
	buf[n] = 0;
	p = strrchr(buf, ')');
	return p && p[1] == ' ' && (p[2] == 'Z' || p[2] == 'X');
}

bool mc_alive(int pid)
{
	return pid > 0 && (!kill(pid, 0) || errno == EPERM) && !is_zombie(pid);
}

/* --- talking --- */

struct mc_client *mc_open(void)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };	/* the host chooses a name */
	/* A machine that stands still may have its queue full. */
	const struct timeval patience = { .tv_sec = 10 };
	struct mc_client *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	c->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&any, sizeof(any.sun_family)) ||
	    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience))) {
		int err = errno;

		mc_close(c);
		errno = err;
		return NULL;
	}
	return c;
}

void mc_close(struct mc_client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

static int send_request(struct mc_client *c, const struct mc_call *call,
			const struct sockaddr_un *to)
{
	struct request rq = { .magic = MAGIC,
			      .version = VERSION,
			      .len = (uint32_t)strlen(call->command) };
	struct iovec iov = { &rq, offsetof(struct request, text) + rq.len };
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int) * FDS_MAX)];
	} ctl;
	struct msghdr m = {
		.msg_name = (void *)to,
		.msg_namelen = sizeof(*to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	memcpy(rq.text, call->command, rq.len);
	if (call->nfds) {
		memset(&ctl, 0, sizeof(ctl));
		m.msg_control = &ctl;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * call->nfds);
		ctl.h.cmsg_level = SOL_SOCKET;
		ctl.h.cmsg_type = SCM_RIGHTS;
		ctl.h.cmsg_len = CMSG_LEN(sizeof(int) * call->nfds);
		memcpy(CMSG_DATA(&ctl.h), call->fds, sizeof(int) * call->nfds);
	}
	if (sendmsg(c->fd, &m, MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == EAGAIN ? -ETIMEDOUT : -errno;
}

/* Is anybody still bound to that socket? */
static bool alive(const struct sockaddr_un *to)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && !connect(fd, (const struct sockaddr *)to, sizeof(*to));

	if (fd >= 0)
		close(fd);
	return yes;
}

static int await(struct mc_client *c, const struct mc_call *call, const struct sockaddr_un *to)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int left = call->timeout_ms, step, r;

	for (;;) {
		step = left >= 0 && left < 500 ? left : 500;
		r = poll(&p, 1, step);
		if (r > 0)
			return 0;
		if (r < 0)
			return -errno;
		if (!alive(to))
			return poll(&p, 1, 0) > 0 ? 0 : -ECONNREFUSED;
		if (left >= 0) {
			left -= step;
			if (left <= 0)
				return -ETIMEDOUT;
		}
	}
}

int mc_call(struct mc_client *c, const struct mc_call *call, int *error)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct answer a;
	bool first = true;
	ssize_t n;
	int err;

	*error = 0;
	if (strlen(call->command) >= MC_TEXT_MAX || call->nfds > FDS_MAX)
		return -EMSGSIZE;
	if (!*call->path || strlen(call->path) >= sizeof(to.sun_path))
		return -EINVAL;
	strcpy(to.sun_path, call->path);
	err = send_request(c, call, &to);
	if (err)
		return err;
	do {
		err = await(c, call, &to);
		if (err)
			return err;
		n = recv(c->fd, &a, sizeof(a), 0);
		if (n < 0)
			return -errno;
		if ((size_t)n < ANSWER_HEAD)
			return -EPROTO;
		n -= (ssize_t)ANSWER_HEAD;
		n = n < (ssize_t)a.len ? n : (ssize_t)a.len;
		if (n > 0 && !a.text[n - 1])
			n--;
		if (a.err && !*error)
			*error = (int)a.err;
		if (first || n > 0)
			call->out(call->arg, *error, a.text, (size_t)n);
		first = false;
	} while (a.more);
	return 0;
}

struct collect {
	char *text;
	size_t len;
	bool failed;
};

static void add(void *arg, int error, const char *text, size_t len)
{
	struct collect *c = arg;
	char *p = realloc(c->text, c->len + len + 1);

	if (!p) {
		c->failed = true;
		return;
	}
	memcpy(p + c->len, text, len);
	c->text = p;
	c->len += len;
	p[c->len] = 0;
}

int mc_ask(struct mc_client *c, const char *path, const char *command, int *error, char **text)
{
	struct collect co = { 0 };
	struct mc_call call = {
		.path = path, .command = command, .timeout_ms = 10000, .out = add, .arg = &co
	};
	int err = mc_call(c, &call, error);

	if (!err && co.failed)
		err = -ENOMEM;
	if (err) {
		free(co.text);
		co.text = NULL;
	}
	*text = co.text;
	return err;
}
