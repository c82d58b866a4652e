/* SPDX-License-Identifier: MIT */
/*
 * What happens when the disk's structures contradict each other: a line in the log, a note in the
 * superblock, and errors=.
 */
#include "fs/ext4/priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/mount.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/task.h"

#define MESSAGES_MAX 100 /* a broken image must not drown the log */

void ext4_uuid_text(const struct ext4 *fs, char out[EXT4_UUID_TEXT])
{
	const u8 *u = fs->es->uuid;
	size_t n = 0;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[n++] = '-';
		n += (size_t)snprintf(out + n, EXT4_UUID_TEXT - n, "%02x", u[i]);
	}
}

void ext4_msg(const struct ext4 *fs, const char *level, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!strcmp(level, "error"))
		pr_err("EXT4-fs (%s): %s", fs->bdev->name, text);
	else if (!strcmp(level, "warning"))
		pr_warn("EXT4-fs (%s): warning: %s", fs->bdev->name, text);
	else
		pr_info("EXT4-fs (%s): %s", fs->bdev->name, text);
}

int ext4_write_super(struct ext4 *fs)
{
	struct ts_k now = current_ts();
	int err;

	fs->es->wtime = (u32)now.sec;
	fs->es->wtime_hi = (u8)(now.sec >> 32);
	if (fs->csum)
		fs->es->checksum = ext4_csum_super(fs->es);
	fs->error_pending = false;
	err = blk_write(fs->bdev, fs->sbh->block * fs->block_size, fs->sbh->data, fs->block_size);
	return err ? err : blk_flush(fs->bdev);
}

static void note_error(struct ext4 *fs, const char *func, int line, u32 ino, u64 block)
{
	struct ext4_sb *es = fs->es;
	s64 now = current_ts().sec;

	es->state |= EXT4_STATE_ERROR;
	if (!es->first_error_time) {
		es->first_error_time = (u32)now;
		es->first_error_time_hi = (u8)(now >> 32);
		es->first_error_ino = ino;
		es->first_error_block = block;
		es->first_error_line = (u32)line;
		strncpy(es->first_error_func, func, sizeof(es->first_error_func) - 1);
	}
	es->last_error_time = (u32)now;
	es->last_error_time_hi = (u8)(now >> 32);
	es->last_error_ino = ino;
	es->last_error_block = block;
	es->last_error_line = (u32)line;
	memset(es->last_error_func, 0, sizeof(es->last_error_func));
	strncpy(es->last_error_func, func, sizeof(es->last_error_func) - 1);
	es->error_count++;
	fs->error_pending = true;
}

static void stop_writing(struct ext4 *fs)
{
	if (fs->dead || (fs->sb->flags & MS_RDONLY))
		return;
	pr_err("EXT4-fs (%s): Remounting filesystem read-only", fs->bdev->name);
	fs->dead = true;
	fs->sb->flags |= MS_RDONLY;
	if (fs->journal)
		journal_abort(fs->journal, -EIO);
}

void ext4_check_abort(struct ext4 *fs)
{
	if (!fs->journal || fs->dead || !journal_error(fs->journal))
		return;
	pr_err("EXT4-fs error (device %s): Detected aborted journal", fs->bdev->name);
	if (fs->opts.errors == EXT4_ERRORS_PANIC)
		panic("EXT4-fs (device %s): panic forced after error", fs->bdev->name);
	note_error(fs, __func__, __LINE__, 0, 0);
	stop_writing(fs);
}

int ext4_error_at(struct ext4 *fs, const char *func, int line, u32 ino, u64 block, const char *fmt,
		  ...)
{
	char text[200], where[64] = "";
	va_list ap;
	int n = 0;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (ino)
		n = snprintf(where, sizeof(where), "inode #%u: ", ino);
	if (block)
		snprintf(where + n, sizeof(where) - (size_t)n,
			 "block %llu: ", (unsigned long long)block);
	if (fs->es->error_count < MESSAGES_MAX || fs->opts.errors != EXT4_ERRORS_CONTINUE)
		pr_err("EXT4-fs error (device %s): %s:%d: %scomm %s: %s", fs->bdev->name, func,
		       line, where, current ? current->comm : "swapper", text);
	if (fs->opts.errors == EXT4_ERRORS_PANIC)
		panic("EXT4-fs (device %s): panic forced after error", fs->bdev->name);
	if (!fs->bdev->readonly)
		note_error(fs, func, line, ino, block);
	if (fs->opts.errors == EXT4_ERRORS_RO)
		stop_writing(fs);
	return -EUCLEAN;
}
