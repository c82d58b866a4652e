/* SPDX-License-Identifier: MIT */
/*
 * Credentials: immutable once published; a change makes a copy (cred_dup), edits it and
 * installs it with task_set_cred(). Shared by reference between tasks, files, sockets.
 */
#ifndef CORE_CRED_H
#define CORE_CRED_H

#include "lib/refcount.h"
#include "lib/types.h"

#define NGROUPS_MAX_K 65536

/* The keyrings that credentials hold; a key of keys/ begins with one. */
struct cred_ring {
	struct refcount ref;
	void (*free)(struct cred_ring *cr);	/* the last reference is gone; never blocks */
};
enum { CRED_RING_THREAD, CRED_RING_PROCESS, CRED_RING_SESSION, CRED_RINGS };

struct cred {
	struct refcount ref;
	u32 uid, euid, suid, fsuid;
	u32 gid, egid, sgid, fsgid;
	u64 cap_inheritable, cap_permitted, cap_effective, cap_bounding, cap_ambient;
	u32 securebits;
	u32 ngroups;
	u32 *groups;			/* sorted, owned by this cred */
	struct cred_ring *rings[CRED_RINGS];	/* references, NULL */
	u32 reqkey_ring;		/* KEY_REQKEY_DEFL_* */
};

#define CAP_FULL_SET ((1ULL << 41) - 1)

extern struct cred init_cred;		/* root with every capability, static */

struct cred *cred_get(struct cred *c);		/* returns a reference */
void cred_put(struct cred *c);			/* takes */
struct cred *cred_dup(const struct cred *c);	/* returns a reference, NULL: no memory */
void cred_ring_put(struct cred_ring *cr);	/* NULL is fine */
/* A copy without the keyrings of the thread and, for another process, of the process. NULL: no memory. */
struct cred *cred_dup_for(const struct cred *c, bool thread);
bool cred_in_group(const struct cred *c, u32 gid);	/* fsgid or supplementary */
bool cred_capable(const struct cred *c, int cap);	/* CAP_* */
bool capable(int cap);				/* of the current task, effective set */
const struct cred *current_cred(void);		/* returns borrowed */

#endif
