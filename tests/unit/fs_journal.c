/* SPDX-License-Identifier: MIT */
/*
 * The journal of ext4 under a toy file system: blocks that are free, metadata or file data,
 * allocated, changed and freed by several tasks in handles. Each transaction's outcome is known;
 * after a power failure at any moment, with unflushed sectors there or not, replay must give
 * exactly one of them, not older than what was reported durable.
 */
#include "tests/unit/fake/alloc.c"
#include "tests/unit/fake/coop.c"
#include "tests/unit/fake/powerdisk.c"

#include "fs/ext4/journal_priv.h"
#include "lib/crc32c.h"
#include "tests/unit/test.h"

#define BS FAKE_BLOCK
#define LOG_BLOCKS 1032u
#define LOG_AT 8u			/* first block of the journal */
#define FS_AT (LOG_AT + LOG_BLOCKS)
#define NBLOCKS 120u			/* of the toy; its block 0 counts operations */
#define DISK_SIZE ((size_t)(FS_AT + NBLOCKS) * BS)
#define TASKS 4
#define MAX_TX 4000

enum kind { FREE, META, DATA };

struct state {
	u64 tid;
	u8 kind[NBLOCKS];
	u64 version[NBLOCKS];
};

struct toy {
	struct disk disk, log_disk;	/* the second of an external journal */
	struct journal *j;
	struct state now;
	struct state past[MAX_TX];	/* after each transaction */
	u32 npast;
	u64 versions;			/* the last one given out */
	bool locked[NBLOCKS];		/* a task works on it */
	u64 freed[NBLOCKS];		/* by this transaction, which is not durable; 0 */
	struct journal_callback cb[NBLOCKS];
	u32 running, ops;
	struct { u32 event; u64 tid; } ack[20000];	/* durable when that event was the next */
	u32 nacks;
	bool may_fail;
	u32 failed;
};

static struct toy *toy;
static u32 log_gap;			/* the journal's blocks from here on lie one further */

/* ---- contents ---- */

/* Some versions begin with the journal's magic number. */
static void fill(u8 *p, u32 block, u64 version)
{
	u64 x = (version << 8 | block) * 0x9e3779b97f4a7c15ULL;
	u32 magic = be32(JBD_MAGIC);

	for (u32 i = 0; i < BS; i += 8) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		memcpy(p + i, &x, 8);
	}
	if (version % 5 == 0)
		memcpy(p, &magic, 4);
	memcpy(p + 8, &version, 8);
}

static bool is_filled(const u8 *p, u32 block, u64 version)
{
	u8 want[BS];

	fill(want, block, version);
	return !memcmp(p, want, BS);
}

static int toy_map(void *private, u32 n, u64 *out)
{
	*out = LOG_AT + n + (log_gap && n >= log_gap);
	return 0;
}

static void make_super(u8 *image, u32 compat, u32 incompat)
{
	struct jbd_super *s = (struct jbd_super *)(image + (size_t)LOG_AT * BS);

	jbd_header_set(s, JBD_SUPER_V2, 0);
	s->blocksize = be32(BS);
	s->maxlen = be32(LOG_BLOCKS - 1);
	s->first = be32(1);
	s->sequence = be32(0xfffffff0u);	/* wraps soon */
	s->nr_users = be32(1);
	s->compat = be32(compat);
	s->incompat = be32(incompat);
	s->checksum_type = JBD_CRC32C;
	memset(s->uuid, 0x77, 16);
	memset(s->users[0], 0x42, 16);
	s->checksum = be32(jbd_super_csum(s));
}

/* No journal block may be NULL; block 0 of the toy is metadata. */
static u8 *make_image(void)
{
	u8 *image = calloc(1, DISK_SIZE);

	make_super(image, 0, 0);
	fill(image + (size_t)FS_AT * BS, 0, 0);
	return image;
}

static struct journal_place place(struct disk *fs, struct disk *log)
{
	static const u8 uuid[16] = { [0 ... 15] = 0x42 };

	return (struct journal_place){
		.bdev = &log->b, .fs_bdev = &fs->b, .block_size = BS, .nblocks = LOG_BLOCKS,
		.map = toy_map, .uuid = uuid, .name = "toy-8",
	};
}

/* ---- the toy's operations; each task, in a handle ---- */

static void note_transaction(struct handle *h)
{
	u64 tid = handle_tid(h);

	if (toy->now.tid == tid)
		return;
	assert_true(toy->now.tid < tid && toy->npast < MAX_TX);
	toy->past[toy->npast++] = toy->now;
	toy->now.tid = tid;
}

static void now_free(struct journal_callback *cb, int error)
{
	if (!error)
		toy->freed[cb - toy->cb] = 0;
}

static void fill_now(struct buffer *bh, u32 b)
{
	toy->now.version[b] = ++toy->versions;
	fill(bh->data, b, toy->now.version[b]);
}

static void must(int err)
{
	if (err && toy->may_fail)
		toy->failed++;
	else
		assert_int_equal(err, 0);
}

static int alloc_meta(struct handle *h, u32 b)
{
	struct buffer *bh;
	int err = buffer_get(&toy->disk.b, FS_AT + b, &bh);

	if (err)
		return err;
	err = journal_get_create(h, bh);
	if (!err) {
		fill_now(bh, b);
		toy->now.kind[b] = META;
		err = journal_dirty(h, bh);
	}
	buffer_put(bh);
	return err;
}

/* What this transaction has freed it may use again as metadata. */
static int alloc_again(struct handle *h, u32 b)
{
	int err = alloc_meta(h, b);

	if (!err) {
		list_del_init(&toy->cb[b].node);
		toy->freed[b] = 0;
	}
	return err;
}

/* Contents are on the device before the handle ends, as those of files are. */
static int alloc_data(u32 b)
{
	u64 version = ++toy->versions;
	u8 buf[BS];
	int err;

	fill(buf, b, version);
	err = blk_write(&toy->disk.b, (u64)(FS_AT + b) * BS, buf, BS);
	if (err)
		return err;
	toy->now.kind[b] = DATA;
	toy->now.version[b] = version;
	return 0;
}

static int change_meta(struct handle *h, u32 b)
{
	struct buffer *bh;
	int err = buffer_read(&toy->disk.b, FS_AT + b, &bh);

	if (err)
		return err;
	if (b)
		assert_true(is_filled(bh->data, b, toy->now.version[b]));
	err = journal_get_write(h, bh);
	if (!err && (!b || coop_random(8))) {
		fill_now(bh, b);
		err = journal_dirty(h, bh);
	}
	buffer_put(bh);
	return err;
}

static int free_block(struct handle *h, u32 b)
{
	struct buffer *bh;
	int err = 0;

	if (toy->now.kind[b] == META) {
		if (coop_random(4)) {
			err = buffer_read(&toy->disk.b, FS_AT + b, &bh);
			if (!err)
				err = journal_forget(h, bh);
		} else {
			err = journal_revoke(h, FS_AT + b);
		}
	}
	if (err)
		return err;
	toy->now.kind[b] = FREE;
	toy->freed[b] = handle_tid(h);
	journal_on_commit(h, &toy->cb[b]);
	return 0;
}

static int touch(struct handle *h, u32 b)
{
	u32 dice = coop_random(10);

	if (toy->now.kind[b] == FREE) {
		if (toy->freed[b])
			return toy->freed[b] == handle_tid(h) ? alloc_again(h, b) : 0;
		return dice < 7 ? alloc_meta(h, b) : alloc_data(b);
	}
	if (dice < 3)
		return free_block(h, b);
	return toy->now.kind[b] == META ? change_meta(h, b) : 0;
}

/* 1: the journal is dead. */
static int operation(void)
{
	u32 n = 1 + coop_random(12);
	struct handle *h;
	int err = journal_start(toy->j, n + 2, &h);
	u64 tid;

	if (err) {
		must(err);
		return err == -EROFS;
	}
	tid = handle_tid(h);
	note_transaction(h);
	while (n-- && !err) {
		u32 b = 1 + coop_random(NBLOCKS - 1);

		if (toy->locked[b])
			continue;
		toy->locked[b] = true;
		err = touch(h, b);
		toy->locked[b] = false;
		coop_pause();
	}
	must(err);
	must(change_meta(h, 0));
	toy->ops++;
	err = journal_stop(h, coop_random(8) == 0);
	if (err) {
		must(err);
		return 1;
	}
	if (toy->j->committed >= tid) {
		toy->ack[toy->nacks].event = disk_nlog;
		toy->ack[toy->nacks++].tid = tid;
	}
	return 0;
}

static void worker(void *arg)
{
	u32 n = *(u32 *)arg;

	while (n-- && !operation()) {
		if (coop_random(40) == 0)
			must(journal_force(toy->j));
		if (coop_random(150) == 0)
			must(journal_flush(toy->j));
		if (coop_random(6) == 0 && !checkpoint_tidy(toy->j))
			(void)tail_update(toy->j);	/* far more often than need be */
		if (coop_random(20) == 0)
			coop_sleep(NSEC_PER_MSEC);
	}
	toy->running--;
}

/* ---- a run ---- */

static void toy_begin(const u8 *image, bool external)
{
	struct journal_options o = { .recover = true, .barrier = true, .csum = coop_random(2),
				     .wide = coop_random(2), .commit_ms = 5 };
	struct journal_place p;

	toy = calloc(1, sizeof(*toy));
	for (u32 b = 0; b < NBLOCKS; b++) {
		list_init(&toy->cb[b].node);
		toy->cb[b].fn = now_free;
	}
	disk_open(&toy->disk, image, DISK_SIZE);
	disk_open(&toy->log_disk, image, DISK_SIZE);
	p = place(&toy->disk, external ? &toy->log_disk : &toy->disk);
	assert_int_equal(journal_open(&p, &o, &toy->j), 0);
	toy->now.kind[0] = META;
}

/* What a replayed image holds is where the toy goes on. */
static void toy_adopt(const struct state *s)
{
	toy->now = *s;
	toy->now.tid = 0;
	for (u32 b = 0; b < NBLOCKS; b++)
		toy->versions = MAX(toy->versions, s->version[b]);
	toy->versions += 1000;
}

static void toy_work(u32 ops_each)
{
	struct fake_flusher flusher = { .disk = &toy->disk };

	assert_int_equal(kthread_run("flusher", fake_flusher, &flusher), 0);
	toy->running = TASKS;
	for (int i = 0; i < TASKS; i++)
		assert_int_equal(kthread_run("worker", worker, &ops_each), 0);
	while (toy->running)
		coop_sleep(NSEC_PER_MSEC);
	flusher.stop = true;
	while (!flusher.ended)
		coop_sleep(NSEC_PER_MSEC);
	toy->past[toy->npast++] = toy->now;
}

static void toy_end(void)
{
	free(disk_close(&toy->disk));
	free(disk_close(&toy->log_disk));
	disk_forget_log();
	free(toy);
	toy = NULL;
	assert_int_equal(fake_alloc_live, 0);
}

/* ---- after a power failure ---- */

static const u8 *block_of(const u8 *image, u32 b)
{
	return image + (size_t)(FS_AT + b) * BS;
}

static void check_state(const u8 *image, const struct state *s)
{
	for (u32 b = 0; b < NBLOCKS; b++)
		if (s->kind[b] != FREE && !is_filled(block_of(image, b), b, s->version[b]))
			fail_msg("block %u, kind %u, version %llu is missing; transaction %llx", b,
				 s->kind[b], (unsigned long long)s->version[b],
				 (unsigned long long)s->tid);
}

/* The last outcome in which the count of operations was what image says. */
static const struct state *find_state(const u8 *image)
{
	u64 version;

	memcpy(&version, image + (size_t)FS_AT * BS + 8, 8);
	assert_true(is_filled(image + (size_t)FS_AT * BS, 0, version));
	for (u32 i = toy->npast; i--;)
		if (toy->past[i].version[0] == version)
			return &toy->past[i];
	fail_msg("no such state: version %llu", (unsigned long long)version);
	return NULL;
}

static u64 acknowledged(u32 event)
{
	u64 tid = 0;

	for (u32 i = 0; i < toy->nacks; i++)
		if (toy->ack[i].event <= event)
			tid = MAX(tid, toy->ack[i].tid);
	return tid;
}

/* Replays; the image is replaced by the result. */
static const struct state *replay_and_check(u8 **image, u8 **log_image, u64 at_least)
{
	struct journal_options o = { .recover = true, .barrier = true };
	const struct state *s;
	struct disk fs, log;
	struct journal *j;
	struct journal_place p;

	disk_open(&fs, *image, DISK_SIZE);
	disk_open(&log, log_image ? *log_image : *image, DISK_SIZE);
	p = place(&fs, log_image ? &log : &fs);
	assert_int_equal(journal_open(&p, &o, &j), 0);
	assert_int_equal(journal_close(j), 0);
	free(*image);
	*image = disk_close(&fs);
	free(disk_close(&log));
	s = find_state(*image);
	assert_true(s->tid >= at_least);
	check_state(*image, s);
	return s;
}

static void cut(u32 event, bool external, u32 of)
{
	u32 mark = disk_nlog;
	u8 *image = crash_image(&toy->disk, event, of);
	u8 *log = external ? crash_image(&toy->log_disk, event, of) : NULL;

	replay_and_check(&image, external ? &log : NULL, acknowledged(event));
	free(image);
	free(log);
	while (disk_nlog > mark)
		free(disk_log[--disk_nlog].data);
}

/* The machine boots on what was left, several times. */
static void boot_again(void **state)
{
	u8 *image = make_image();
	struct state s = { .kind = { META } };
	u32 cut;

	for (u64 seed = 21; seed < 26; seed++) {
		coop_start(seed);
		toy_begin(image, false);
		toy_adopt(&s);
		toy_work(60);
		free(image);
		cut = disk_nlog - coop_random(MIN(disk_nlog, 30u));
		image = crash_image(&toy->disk, cut, coop_random(9));
		s = *replay_and_check(&image, NULL, 0);
		assert_true(s.version[0] > 0);
		(void)journal_close(toy->j);
		toy_end();
	}
	free(image);
}

/* At flushes, around writes of the journal's superblock, and anywhere. */
static void cut_everywhere(bool external, u32 step)
{
	u32 n = disk_nlog;

	for (u32 i = 0; i < n; i++) {
		bool super = !disk_log[i].flush && disk_log[i].off == LOG_AT * BS;

		if ((!super && !disk_log[i].flush) || coop_random(step))
			continue;
		cut(i, external, coop_random(9));
		cut(i + 1, external, coop_random(9));
		cut(super ? i + 1 : coop_random(n), external, coop_random(9));
	}
	cut(n, external, 8);
}

static void close_and_check(void)
{
	u8 *image;

	assert_int_equal(journal_close(toy->j), 0);
	image = toy->disk.now;
	check_state(image, &toy->past[toy->npast - 1]);
	assert_null(strstr(coop_log, "WARNING"));
	assert_null(strstr(coop_log, "announced"));
}

static void run_and_cut(u64 seed, bool external, u32 ops, u32 step)
{
	u8 *image = make_image();

	coop_start(seed);
	toy_begin(image, external);
	toy_work(ops);
	close_and_check();
	cut_everywhere(external, step);
	toy_end();
	free(image);
}

static void survives_power_failures(void **state)
{
	for (u64 seed = 1; seed <= 3; seed++)
		run_and_cut(seed, false, 300, 6);
}

static void external_journal(void **state)
{
	run_and_cut(11, true, 200, 6);
}

static void fragmented_journal(void **state)
{
	log_gap = 100;
	run_and_cut(12, false, 200, 6);
	log_gap = 0;
}

/* ---- errors ---- */

/* The disk fails after some writes: no handle after that, no task hangs, and what was durable is still there. */
static void device_errors(void **state)
{
	u8 *image = make_image(), *left;
	u64 tid;

	for (u64 seed = 41; seed < 61; seed++) {
		coop_start(seed);
		toy_begin(image, false);
		toy->may_fail = true;
		disk_fail_after = 1 + coop_random(400);
		toy_work(100);
		disk_fail_after = 0;
		assert_true(!disk_failing || toy->j->error == -EIO || !toy->failed);
		tid = acknowledged(disk_nlog);
		left = crash_image(&toy->disk, disk_nlog, coop_random(9));
		disk_failing = false;
		assert_int_equal(!journal_close(toy->j), !toy->failed);
		replay_and_check(&left, NULL, tid);
		free(left);
		toy_end();
	}
	free(image);
}

/* Allocations fail now and then: calls fail, what succeeded stays whole. */
static void little_memory(void **state)
{
	u8 *image = make_image();

	for (u64 seed = 61; seed < 66; seed++) {
		coop_start(seed);
		toy_begin(image, false);
		toy->may_fail = true;
		fake_alloc_fail_every = 4 + coop_random(30);
		toy_work(100);
		fake_alloc_fail_every = 0;
		assert_true(toy->failed > 0 && !toy->j->error);
		toy->may_fail = false;
		close_and_check();
		cut_everywhere(false, 20);
		toy_end();
	}
	free(image);
}

/* A log that is not empty: what a crash in the middle of a run left. */
static u8 *dirty_image(u64 seed)
{
	u8 *image = make_image(), *left;

	coop_start(seed);
	toy_begin(image, false);
	toy_work(40);
	left = crash_image(&toy->disk, disk_nlog, 8);
	(void)journal_close(toy->j);
	toy_end();
	free(image);
	return left;
}

static int open_copy(const u8 *image, const struct journal_options *o, struct disk *d, struct journal **j)
{
	struct journal_place p;

	disk_open(d, image, DISK_SIZE);
	p = place(d, d);
	return journal_open(&p, o, j);
}

static void failing_open(void **state)
{
	struct journal_options o = { .recover = true, .barrier = true };
	u8 *image = dirty_image(71);
	struct journal *j;
	struct disk d;
	int err = -ENOMEM;

	for (long n = 1; err; n++) {
		assert_true(n < 1000);
		fake_alloc_fail_at = n;
		err = open_copy(image, &o, &d, &j);
		fake_alloc_fail_at = 0;
		if (err)
			assert_int_equal(err, -ENOMEM);
		else
			assert_int_equal(journal_close(j), 0);
		free(disk_close(&d));
		disk_forget_log();
		assert_int_equal(fake_alloc_live, 0);
	}
	free(image);
}

static void read_only(void **state)
{
	struct journal_options o = { .recover = true, .readonly = true };
	u8 *image = dirty_image(72);
	struct journal *j;
	struct handle *h;
	struct disk d;
	struct journal_place p;

	disk_open(&d, image, DISK_SIZE);
	d.b.readonly = true;
	p = place(&d, &d);
	assert_int_equal(journal_open(&p, &o, &j), -EROFS);
	o.recover = false;
	assert_int_equal(journal_open(&p, &o, &j), 0);
	assert_true(journal_needs_recovery(j));
	assert_int_equal(journal_start(j, 1, &h), -EROFS);
	assert_int_equal(journal_close(j), 0);
	free(disk_close(&d));
	free(image);
}

static void saved_error(void **state)
{
	struct journal_options o = { .recover = true, .barrier = true };
	u8 *image = make_image();
	struct journal *j;
	struct disk d;

	assert_int_equal(open_copy(image, &o, &d, &j), 0);
	journal_abort(j, -EIO);
	assert_int_equal(journal_close(j), -EIO);
	free(image);
	image = disk_close(&d);
	assert_int_equal(open_copy(image, &o, &d, &j), 0);
	assert_int_equal(journal_take_saved_error(j), -EIO);
	assert_int_equal(journal_take_saved_error(j), 0);
	assert_int_equal(journal_close(j), 0);
	free(disk_close(&d));
	disk_forget_log();
	free(image);
}

static void features_refused(void **state)
{
	struct journal_options o = { .recover = true };
	static const u32 incompat[] = { JBD_ASYNC_COMMIT, 0x40, JBD_CSUM_V2 | JBD_CSUM_V3 };
	static const char *const text[] = { "async_commit", "unrecognised", "v2 and v3" };
	u8 *image = make_image();
	struct journal *j;
	struct disk d;

	for (u32 i = 0; i < ARRAY_SIZE(incompat); i++) {
		coop_start(1);
		make_super(image, 0, incompat[i]);
		assert_true(open_copy(image, &o, &d, &j) < 0);
		assert_non_null(strstr(coop_log, text[i]));
		free(disk_close(&d));
	}
	free(image);
}

static void too_many_credits(void **state)
{
	struct journal_options o = { .recover = true };
	u8 *image = make_image();
	struct journal *j;
	struct handle *h, *inner;
	struct disk d;

	assert_int_equal(open_copy(image, &o, &d, &j), 0);
	assert_int_equal(journal_start(j, LOG_BLOCKS, &h), -ENOSPC);
	assert_int_equal(journal_start(j, 200, &h), 0);
	assert_int_equal(journal_start(j, LOG_BLOCKS, &inner), 0);	/* joins: its credits are the outer one's */
	assert_ptr_equal(h, inner);
	assert_int_equal(journal_stop(inner, false), 0);
	assert_int_equal(journal_extend(h, 10), 0);
	assert_int_equal(journal_extend(h, 100), 1);
	assert_int_equal(journal_stop(h, true), 0);
	assert_int_equal(journal_close(j), 0);
	free(disk_close(&d));
	disk_forget_log();
	free(image);
}

/* ---- hostile journals ---- */

static void spoil(u8 *image)
{
	size_t from = LOG_AT * BS, n = LOG_BLOCKS * BS;
	u32 flips = 1 + coop_random(6);

	while (flips--) {
		/* Mostly where headers, tags and counts are. */
		size_t at = coop_random(3) ? (size_t)coop_random(LOG_BLOCKS) * BS + coop_random(64) : coop_random((u32)n);

		if (coop_random(4) == 0)
			at = coop_random(0x5c);
		image[from + at] = coop_random(2) ? (u8)coop_random(256) : image[from + at] ^ (u8)(1 << coop_random(8));
	}
}

/* Without checksums everything is looked at. The superblock's is made right. */
static void without_checksums(u8 *image)
{
	struct jbd_super *s = (struct jbd_super *)(image + LOG_AT * BS);

	s->checksum = be32(jbd_super_csum(s));
}

static void hostile_journals(void **state)
{
	struct journal_options o = { .recover = true, .barrier = true };
	struct journal *j;
	struct disk d;
	u32 opened = 0;

	for (u64 seed = 81; seed < 85; seed++) {
		u8 *image = dirty_image(seed), *bad = malloc(DISK_SIZE);

		for (int i = 0; i < 150; i++) {
			coop_start(seed * 1000 + (u64)i);
			memcpy(bad, image, DISK_SIZE);
			spoil(bad);
			without_checksums(bad);
			if (!open_copy(bad, &o, &d, &j)) {
				opened++;
				assert_int_equal(journal_close(j), 0);
			}
			free(disk_close(&d));
			disk_forget_log();
			assert_int_equal(fake_alloc_live, 0);
		}
		free(bad);
		free(image);
	}
	assert_true(opened > 0);
}

RUN(CASE(survives_power_failures), CASE(external_journal), CASE(fragmented_journal),
    CASE(boot_again), CASE(device_errors), CASE(little_memory), CASE(failing_open),
    CASE(read_only), CASE(saved_error), CASE(features_refused), CASE(too_many_credits),
    CASE(hostile_journals))
