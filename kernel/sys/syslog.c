/* SPDX-License-Identifier: MIT */
/* syslog(2): the kernel log for klogd and old versions of dmesg. */
#include "sys/sys.h"

#include <string.h>

#include "abi/prctl.h"
#include "core/arena.h"
#include "core/cred.h"
#include "core/log.h"
#include "core/sysctl.h"
#include "core/wait.h"
#include "mm/user.h"

enum { READ = 2, READ_ALL = 3, READ_CLEAR = 4, CLEAR = 5, CONSOLE_OFF = 6, CONSOLE_ON = 7,
       CONSOLE_LEVEL = 8, SIZE_UNREAD = 9, SIZE_BUFFER = 10 };

#define RECORD_MAX 8192
#define LOG_BUFFER_SIZE (1 << 17)	/* what Linux reports for CONFIG_LOG_BUF_SHIFT=17 */

static u64 read_seq, clear_seq;
static size_t read_off;			/* bytes of record read_seq that were handed out already */
static int saved_level = -1;

/* One record at or after *seq, whatever was overwritten before it. 0: none. */
static ssize next_record(u64 *seq, char *buf)
{
	ssize n;

	do
		n = log_read(seq, buf, RECORD_MAX, false);
	while (n == -EPIPE);
	return n;
}

/* READ: waits for text, then hands out as much as there is room for, in the middle of a record if need be. */
static long do_read(char *buf, ubuf_t ubuf, size_t len)
{
	size_t done = 0, part;
	ssize n;
	u64 seq;
	int err = wait_event_interruptible(log_wait_queue(), log_next_seq() > read_seq, "syslog");

	while (!err && done < len) {
		seq = read_seq;
		n = next_record(&seq, buf);
		if (n <= 0)
			break;
		if ((size_t)n <= read_off)	/* another record than before: it was overwritten */
			read_off = 0;
		part = MIN((size_t)n - read_off, len - done);
		err = copy_to_user(ubuf + done, buf + read_off, part);
		if (err)
			break;
		done += part;
		read_off += part;
		if (read_off == (size_t)n) {
			read_seq = seq;
			read_off = 0;
		}
	}
	return done ? (long)done : err;
}

static size_t text_size(u64 seq, char *buf)
{
	size_t sum = 0;
	ssize n;

	while ((n = next_record(&seq, buf)) > 0)
		sum += n;
	return sum;
}

/* The newest whole records that fit. */
static long do_read_all(char *buf, ubuf_t ubuf, size_t len, bool clear)
{
	u64 seq = clear_seq;
	size_t size = text_size(seq, buf), done = 0;
	ssize n;

	while ((n = next_record(&seq, buf)) > 0) {
		if (size > len) {
			size -= n;
			continue;
		}
		if (done + n > len)
			break;
		if (copy_to_user(ubuf + done, buf, n))
			return -EFAULT;
		done += n;
	}
	if (clear)
		clear_seq = seq;
	return done;
}

static int check_rights(int type)
{
	if (!sysctl.dmesg_restrict && (type == READ_ALL || type == SIZE_BUFFER))
		return 0;
	return capable(CAP_SYSLOG) || capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

static long read_call(int type, ubuf_t ubuf, int len)
{
	char *buf;

	if (!ubuf || len < 0)
		return -EINVAL;
	if (!len)
		return 0;
	buf = arena_alloc(RECORD_MAX);
	if (!buf)
		return -ENOMEM;
	if (type == READ)
		return do_read(buf, ubuf, len);
	return do_read_all(buf, ubuf, len, type == READ_CLEAR);
}

static long set_level(int level)
{
	if (level < 1 || level > 8)
		return -EINVAL;
	log_set_console_level(level);
	saved_level = -1;
	return 0;
}

static long console_off(void)
{
	if (saved_level < 0)
		saved_level = log_get_console_level();
	log_set_console_level(1);
	return 0;
}

static long console_on(void)
{
	if (saved_level >= 0)
		log_set_console_level(saved_level);
	saved_level = -1;
	return 0;
}

static long size_unread(void)
{
	char *buf = arena_alloc(RECORD_MAX);
	size_t n;

	if (!buf)
		return -ENOMEM;
	n = text_size(read_seq, buf);
	return n > read_off ? n - read_off : 0;
}

long sys_syslog(int type, ubuf_t ubuf, int len)
{
	int err = check_rights(type);

	if (err)
		return err;
	switch (type) {
	case 0:		/* open and close: nothing to do */
	case 1:
		return 0;
	case READ:
	case READ_ALL:
	case READ_CLEAR:
		return read_call(type, ubuf, len);
	case CLEAR:
		clear_seq = log_next_seq();
		return 0;
	case CONSOLE_OFF:
		return console_off();
	case CONSOLE_ON:
		return console_on();
	case CONSOLE_LEVEL:
		return set_level(len);
	case SIZE_UNREAD:
		return size_unread();
	case SIZE_BUFFER:
		return LOG_BUFFER_SIZE;
	default:
		return -EINVAL;
	}
}
