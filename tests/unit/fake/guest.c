/* SPDX-License-Identifier: MIT */
/*
 * No guest process: none serves its descriptors itself. Included by the .c file of tests with open files.
 */
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
	return -EOPNOTSUPP;
}

void guest_fds_give(struct guest_fds *t, int fd, const struct guest_fd *g)
{
}

bool guest_fds_given(const struct guest_fds *t, int fd)
{
	return false;
}

u32 guest_fds_id(const struct guest_fds *t, int fd)
{
	return 0;
}

u32 guest_fds_moves(const struct guest_fds *t, int fd)
{
	return 0;
}

void guest_fds_show(struct guest_fds *t, int fd, const struct guest_stat *st, u32 moves)
{
}

void guest_fds_hide(struct guest_fds *t, int fd)
{
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
	return -EOPNOTSUPP;
}

int guest_fds_lock_pos(struct guest_fds *t, int fd, u64 *pos)
{
	return -EOPNOTSUPP;
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
	return -EOPNOTSUPP;
}
