/* SPDX-License-Identifier: MIT */
/*
 * Who a task is: user and group ids, groups, capabilities, process groups and sessions.
 * Changes of credentials are made on a copy and checked in full before it is installed.
 */
#include <string.h>

#include "abi/errno.h"
#include "abi/prctl.h"
#include "abi/resource.h"
#include "core/arena.h"
#include "core/sched.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "lib/sort.h"
#include "mm/user.h"
#include "process/process.h"
#include "sys/sys.h"

#define UNCHANGED ((u32)-1)

long sys_getpid(void)
{
	return current->proc->tgid;
}

long sys_gettid(void)
{
	return current->tid;
}

long sys_getppid(void)
{
	struct process *parent = current->proc->parent;

	return parent ? parent->tgid : 0;
}

long sys_getuid(void)
{
	return current->cred->uid;
}

long sys_geteuid(void)
{
	return current->cred->euid;
}

long sys_getgid(void)
{
	return current->cred->gid;
}

long sys_getegid(void)
{
	return current->cred->egid;
}

/* ---- setting user and group ids ---- */

/* What Linux's cap_task_fix_setuid() does after setuid, setreuid, setresuid. */
static void fix_caps(struct cred *n, const struct cred *o)
{
	bool was_root = o->uid == 0 || o->euid == 0 || o->suid == 0;
	bool is_root = n->uid == 0 || n->euid == 0 || n->suid == 0;

	if (n->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (was_root && !is_root) {
		if (!current->keep_caps && !(n->securebits & SECBIT_KEEP_CAPS)) {
			n->cap_permitted = 0;
			n->cap_effective = 0;
		}
		n->cap_ambient = 0;
	}
	if (o->euid == 0 && n->euid != 0)
		n->cap_effective = 0;
	if (o->euid != 0 && n->euid == 0)
		n->cap_effective = n->cap_permitted;
}

static void install(struct cred *n)
{
	const struct cred *o = current->cred;

	if (n->euid != o->euid || n->egid != o->egid || n->fsuid != o->fsuid ||
	    n->fsgid != o->fsgid || (n->cap_permitted & ~o->cap_permitted)) {
		current->proc->dumpable = 0;
		current->proc->pdeath_signal = 0;
	}
	task_set_cred(current, n);
}

static long install_uids(struct cred *n)
{
	n->fsuid = n->euid;
	fix_caps(n, current->cred);
	install(n);
	return 0;
}

static long install_gids(struct cred *n)
{
	n->fsgid = n->egid;
	install(n);
	return 0;
}

static long refuse(struct cred *n)
{
	cred_put(n);
	return -EPERM;
}

long sys_setuid(u32 uid)
{
	const struct cred *o = current->cred;
	struct cred *n;

	if (uid == UNCHANGED)
		return -EINVAL;
	n = cred_dup(o);
	if (!n)
		return -ENOMEM;
	if (capable(CAP_SETUID))
		n->uid = n->suid = uid;
	else if (uid != o->uid && uid != o->suid)
		return refuse(n);
	n->euid = uid;
	return install_uids(n);
}

long sys_setgid(u32 gid)
{
	const struct cred *o = current->cred;
	struct cred *n;

	if (gid == UNCHANGED)
		return -EINVAL;
	n = cred_dup(o);
	if (!n)
		return -ENOMEM;
	if (capable(CAP_SETGID))
		n->gid = n->sgid = gid;
	else if (gid != o->gid && gid != o->sgid)
		return refuse(n);
	n->egid = gid;
	return install_gids(n);
}

long sys_setreuid(u32 ruid, u32 euid)
{
	const struct cred *o = current->cred;
	bool any = capable(CAP_SETUID);
	struct cred *n = cred_dup(o);

	if (!n)
		return -ENOMEM;
	if (ruid != UNCHANGED) {
		n->uid = ruid;
		if (ruid != o->uid && ruid != o->euid && !any)
			return refuse(n);
	}
	if (euid != UNCHANGED) {
		n->euid = euid;
		if (euid != o->uid && euid != o->euid && euid != o->suid && !any)
			return refuse(n);
	}
	if (ruid != UNCHANGED || (euid != UNCHANGED && euid != o->uid))
		n->suid = n->euid;
	return install_uids(n);
}

long sys_setregid(u32 rgid, u32 egid)
{
	const struct cred *o = current->cred;
	bool any = capable(CAP_SETGID);
	struct cred *n = cred_dup(o);

	if (!n)
		return -ENOMEM;
	if (rgid != UNCHANGED) {
		n->gid = rgid;
		if (rgid != o->gid && rgid != o->egid && !any)
			return refuse(n);
	}
	if (egid != UNCHANGED) {
		n->egid = egid;
		if (egid != o->gid && egid != o->egid && egid != o->sgid && !any)
			return refuse(n);
	}
	if (rgid != UNCHANGED || (egid != UNCHANGED && egid != o->gid))
		n->sgid = n->egid;
	return install_gids(n);
}

static bool one_of(u32 id, u32 a, u32 b, u32 c)
{
	return id == UNCHANGED || id == a || id == b || id == c;
}

long sys_setresuid(u32 ruid, u32 euid, u32 suid)
{
	const struct cred *o = current->cred;
	struct cred *n;

	if (!capable(CAP_SETUID) && !(one_of(ruid, o->uid, o->euid, o->suid) &&
				      one_of(euid, o->uid, o->euid, o->suid) &&
				      one_of(suid, o->uid, o->euid, o->suid)))
		return -EPERM;
	n = cred_dup(o);
	if (!n)
		return -ENOMEM;
	if (ruid != UNCHANGED)
		n->uid = ruid;
	if (euid != UNCHANGED)
		n->euid = euid;
	if (suid != UNCHANGED)
		n->suid = suid;
	return install_uids(n);
}

long sys_setresgid(u32 rgid, u32 egid, u32 sgid)
{
	const struct cred *o = current->cred;
	struct cred *n;

	if (!capable(CAP_SETGID) && !(one_of(rgid, o->gid, o->egid, o->sgid) &&
				      one_of(egid, o->gid, o->egid, o->sgid) &&
				      one_of(sgid, o->gid, o->egid, o->sgid)))
		return -EPERM;
	n = cred_dup(o);
	if (!n)
		return -ENOMEM;
	if (rgid != UNCHANGED)
		n->gid = rgid;
	if (egid != UNCHANGED)
		n->egid = egid;
	if (sgid != UNCHANGED)
		n->sgid = sgid;
	return install_gids(n);
}

static long put_three(const uaddr_t to[3], const u32 val[3])
{
	for (int i = 0; i < 3; i++)
		if (put_user(val[i], to[i]))
			return -EFAULT;
	return 0;
}

long sys_getresuid(uaddr_t ruid, uaddr_t euid, uaddr_t suid)
{
	const struct cred *c = current->cred;

	return put_three((uaddr_t[]){ ruid, euid, suid }, (u32[]){ c->uid, c->euid, c->suid });
}

long sys_getresgid(uaddr_t rgid, uaddr_t egid, uaddr_t sgid)
{
	const struct cred *c = current->cred;

	return put_three((uaddr_t[]){ rgid, egid, sgid }, (u32[]){ c->gid, c->egid, c->sgid });
}

#define CAP_FS_SET (1ULL << CAP_CHOWN | 1ULL << CAP_MKNOD | 1ULL << CAP_DAC_OVERRIDE | \
		    1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_FOWNER | 1ULL << CAP_FSETID | \
		    1ULL << CAP_LINUX_IMMUTABLE | 1ULL << CAP_MAC_OVERRIDE)

/* Both return the old id, whether or not they change it. */
long sys_setfsuid(u32 uid)
{
	const struct cred *o = current->cred;
	u32 old = o->fsuid;
	struct cred *n;

	if (uid == UNCHANGED || uid == old)
		return old;
	if (uid != o->uid && uid != o->euid && uid != o->suid && !capable(CAP_SETUID))
		return old;
	n = cred_dup(o);
	if (!n)
		return old;
	n->fsuid = uid;
	if (!(n->securebits & SECBIT_NO_SETUID_FIXUP)) {
		if (old == 0 && uid != 0)
			n->cap_effective &= ~CAP_FS_SET;
		if (old != 0 && uid == 0)
			n->cap_effective |= n->cap_permitted & CAP_FS_SET;
	}
	install(n);
	return old;
}

long sys_setfsgid(u32 gid)
{
	const struct cred *o = current->cred;
	u32 old = o->fsgid;
	struct cred *n;

	if (gid == UNCHANGED || gid == old)
		return old;
	if (gid != o->gid && gid != o->egid && gid != o->sgid && !capable(CAP_SETGID))
		return old;
	n = cred_dup(o);
	if (!n)
		return old;
	n->fsgid = gid;
	install(n);
	return old;
}

/* ---- groups ---- */

long sys_getgroups(int n, uaddr_t list)
{
	const struct cred *c = current->cred;

	if (n < 0)
		return -EINVAL;
	if (n) {
		if (c->ngroups > (u32)n)
			return -EINVAL;
		if (copy_to_user(list, c->groups, c->ngroups * sizeof(u32)))
			return -EFAULT;
	}
	return c->ngroups;
}

static int compare_gids(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

long sys_setgroups(int n, uaddr_t list)
{
	u32 *groups = NULL;
	struct cred *c;

	if (!capable(CAP_SETGID))
		return -EPERM;
	if ((u32)n > NGROUPS_MAX_K)
		return -EINVAL;
	if (n) {
		groups = kmalloc(n * sizeof(u32));
		if (!groups)
			return -ENOMEM;
		if (copy_from_user(groups, list, n * sizeof(u32))) {
			kfree(groups);
			return -EFAULT;
		}
		qsort(groups, n, sizeof(u32), compare_gids);
	}
	c = cred_dup(current->cred);
	if (!c) {
		kfree(groups);
		return -ENOMEM;
	}
	kfree(c->groups);
	c->groups = groups;
	c->ngroups = n;
	task_set_cred(current, c);
	return 0;
}

/* ---- capabilities ---- */

/* Words per set of the header's version; a bad version is answered with ours. */
static int cap_header(uaddr_t header, struct __user_cap_header_struct *h, int *words)
{
	if (get_user(*h, header))
		return -EFAULT;
	switch (h->version) {
	case _LINUX_CAPABILITY_VERSION_1:
		*words = 1;
		return 0;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3:
		*words = 2;
		return 0;
	}
	h->version = _LINUX_CAPABILITY_VERSION_3;
	if (put_user(h->version, header))
		return -EFAULT;
	return -EINVAL;
}

long sys_capget(uaddr_t header, uaddr_t data)
{
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct d[2];
	const struct cred *c;
	struct task *t;
	int words, err;

	err = cap_header(header, &h, &words);
	if (err)
		return err == -EINVAL && !data ? 0 : err;
	if (h.pid < 0)
		return -EINVAL;
	t = h.pid ? find_task(h.pid) : current;
	if (!t || !t->proc)
		return -ESRCH;
	c = t->cred;
	for (int i = 0; i < 2; i++) {
		d[i].effective = c->cap_effective >> (32 * i);
		d[i].permitted = c->cap_permitted >> (32 * i);
		d[i].inheritable = c->cap_inheritable >> (32 * i);
	}
	if (!data)
		return 0;
	return copy_to_user(data, d, words * sizeof(d[0])) ? -EFAULT : 0;
}

long sys_capset(uaddr_t header, uaddr_t data)
{
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct d[2] = { 0 };
	const struct cred *o = current->cred;
	u64 e, p, i;
	struct cred *n;
	int words, err;

	err = cap_header(header, &h, &words);
	if (err)
		return err;
	if (h.pid && h.pid != current->tid)
		return -EPERM;
	if (copy_from_user(d, data, words * sizeof(d[0])))
		return -EFAULT;
	e = (d[0].effective | (u64)d[1].effective << 32) & CAP_FULL_SET;
	p = (d[0].permitted | (u64)d[1].permitted << 32) & CAP_FULL_SET;
	i = (d[0].inheritable | (u64)d[1].inheritable << 32) & CAP_FULL_SET;
	o = current->cred;
	if (!capable(CAP_SETPCAP) && (i & ~(o->cap_inheritable | o->cap_permitted)))
		return -EPERM;
	if ((i & ~(o->cap_inheritable | o->cap_bounding)) || (p & ~o->cap_permitted) || (e & ~p))
		return -EPERM;
	n = cred_dup(o);
	if (!n)
		return -ENOMEM;
	n->cap_effective = e;
	n->cap_permitted = p;
	n->cap_inheritable = i;
	n->cap_ambient &= p & i;
	install(n);
	return 0;
}

/* ---- process groups and sessions ---- */

static struct process *process_by_id(int pid)
{
	struct task *t = pid ? find_task(pid) : current;

	return t ? t->proc : NULL;
}

long sys_getpgid(int pid)
{
	struct process *p = process_by_id(pid);

	return p ? pgrp_id(p) : -ESRCH;
}

long sys_getpgrp(void)
{
	return pgrp_id(current->proc);
}

long sys_getsid(int pid)
{
	struct process *p = process_by_id(pid);

	return p ? session_id(p) : -ESRCH;
}

/* Who may be moved: oneself, or a child in the same session that has not called exec. */
static long setpgid_target(int pid, struct process **out)
{
	struct process *me = current->proc, *p = find_process(pid);

	if (!p)
		return find_task(pid) && find_task(pid)->proc ? -EINVAL : -ESRCH;
	if (p->parent == me) {
		if (p->session != me->session)
			return -EPERM;
		if (p->did_exec)
			return -EACCES;
	} else if (p != me) {
		return -ESRCH;
	}
	if (p->session->sid == p->tgid)
		return -EPERM;
	*out = p;
	return 0;
}

long sys_setpgid(int pid, int pgid)
{
	struct process *p;
	struct pgrp *pg;
	long err;

	if (!pid)
		pid = current->proc->tgid;
	if (!pgid)
		pgid = pid;
	if (pgid < 0)
		return -EINVAL;
	err = setpgid_target(pid, &p);
	if (err)
		return err;
	if (pgid != p->tgid) {
		pg = find_pgrp(pgid);
		if (!pg || pg->session != current->proc->session)
			return -EPERM;
	}
	return process_join_pgrp(p, pgid);
}

long sys_setsid(void)
{
	struct process *p = current->proc;
	int err;

	/* Init starts as a leader already; on Linux it still may call this once. */
	if (p->tgid == 1 && session_id(p) == 1)
		return 1;
	if (p->session->sid == p->tgid || find_pgrp(p->tgid))
		return -EPERM;
	err = process_new_session(p);
	return err ? err : session_id(p);
}
