/* SPDX-License-Identifier: MIT */
/* System calls of System V IPC: copying and checking; the objects are in ipc/. */
#include "sys/sys.h"

#include <string.h>

#include "abi/prctl.h"
#include "core/arena.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "core/time.h"
#include "core/wait.h"
#include "ipc/ipc.h"
#include "mm/mm.h"
#include "mm/user.h"
#include "sys/exithook.h"
#include "sys/timespec.h"

/*
 * An object for a xxxctl() command: by id, or for the STAT commands by index. any: the STAT_ANY
 * forms, which need no right to read.
 */
static int ctl_object(struct ipc_table *t, int id, bool by_index, bool any, struct ipc_obj **out)
{
	struct ipc_obj *o = by_index ? ipc_at(t, id & (IPC_SLOTS - 1)) : ipc_find(t, id);

	if (!o)
		return -EINVAL;
	*out = o;
	return any ? 0 : ipc_allowed(o, 0444);
}

static long info_result(const struct ipc_table *t)
{
	return MAX(ipc_max_index(t), 0);
}

/* --- shared memory --- */

long sys_shmget(int key, size_t size, uhex_t flags)
{
	return shm_get(key, size, flags);
}

long sys_shmat(int id, uaddr_t addr, uhex_t flags)
{
	return shm_attach(current->mm, current->ut, id, addr, flags);
}

long sys_shmdt(uaddr_t addr)
{
	return shm_detach(current->mm, current->ut, addr);
}

static long shm_stat(int id, int cmd, uaddr_t ubuf)
{
	bool by_index = cmd == SHM_STAT || cmd == SHM_STAT_ANY;
	struct shmid64_ds ds;
	struct ipc_obj *o;
	struct shm *s;
	long err = ctl_object(&shm_table, id, by_index, cmd == SHM_STAT_ANY, &o);

	if (err)
		return err;
	s = container_of(o, struct shm, o);
	memset(&ds, 0, sizeof(ds));
	ipc_fill_perm(o, &ds.shm_perm);
	if (s->destroy)
		ds.shm_perm.mode |= 01000;	/* SHM_DEST */
	if (s->locked)
		ds.shm_perm.mode |= 02000;	/* SHM_LOCKED */
	ds.shm_segsz = s->size;
	ds.shm_atime = s->atime;
	ds.shm_dtime = s->dtime;
	ds.shm_ctime = s->ctime;
	ds.shm_cpid = s->cpid;
	ds.shm_lpid = s->lpid;
	ds.shm_nattch = shm_nattch(s);
	id = by_index ? o->id : 0;
	err = copy_to_user(ubuf, &ds, sizeof(ds));
	return err ? err : id;
}

static long shm_limits(uaddr_t ubuf)
{
	struct shminfo64 info;

	memset(&info, 0, sizeof(info));
	info.shmmax = sysctl.shmmax;
	info.shmmin = 1;
	info.shmmni = info.shmseg = sysctl.shmmni;
	info.shmall = sysctl.shmall;
	if (copy_to_user(ubuf, &info, sizeof(info)))
		return -EFAULT;
	return info_result(&shm_table);
}

static long shm_use(uaddr_t ubuf)
{
	struct shm_info info;

	memset(&info, 0, sizeof(info));
	info.used_ids = shm_table.used;
	info.shm_tot = shm_total_pages();	/* how much of it is resident is not known */
	if (copy_to_user(ubuf, &info, sizeof(info)))
		return -EFAULT;
	return info_result(&shm_table);
}

static long shm_change(int id, int cmd, uaddr_t ubuf)
{
	struct shmid64_ds ds;
	struct ipc_obj *o;
	struct shm *s;
	long err;

	if (cmd == IPC_SET && copy_from_user(&ds, ubuf, sizeof(ds)))
		return -EFAULT;
	o = ipc_find(&shm_table, id);
	if (!o)
		return -EINVAL;
	err = ipc_may_control(o);
	if (err)
		return err;
	s = container_of(o, struct shm, o);
	if (cmd == IPC_RMID)
		shm_remove(s);
	else if (cmd == SHM_LOCK || cmd == SHM_UNLOCK)
		s->locked = cmd == SHM_LOCK;
	else
		err = ipc_set_perm(o, &ds.shm_perm);
	if (!err && cmd == IPC_SET)
		s->ctime = ipc_now();
	return err;
}

long sys_shmctl(int id, int cmd, uaddr_t buf)
{
	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_STAT: case SHM_STAT: case SHM_STAT_ANY:
		return shm_stat(id, cmd, buf);
	case IPC_INFO:
		return shm_limits(buf);
	case SHM_INFO:
		return shm_use(buf);
	case IPC_SET: case IPC_RMID: case SHM_LOCK: case SHM_UNLOCK:
		return shm_change(id, cmd, buf);
	default:
		return -EINVAL;
	}
}

/* --- semaphores --- */

long sys_semget(int key, int n, uhex_t flags)
{
	return sem_get(key, n, flags);
}

static long do_semop(int id, uaddr_t uops, size_t n, ktime_t deadline)
{
	struct sembuf *ops;

	if (n < 1 || id < 0)
		return -EINVAL;
	if (n > (size_t)sysctl.sem[2])
		return -E2BIG;
	ops = arena_alloc(n * sizeof(*ops));
	if (!ops)
		return -ENOMEM;
	if (copy_from_user(ops, uops, n * sizeof(*ops)))
		return -EFAULT;
	exit_hook_needed();
	return sem_op(id, ops, n, deadline);
}

long sys_semop(int id, uaddr_t ops, size_t n)
{
	return do_semop(id, ops, n, KTIME_NEVER);
}

long sys_semtimedop(int id, uaddr_t ops, size_t n, uaddr_t ts)
{
	ktime_t wait;
	int err;

	if (!ts)
		return do_semop(id, ops, n, KTIME_NEVER);
	err = get_timespec(&wait, ts);
	return err ? err : do_semop(id, ops, n, deadline_after(wait));
}

static long sem_stat(int id, int cmd, uaddr_t ubuf)
{
	bool by_index = cmd == SEM_STAT || cmd == SEM_STAT_ANY;
	struct semid64_ds ds;
	struct ipc_obj *o;
	struct sem_set *s;
	long err = ctl_object(&sem_table, id, by_index, cmd == SEM_STAT_ANY, &o);

	if (err)
		return err;
	s = container_of(o, struct sem_set, o);
	memset(&ds, 0, sizeof(ds));
	ipc_fill_perm(o, &ds.sem_perm);
	ds.sem_otime = s->otime;
	ds.sem_ctime = s->ctime;
	ds.sem_nsems = s->n;
	id = by_index ? o->id : 0;
	err = copy_to_user(ubuf, &ds, sizeof(ds));
	return err ? err : id;
}

static long sem_info(int cmd, uaddr_t ubuf)
{
	struct seminfo info;

	memset(&info, 0, sizeof(info));
	info.semmsl = sysctl.sem[0];
	info.semmns = sysctl.sem[1];
	info.semopm = sysctl.sem[2];
	info.semmni = sysctl.sem[3];
	info.semmap = info.semmnu = sysctl.sem[1];
	info.semume = sysctl.sem[2];
	info.semvmx = SEMVMX;
	info.semusz = cmd == SEM_INFO ? sem_table.used : SEMUSZ;
	info.semaem = cmd == SEM_INFO ? (int)sem_total() : SEMAEM;
	if (copy_to_user(ubuf, &info, sizeof(info)))
		return -EFAULT;
	return info_result(&sem_table);
}

/* GETALL and SETALL: one u16 per semaphore. The set may be gone after a copy. */
static long sem_all(struct sem_set *s, int cmd, uaddr_t ubuf)
{
	u16 *vals = arena_alloc(s->n * sizeof(*vals));
	u32 i, n = s->n;

	if (!vals)
		return -ENOMEM;
	if (cmd == GETALL) {
		for (i = 0; i < n; i++)
			vals[i] = s->sem[i].val;
		return copy_to_user(ubuf, vals, n * sizeof(*vals));
	}
	ipc_get(&s->o);
	if (copy_from_user(vals, ubuf, n * sizeof(*vals))) {
		ipc_put(&sem_table, &s->o);
		return -EFAULT;
	}
	for (i = 0; i < n && vals[i] <= SEMVMX; i++)
		;
	if (i == n && !s->o.dead)
		sem_set_values(s, vals);
	n = i < n ? ERANGE : s->o.dead ? EIDRM : 0;
	ipc_put(&sem_table, &s->o);
	return -(long)n;
}

static long sem_one(struct sem_set *s, int num, int cmd, int val)
{
	if (num < 0 || (u32)num >= s->n)
		return -EINVAL;
	switch (cmd) {
	case GETVAL:
		return s->sem[num].val;
	case GETPID:
		return s->sem[num].pid;
	case GETNCNT:
		return sem_waiters(s, num, false);
	case GETZCNT:
		return sem_waiters(s, num, true);
	default:
		if (val < 0 || val > SEMVMX)
			return -ERANGE;
		sem_set_value(s, num, val);
		return 0;
	}
}

static long sem_values(int id, int num, int cmd, u64 arg)
{
	struct ipc_obj *o = ipc_find(&sem_table, id);
	bool sets = cmd == SETVAL || cmd == SETALL;
	struct sem_set *s;
	int err;

	if (!o)
		return -EINVAL;
	s = container_of(o, struct sem_set, o);
	err = ipc_allowed(o, sets ? 0222 : 0444);
	if (err)
		return err;
	if (cmd == GETALL || cmd == SETALL)
		return sem_all(s, cmd, arg);
	return sem_one(s, num, cmd, (int)arg);
}

static long sem_change(int id, int cmd, uaddr_t ubuf)
{
	struct semid64_ds ds;
	struct ipc_obj *o;
	struct sem_set *s;
	long err;

	if (cmd == IPC_SET && copy_from_user(&ds, ubuf, sizeof(ds)))
		return -EFAULT;
	o = ipc_find(&sem_table, id);
	if (!o)
		return -EINVAL;
	err = ipc_may_control(o);
	if (err)
		return err;
	s = container_of(o, struct sem_set, o);
	if (cmd == IPC_RMID) {
		sem_remove(s);
		return 0;
	}
	err = ipc_set_perm(o, &ds.sem_perm);
	if (!err)
		s->ctime = ipc_now();
	return err;
}

long sys_semctl(int id, int num, int cmd, uhex64_t arg)
{
	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_STAT: case SEM_STAT: case SEM_STAT_ANY:
		return sem_stat(id, cmd, arg);
	case IPC_INFO: case SEM_INFO:
		return sem_info(cmd, arg);
	case GETVAL: case GETPID: case GETNCNT: case GETZCNT: case GETALL: case SETVAL: case SETALL:
		return sem_values(id, num, cmd, arg);
	case IPC_SET: case IPC_RMID:
		return sem_change(id, cmd, arg);
	default:
		return -EINVAL;
	}
}

/* --- message queues --- */

long sys_msgget(int key, uhex_t flags)
{
	return msg_get(key, flags);
}

long sys_msgsnd(int id, uaddr_t umsg, size_t size, uhex_t flags)
{
	struct msg *m;
	void *text;
	s64 type;
	int err;

	if (get_user(type, umsg))
		return -EFAULT;
	if (size > (size_t)sysctl.msgmax || (s64)size < 0 || id < 0 || type < 1)
		return -EINVAL;
	m = msg_alloc(size, &text);
	if (!m)
		return -ENOMEM;
	err = copy_from_user(text, umsg + sizeof(type), size);
	if (!err)
		err = msg_send(id, m, type, flags);
	if (err)
		msg_free(m);
	return err;
}

long sys_msgrcv(int id, uaddr_t umsg, size_t size, s64 type, uhex_t flags)
{
	struct msg *m;
	size_t n;
	s64 got;
	int err;

	if (id < 0 || (s64)size < 0)
		return -EINVAL;
	err = msg_receive(id, size, type, flags, &m);
	if (err)
		return err;
	n = MIN(msg_size(m), size);
	got = msg_type(m);
	err = put_user(got, umsg);
	if (!err)
		err = copy_to_user(umsg + sizeof(got), msg_text(m), n);
	msg_free(m);
	return err ? err : (long)n;
}

static long msg_stat(int id, int cmd, uaddr_t ubuf)
{
	bool by_index = cmd == MSG_STAT || cmd == MSG_STAT_ANY;
	struct msqid64_ds ds;
	struct msg_queue *q;
	struct ipc_obj *o;
	long err = ctl_object(&msg_table, id, by_index, cmd == MSG_STAT_ANY, &o);

	if (err)
		return err;
	q = container_of(o, struct msg_queue, o);
	memset(&ds, 0, sizeof(ds));
	ipc_fill_perm(o, &ds.msg_perm);
	ds.msg_stime = q->stime;
	ds.msg_rtime = q->rtime;
	ds.msg_ctime = q->ctime;
	ds.msg_cbytes = q->bytes;
	ds.msg_qnum = q->count;
	ds.msg_qbytes = q->max;
	ds.msg_lspid = q->lspid;
	ds.msg_lrpid = q->lrpid;
	id = by_index ? o->id : 0;
	err = copy_to_user(ubuf, &ds, sizeof(ds));
	return err ? err : id;
}

static long msg_info(int cmd, uaddr_t ubuf)
{
	struct msginfo info;
	u64 bytes, count = msg_total(&bytes);

	memset(&info, 0, sizeof(info));
	info.msgmax = sysctl.msgmax;
	info.msgmnb = sysctl.msgmnb;
	info.msgmni = sysctl.msgmni;
	info.msgssz = MSGSSZ;
	info.msgseg = 0xffff;
	info.msgpool = cmd == MSG_INFO ? msg_table.used : (int)MSGPOOL;
	info.msgmap = cmd == MSG_INFO ? (int)count : MSGMAP;
	info.msgtql = cmd == MSG_INFO ? (int)bytes : MSGTQL;
	if (copy_to_user(ubuf, &info, sizeof(info)))
		return -EFAULT;
	return info_result(&msg_table);
}

static long msg_set(struct msg_queue *q, const struct msqid64_ds *ds)
{
	int err;

	if (ds->msg_qbytes > (u64)sysctl.msgmnb && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	err = ipc_set_perm(&q->o, &ds->msg_perm);
	if (err)
		return err;
	q->max = ds->msg_qbytes;
	q->ctime = ipc_now();
	wake_up_all(q->wq);
	return 0;
}

static long msg_change(int id, int cmd, uaddr_t ubuf)
{
	struct msqid64_ds ds;
	struct msg_queue *q;
	struct ipc_obj *o;
	long err;

	if (cmd == IPC_SET && copy_from_user(&ds, ubuf, sizeof(ds)))
		return -EFAULT;
	o = ipc_find(&msg_table, id);
	if (!o)
		return -EINVAL;
	err = ipc_may_control(o);
	if (err)
		return err;
	q = container_of(o, struct msg_queue, o);
	if (cmd == IPC_SET)
		return msg_set(q, &ds);
	msg_remove(q);
	return 0;
}

long sys_msgctl(int id, int cmd, uaddr_t buf)
{
	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_STAT: case MSG_STAT: case MSG_STAT_ANY:
		return msg_stat(id, cmd, buf);
	case IPC_INFO: case MSG_INFO:
		return msg_info(cmd, buf);
	case IPC_SET: case IPC_RMID:
		return msg_change(id, cmd, buf);
	default:
		return -EINVAL;
	}
}
