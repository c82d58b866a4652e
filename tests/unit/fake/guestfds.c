/* SPDX-License-Identifier: MIT */
/* Guest processes that serve no descriptors, for unit tests. Included by a test's .c file. */
#include "abi/errno.h"
#include "guest/guest.h"

struct guest_fds *guest_fds_new(struct uthread *ut, const void *owner)
{
	return NULL;
}

void guest_fds_end(struct guest_fds *t, struct uthread *ut)
{
}

bool guest_fds_serve(const struct guest_fds *t, const struct uthread *ut)
{
	return false;
}

int guest_fds_place(struct guest_fds *t, struct uthread *ut, int fd, int hostfd)
{
	return -ESTALE;
}

void guest_fds_give(struct guest_fds *t, int fd, const struct guest_fd *g)
{
}

bool guest_fds_given(const struct guest_fds *t, int fd)
{
	return false;
}

void guest_fds_mute(struct guest_fds *t, int fd)
{
}

void guest_fds_limit(struct guest_fds *t, int fd, u64 limit)
{
}

void guest_fds_take(struct guest_fds *t, struct uthread *ut, int fd)
{
}

int guest_fds_publish_pos(struct guest_fds *t, int fd, u64 pos)
{
	return -EBUSY;
}

int guest_fds_lock_pos(struct guest_fds *t, int fd, u64 *pos)
{
	return -EINTR;
}

void guest_fds_unlock_pos(struct guest_fds *t, int fd, u64 pos)
{
}

u64 guest_fds_peek_pos(const struct guest_fds *t, int fd)
{
	return 0;
}

int guest_fds_withdraw_pos(struct guest_fds *t, int fd, bool force, u64 *pos)
{
	return -EBUSY;
}
