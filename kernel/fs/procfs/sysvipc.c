/* SPDX-License-Identifier: MIT */
/*
 * /proc/sysvipc: System V IPC objects, as ipcs reads them.
 */
#include "fs/procfs/priv.h"

#include "core/sched.h"
#include "core/wait.h"
#include "ipc/ipc.h"

#define SHM_DEST_K 01000
#define SHM_LOCKED_K 02000
#define OBJ_OF(o, type) container_of(o, type, o)

static int show_msg(struct seq_buf *s, struct proc_node *n)
{
	seq_puts(s, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  "
		 "cgid      stime      rtime      ctime\n");
	for (int i = 0; i <= ipc_max_index(&msg_table); i++) {
		const struct ipc_obj *o = ipc_at(&msg_table, i);
		const struct msg_queue *q = o ? OBJ_OF(o, struct msg_queue) : NULL;

		if (q)
			seq_printf(s, "%10d %10d  %4o  %10lu %10lu %5d %5d %5u %5u %5u %5u %10lu %10lu %10lu\n",
				   o->key, o->id, o->mode, q->bytes, q->count, q->lspid, q->lrpid,
				   o->uid, o->gid, o->cuid, o->cgid, (u64)q->stime, (u64)q->rtime,
				   (u64)q->ctime);
	}
	return 0;
}

static int show_sem(struct seq_buf *s, struct proc_node *n)
{
	seq_puts(s, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      "
		 "ctime\n");
	for (int i = 0; i <= ipc_max_index(&sem_table); i++) {
		const struct ipc_obj *o = ipc_at(&sem_table, i);
		const struct sem_set *q = o ? OBJ_OF(o, struct sem_set) : NULL;

		if (q)
			seq_printf(s, "%10d %10d  %4o %10u %5u %5u %5u %5u %10lu %10lu\n", o->key, o->id,
				   o->mode, q->n, o->uid, o->gid, o->cuid, o->cgid, (u64)q->otime,
				   (u64)q->ctime);
	}
	return 0;
}

static int show_shm(struct seq_buf *s, struct proc_node *n)
{
	seq_puts(s, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  "
		 "cuid  cgid      atime      dtime      ctime                   rss                  "
		 "swap\n");
	for (int i = 0; i <= ipc_max_index(&shm_table); i++) {
		const struct ipc_obj *o = ipc_at(&shm_table, i);
		const struct shm *q = o ? OBJ_OF(o, struct shm) : NULL;
		u32 mode;

		if (!q)
			continue;
		mode = o->mode | (q->destroy ? SHM_DEST_K : 0) | (q->locked ? SHM_LOCKED_K : 0);
		seq_printf(s, "%10d %10d  %4o %21lu %5d %5d  %5lu %5u %5u %5u %5u %10lu %10lu %10lu %21lu "
			   "%21lu\n", o->key, o->id, mode, q->size, q->cpid, q->lpid, shm_nattch(q),
			   o->uid, o->gid, o->cuid, o->cgid, (u64)q->atime, (u64)q->dtime,
			   (u64)q->ctime, q->size, 0UL);
	}
	return 0;
}

const struct proc_entry sysvipc_table[] = {
	PROC_FILE("msg", 0444, show_msg),
	PROC_FILE("sem", 0444, show_sem),
	PROC_FILE("shm", 0444, show_shm),
	PROC_END
};
