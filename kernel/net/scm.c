/* SPDX-License-Identifier: MIT */
/*
 * Control messages: credentials and open files that travel with data.
 */
#include "net/socket.h"

#include <string.h>

#include "abi/prctl.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/resource.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "vfs/vfs.h"

struct scm *scm_get(struct scm *s)
{
	ref_get(&s->ref);
	return s;
}

/*
 * Closing a socket frees the messages in it, which may hold the last reference to another socket, and so on
 * without end. So the dying wait in a list, which the first one to come here works off.
 */
static LIST_HEAD(dying);
static bool draining;

static void scm_free(struct scm *s)
{
	int i;

	for (i = 0; i < s->nfiles; i++) {
		unix_inflight(s->files[i], -1);
		fput(s->files[i]);
	}
	kfree(s->files);
	kfree(s);
}

void scm_put(struct scm *s)
{
	if (!s || !ref_put(&s->ref))
		return;
	list_add_tail(&s->node, &dying);
	if (draining)
		return;
	draining = true;
	while (!list_empty(&dying)) {
		s = list_first(&dying, struct scm, node);
		list_del_init(&s->node);
		scm_free(s);
	}
	draining = false;
}

struct scm *scm_cred_only(const struct scm *s)
{
	struct scm *n = kzalloc(sizeof(*n));

	if (!n)
		return NULL;
	ref_init(&n->ref);
	list_init(&n->node);
	n->cred = s->cred;
	return n;
}

/* ---- sending ---- */

static int scm_check_cred(const struct ucred_k *c)
{
	const struct cred *me = current_cred();

	if (c->pid != current->proc->tgid && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (c->uid != me->uid && c->uid != me->euid && c->uid != me->suid && !capable(CAP_SETUID))
		return -EPERM;
	if (c->gid != me->gid && c->gid != me->egid && c->gid != me->sgid && !capable(CAP_SETGID))
		return -EPERM;
	return 0;
}

static int scm_add_files(struct scm *s, const u8 *data, size_t len)
{
	int n = (int)(len / sizeof(int)), i;
	struct file **files;

	if (!n)
		return 0;
	if (s->nfiles + n > SCM_MAX_FD_K)
		return -EINVAL;
	if (unix_inflight_total() > (int)MIN(rlimit(RLIMIT_NOFILE), (u64)INT32_MAX) &&
	    !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN))
		return -ETOOMANYREFS;
	files = krealloc(s->files, (s->nfiles + n) * sizeof(*files));
	if (!files)
		return -ENOMEM;
	s->files = files;
	for (i = 0; i < n; i++) {
		struct file *f;
		int fd;

		memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
		f = fd_get_path(fd);
		if (!f)
			return -EBADF;
		files[s->nfiles++] = f;
		unix_inflight(f, 1);
	}
	return 0;
}

static int scm_parse_one(struct scm *s, const struct cmsghdr_k *h, const u8 *data)
{
	size_t len = h->len - sizeof(*h);
	struct ucred_k c;
	int err;

	if (h->level != SOL_SOCKET)
		return 0;
	switch (h->type) {
	case SCM_RIGHTS_K:
		return scm_add_files(s, data, len);
	case SCM_CREDENTIALS_K:
		if (len != sizeof(c))
			return -EINVAL;
		memcpy(&c, data, sizeof(c));
		err = scm_check_cred(&c);
		if (!err)
			s->cred = c;
		return err;
	default:
		return -EINVAL;
	}
}

static int scm_parse(struct scm *s, const u8 *ctl, size_t len)
{
	struct cmsghdr_k h;
	size_t off = 0;
	int err;

	while (len - off >= sizeof(h)) {
		memcpy(&h, ctl + off, sizeof(h));
		if (h.len < sizeof(h) || h.len > len - off)
			return -EINVAL;
		err = scm_parse_one(s, &h, ctl + off + sizeof(h));
		if (err)
			return err;
		if (CMSG_ALIGN_K(h.len) >= len - off)
			break;
		off += CMSG_ALIGN_K(h.len);
	}
	return 0;
}

int scm_send(const struct msg *m, struct scm **out)
{
	const struct cred *me = current_cred();
	struct scm *s = kzalloc(sizeof(*s));
	int err = 0;

	if (!s)
		return -ENOMEM;
	ref_init(&s->ref);
	list_init(&s->node);
	s->cred.pid = current->proc ? current->proc->tgid : 0;
	s->cred.uid = me->uid;
	s->cred.gid = me->gid;
	if (m->controllen)
		err = scm_parse(s, m->control, m->controllen);
	if (err) {
		scm_put(s);
		return err;
	}
	*out = s;
	return 0;
}

/* ---- receiving ---- */

static size_t ctl_room(const struct msg *m)
{
	return m->control ? m->controllen - m->control_used : 0;
}

void msg_put_cmsg(struct msg *m, int level, int type, const void *data, size_t len)
{
	struct cmsghdr_k h = { .len = CMSG_LEN_K(len), .level = level, .type = type };
	size_t room = ctl_room(m), total;

	if (room < sizeof(h)) {
		m->out_flags |= MSG_CTRUNC_K;
		return;
	}
	if (h.len > room) {
		m->out_flags |= MSG_CTRUNC_K;
		h.len = room;
	}
	total = MIN(CMSG_ALIGN_K(h.len), room);
	memset(m->control + m->control_used, 0, total);
	memcpy(m->control + m->control_used, &h, sizeof(h));
	memcpy(m->control + m->control_used + sizeof(h), data, h.len - sizeof(h));
	m->control_used += total;
}

/* Gives the receiver descriptors for the files, as many as fit. */
static void scm_recv_files(struct msg *m, struct scm *s)
{
	size_t room = ctl_room(m);
	int max = room > sizeof(struct cmsghdr_k) ? (int)((room - sizeof(struct cmsghdr_k)) / 4) : 0;
	int fds[SCM_MAX_FD_K], n, fd;

	for (n = 0; n < MIN(max, s->nfiles); n++) {
		fd = fd_add(s->files[n], m->flags & MSG_CMSG_CLOEXEC_K ? O_CLOEXEC : 0);
		if (fd < 0)
			break;
		fget_ref(s->files[n]);
		fds[n] = fd;
	}
	if (n)
		msg_put_cmsg(m, SOL_SOCKET, SCM_RIGHTS_K, fds, n * sizeof(int));
	if (n < s->nfiles)
		m->out_flags |= MSG_CTRUNC_K;
}

void scm_recv(struct sock *sk, struct msg *m, struct scm *s)
{
	if (!s)
		return;
	if (!m->control) {
		if ((sk->opts & SOCK_OPT_PASSCRED) || s->nfiles)
			m->out_flags |= MSG_CTRUNC_K;
		return;
	}
	if (sk->opts & SOCK_OPT_PASSCRED)
		msg_put_cmsg(m, SOL_SOCKET, SCM_CREDENTIALS_K, &s->cred, sizeof(s->cred));
	if (s->nfiles)
		scm_recv_files(m, s);
}
