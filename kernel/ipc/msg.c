/* SPDX-License-Identifier: MIT */
/* System V message queues: typed messages in order of arrival, limited by bytes per queue. */
#include <string.h>

#include "abi/errno.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "core/wait.h"
#include "ipc/ipc.h"
#include "lib/alloc.h"

struct msg {
	struct list_head node;
	long type;
	size_t size;
	char text[];
};

static void queue_free(struct ipc_obj *o);
struct ipc_table msg_table = { .next_id = -1, .free = queue_free };

static struct msg_queue *to_queue(struct ipc_obj *o)
{
	return container_of(o, struct msg_queue, o);
}

struct msg *msg_alloc(size_t size, void **text)
{
	struct msg *m = kmalloc(sizeof(*m) + size);

	if (!m)
		return NULL;
	m->size = size;
	*text = m->text;
	return m;
}

void msg_free(struct msg *m)
{
	kfree(m);
}

size_t msg_size(const struct msg *m)
{
	return m->size;
}

long msg_type(const struct msg *m)
{
	return m->type;
}

const void *msg_text(const struct msg *m)
{
	return m->text;
}

static void queue_free(struct ipc_obj *o)
{
	struct msg_queue *q = to_queue(o);

	while (!list_empty(&q->msgs)) {
		struct msg *m = list_first(&q->msgs, struct msg, node);

		list_del_init(&m->node);
		kfree(m);
	}
	kfree(q->wq);
	kfree(q);
}

static struct msg_queue *queue_alloc(void)
{
	struct msg_queue *q = kzalloc(sizeof(*q));

	if (!q)
		return NULL;
	list_init(&q->msgs);
	q->wq = kzalloc(sizeof(*q->wq));
	if (!q->wq) {
		kfree(q);
		return NULL;
	}
	wq_init(q->wq);
	q->max = sysctl.msgmnb;
	q->ctime = ipc_now();
	return q;
}

int msg_get(int key, u32 flags)
{
	struct msg_queue *q;
	struct ipc_obj *o;
	int err = ipc_lookup_get(&msg_table, key, flags, &o);

	if (err)
		return err;
	if (o) {
		err = ipc_allowed(o, flags & 0777);
		return err ? err : o->id;
	}
	if (msg_table.used >= sysctl.msgmni)
		return -ENOSPC;
	q = queue_alloc();
	if (!q)
		return -ENOMEM;
	err = ipc_add(&msg_table, &q->o, key, flags);
	if (err < 0)
		queue_free(&q->o);
	return err;
}

/* --- sending --- */

static bool has_room(const struct msg_queue *q, size_t size)
{
	return q->bytes + size <= q->max && q->count + 1 <= q->max;
}

static int wait_room(struct msg_queue *q, size_t size, u32 flags)
{
	int err;

	if (has_room(q, size))
		return 0;
	if (flags & IPC_NOWAIT)
		return -EAGAIN;
	err = wait_event_interruptible(q->wq, q->o.dead || has_room(q, size), "msgsnd");
	if (q->o.dead)
		return -EIDRM;
	/* msgsnd is never made again after a handler, whatever SA_RESTART says. */
	return err ? -ERESTARTNOHAND : 0;
}

int msg_send(int id, struct msg *m, long type, u32 flags)
{
	struct ipc_obj *o = ipc_find(&msg_table, id);
	struct msg_queue *q;
	int err;

	if (!o)
		return -EINVAL;
	if (ipc_allowed(o, 0222))
		return -EACCES;
	q = to_queue(o);
	ipc_get(o);
	err = wait_room(q, m->size, flags);
	if (!err) {
		m->type = type;
		list_add_tail(&m->node, &q->msgs);
		q->bytes += m->size;
		q->count++;
		q->lspid = current->proc->tgid;
		q->stime = ipc_now();
		wake_up_all(q->wq);
	}
	ipc_put(&msg_table, o);
	return err;
}

/* --- receiving --- */

static bool type_fits(const struct msg *m, long type, u32 flags)
{
	if (type == 0)
		return true;
	if (type > 0)
		return flags & MSG_EXCEPT ? m->type != type : m->type == type;
	return m->type <= (type == INT64_MIN ? INT64_MAX : -type);
}

/* type < 0: the lowest type counts, among equals the oldest. MSG_COPY: type is an index. */
static struct msg *pick(struct msg_queue *q, long type, u32 flags)
{
	struct msg *m, *best = NULL;
	long i = 0;

	list_for_each(m, &q->msgs, node) {
		if (flags & MSG_COPY) {
			if (i++ == type)
				return m;
			continue;
		}
		if (!type_fits(m, type, flags) || (best && m->type >= best->type))
			continue;
		best = m;
		if (type >= 0)
			break;
	}
	return best;
}

static int take(struct msg_queue *q, struct msg *m, size_t size, u32 flags, struct msg **out)
{
	void *text;

	if (m->size > size && !(flags & MSG_NOERROR))
		return -E2BIG;
	if (flags & MSG_COPY) {
		*out = msg_alloc(m->size, &text);
		if (!*out)
			return -ENOMEM;
		memcpy(text, m->text, m->size);
		(*out)->type = m->type;
		return 0;
	}
	list_del_init(&m->node);
	q->bytes -= m->size;
	q->count--;
	q->lrpid = current->proc->tgid;
	q->rtime = ipc_now();
	wake_up_all(q->wq);
	*out = m;
	return 0;
}

static int wait_message(struct msg_queue *q, long type, u32 flags, struct msg **m)
{
	int err;

	*m = pick(q, type, flags);
	if (*m)
		return 0;
	if (flags & IPC_NOWAIT)
		return -ENOMSG;
	err = wait_event_interruptible(q->wq, q->o.dead || (*m = pick(q, type, flags)), "msgrcv");
	if (q->o.dead)
		return -EIDRM;
	return err ? -ERESTARTNOHAND : 0;
}

int msg_receive(int id, size_t size, long type, u32 flags, struct msg **out)
{
	struct ipc_obj *o = ipc_find(&msg_table, id);
	struct msg_queue *q;
	struct msg *m;
	int err;

	if (flags & MSG_COPY && (flags & MSG_EXCEPT || !(flags & IPC_NOWAIT)))
		return -EINVAL;
	if (!o)
		return -EINVAL;
	if (ipc_allowed(o, 0444))
		return -EACCES;
	q = to_queue(o);
	ipc_get(o);
	err = wait_message(q, type, flags, &m);
	if (!err)
		err = take(q, m, size, flags, out);
	ipc_put(&msg_table, o);
	return err;
}

void msg_remove(struct msg_queue *q)
{
	ipc_get(&q->o);
	ipc_remove(&msg_table, &q->o);
	wake_up_all(q->wq);
	ipc_put(&msg_table, &q->o);
}

u64 msg_total(u64 *bytes)
{
	u64 n = 0;
	int i;

	*bytes = 0;
	for (i = 0; i <= ipc_max_index(&msg_table); i++) {
		struct ipc_obj *o = ipc_at(&msg_table, i);

		if (!o)
			continue;
		n += to_queue(o)->count;
		*bytes += to_queue(o)->bytes;
	}
	return n;
}
