/* SPDX-License-Identifier: MIT */
/*
 * Mount options: one table for reading and for /proc/mounts. Options of features that are always on
 * or have no meaning here are taken and forgotten, as Linux does with those it has outgrown.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/mount.h"
#include "lib/alloc.h"
#include "lib/strto.h"

struct parse {
	struct ext4 *fs;
	struct ext4_opts *o;
};

struct option {
	const char *name;
	int (*fn)(struct parse *p, const struct option *opt, const char *value);
	size_t at; /* of the field in struct ext4_opts */
	u32 value;
	bool wants_value;
};

static int set_bool(struct parse *p, const struct option *opt, const char *value)
{
	*(bool *)((char *)p->o + opt->at) = opt->value;
	return 0;
}

static int parse_u32(const char *s, u32 *out)
{
	char *end;
	unsigned long v = strtoul(s, &end, 0);

	if (end == s || *end || v > UINT32_MAX)
		return -EINVAL;
	*out = (u32)v;
	return 0;
}

static int take_u32(struct parse *p, const struct option *opt, const char *value)
{
	return parse_u32(value, (u32 *)((char *)p->o + opt->at));
}

static int take_commit(struct parse *p, const struct option *opt, const char *value)
{
	u32 v;

	if (parse_u32(value, &v) || v > INT32_MAX / 1000)
		return -EINVAL;
	p->o->commit = v;
	return 0;
}

static int take_barrier(struct parse *p, const struct option *opt, const char *value)
{
	u32 v = 1;

	if (value && parse_u32(value, &v))
		return -EINVAL;
	p->o->barrier = v != 0;
	return 0;
}

static int take_data(struct parse *p, const struct option *opt, const char *value)
{
	static const char *const modes[] = { [EXT4_DATA_JOURNAL] = "journal",
					     [EXT4_DATA_ORDERED] = "ordered",
					     [EXT4_DATA_WRITEBACK] = "writeback" };

	for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(value, modes[i]))
			continue;
		p->o->data = i;
		p->o->data_given = true;
		return 0;
	}
	return -EINVAL;
}

static int take_errors(struct parse *p, const struct option *opt, const char *value)
{
	static const char *const names[] = { [EXT4_ERRORS_CONTINUE] = "continue",
					     [EXT4_ERRORS_RO] = "remount-ro",
					     [EXT4_ERRORS_PANIC] = "panic" };

	for (u32 i = EXT4_ERRORS_CONTINUE; i < ARRAY_SIZE(names); i++) {
		if (strcmp(value, names[i]))
			continue;
		p->o->errors = i;
		return 0;
	}
	return -EINVAL;
}

static int ignore(struct parse *p, const struct option *opt, const char *value)
{
	return 0;
}

static int refuse(struct parse *p, const struct option *opt, const char *value)
{
	ext4_msg(p->fs, "error", "mount option \"%s\" is not supported", opt->name);
	return -EINVAL;
}

#define BOOL(name_, field, v)                                                                      \
	{                                                                                          \
		name_, set_bool, offsetof(struct ext4_opts, field), v, false                       \
	}
#define IGNORE(name_)                                                                              \
	{                                                                                          \
		name_, ignore, 0, 0, false                                                         \
	}
#define IGNORE_VALUE(name_)                                                                        \
	{                                                                                          \
		name_, ignore, 0, 0, true                                                          \
	}

static const struct option options[] = {
	{ "data", take_data, 0, 0, true },
	{ "errors", take_errors, 0, 0, true },
	{ "commit", take_commit, 0, 0, true },
	{ "barrier", take_barrier, 0, 0, true },
	{ "barrier", take_barrier, 0, 0, false },
	BOOL("nobarrier", barrier, false),
	BOOL("discard", discard, true),
	BOOL("nodiscard", discard, false),
	BOOL("user_xattr", xattr_user, true),
	BOOL("nouser_xattr", xattr_user, false),
	BOOL("acl", acl, true),
	BOOL("noacl", acl, false),
	BOOL("delalloc", delalloc, true),
	BOOL("nodelalloc", delalloc, false),
	BOOL("grpid", grpid, true),
	BOOL("bsdgroups", grpid, true),
	BOOL("nogrpid", grpid, false),
	BOOL("sysvgroups", grpid, false),
	BOOL("noload", noload, true),
	BOOL("norecovery", noload, true),
	BOOL("minixdf", minixdf, true),
	BOOL("bsddf", minixdf, false),
	{ "resuid", take_u32, offsetof(struct ext4_opts, resuid), 0, true },
	{ "resgid", take_u32, offsetof(struct ext4_opts, resgid), 0, true },
	{ "sb", take_u32, offsetof(struct ext4_opts, sb_block), 0, true },
	{ "stripe", take_u32, offsetof(struct ext4_opts, stripe), 0, true },
	{ "max_dir_size_kb", take_u32, offsetof(struct ext4_opts, max_dir_kb), 0, true },
	IGNORE("oldalloc"),
	IGNORE("orlov"),
	IGNORE("debug"),
	IGNORE("nouid32"),
	IGNORE("abort"),
	IGNORE("nobh"),
	IGNORE("bh"),
	IGNORE("i_version"),
	IGNORE("mblk_io_submit"),
	IGNORE("nomblk_io_submit"),
	IGNORE("block_validity"),
	IGNORE("noblock_validity"),
	IGNORE("auto_da_alloc"),
	IGNORE("noauto_da_alloc"),
	IGNORE("dioread_nolock"),
	IGNORE("dioread_lock"),
	IGNORE("journal_checksum"),
	IGNORE("nojournal_checksum"),
	IGNORE("init_itable"),
	IGNORE("noinit_itable"),
	IGNORE("prefetch_block_bitmaps"),
	IGNORE("no_prefetch_block_bitmaps"),
	IGNORE("noquota"),
	IGNORE("check"),
	IGNORE("nocheck"),
	IGNORE("lazytime"),
	IGNORE("nolazytime"),
	IGNORE("nombcache"),
	IGNORE("no_mbcache"),
	IGNORE_VALUE("inode_readahead_blks"),
	IGNORE_VALUE("journal_ioprio"),
	IGNORE_VALUE("init_itable"),
	IGNORE_VALUE("min_batch_time"),
	IGNORE_VALUE("max_batch_time"),
	IGNORE_VALUE("auto_da_alloc"),
	IGNORE_VALUE("check"),
	IGNORE_VALUE("mb_optimize_scan"),
	{ "journal_async_commit", refuse, 0, 0, false },
	{ "dax", refuse, 0, 0, false },
	{ "dax", refuse, 0, 0, true },
	{ "journal_dev", refuse, 0, 0, true },
	{ "journal_path", refuse, 0, 0, true },
	{ "usrquota", refuse, 0, 0, false },
	{ "grpquota", refuse, 0, 0, false },
	{ "prjquota", refuse, 0, 0, false },
	{ "quota", refuse, 0, 0, false },
	{ "usrjquota", refuse, 0, 0, true },
	{ "grpjquota", refuse, 0, 0, true },
	{ "jqfmt", refuse, 0, 0, true },
};

static int parse_one(struct parse *p, char *text)
{
	char *value = strchr(text, '=');

	if (value)
		*value++ = 0;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		int err;

		if (strcmp(options[i].name, text) || options[i].wants_value != !!value)
			continue;
		err = options[i].fn(p, &options[i], value);
		if (err)
			ext4_msg(p->fs, "error", "bad value of mount option \"%s\"", text);
		return err;
	}
	ext4_msg(p->fs, "error", "Unrecognized mount option \"%s\" or missing value", text);
	return -EINVAL;
}

int ext4_parse_options(struct ext4 *fs, struct ext4_opts *o, const char *data)
{
	struct parse p = { fs, o };
	char *copy, *rest, *text;
	int err = 0;

	if (!data || !*data)
		return 0;
	copy = kstrdup(data);
	if (!copy)
		return -ENOMEM;
	for (rest = copy; !err && (text = strsep(&rest, ",")) != NULL;)
		if (*text)
			err = parse_one(&p, text);
	kfree(copy);
	return err;
}

/* Of an array of disks, as mkfs knows it. */
static u32 stripe_of(const struct ext4_sb *es)
{
	return es->raid_stripe_width ? es->raid_stripe_width : es->raid_stride;
}

void ext4_default_options(struct ext4 *fs, struct ext4_opts *o)
{
	const struct ext4_sb *es = fs->es;
	u32 def = es->default_mount_opts;

	*o = (struct ext4_opts){
		.data = EXT4_DATA_ORDERED,
		.errors = EXT4_ERRORS_CONTINUE,
		.stripe = stripe_of(es),
		.resuid = es->def_resuid,
		.resgid = es->def_resgid,
		.sb_block = 1,
		.barrier = !(def & EXT4_DEFM_NOBARRIER),
		.discard = def & EXT4_DEFM_DISCARD,
		.xattr_user = true,
		.acl = true,
		.delalloc = !(def & EXT4_DEFM_NODELALLOC),
		.grpid = def & EXT4_DEFM_BSDGROUPS,
	};
	if ((def & EXT4_DEFM_JMODE) == EXT4_DEFM_JMODE_DATA)
		o->data = EXT4_DATA_JOURNAL;
	else if ((def & EXT4_DEFM_JMODE) == EXT4_DEFM_JMODE_WBACK)
		o->data = EXT4_DATA_WRITEBACK;
	if (!ext4_compat(fs, COMPAT_HAS_JOURNAL))
		o->data = EXT4_DATA_WRITEBACK;
	if (es->errors >= EXT4_ERRORS_CONTINUE && es->errors <= EXT4_ERRORS_PANIC)
		o->errors = es->errors;
}

static void show_bool(struct seq_buf *s, bool now, bool usual, const char *yes, const char *no)
{
	if (now != usual)
		seq_printf(s, ",%s", now ? yes : no);
}

/* What differs from the defaults of this image, in Linux's order. */
void ext4_show_options(struct super *sb, struct seq_buf *s)
{
	const struct ext4 *fs = sb->private;
	const struct ext4_opts *o = &fs->opts, *d = &fs->defaults;
	static const char *const data[] = { "journal", "ordered", "writeback" };

	if (o->sb_block != 1)
		seq_printf(s, ",sb=%u", o->sb_block);
	show_bool(s, o->minixdf, d->minixdf, "minixdf", "bsddf");
	show_bool(s, o->grpid, d->grpid, "grpid", "nogrpid");
	if (o->resuid != d->resuid)
		seq_printf(s, ",resuid=%u", o->resuid);
	if (o->resgid != d->resgid)
		seq_printf(s, ",resgid=%u", o->resgid);
	if (o->errors != d->errors)
		seq_printf(s, ",errors=%s",
			   o->errors == EXT4_ERRORS_CONTINUE ? "continue" :
			   o->errors == EXT4_ERRORS_RO	     ? "remount-ro" :
							       "panic");
	show_bool(s, o->xattr_user, d->xattr_user, "user_xattr", "nouser_xattr");
	show_bool(s, o->acl, d->acl, "acl", "noacl");
	show_bool(s, o->barrier, d->barrier, "barrier", "nobarrier");
	show_bool(s, o->discard, d->discard, "discard", "nodiscard");
	show_bool(s, o->delalloc, d->delalloc, "delalloc", "nodelalloc");
	if (o->noload)
		seq_puts(s, ",norecovery");
	if (o->commit)
		seq_printf(s, ",commit=%u", o->commit);
	if (o->stripe)
		seq_printf(s, ",stripe=%u", o->stripe);
	if (o->max_dir_kb)
		seq_printf(s, ",max_dir_size_kb=%u", o->max_dir_kb);
	if (o->data != d->data)
		seq_printf(s, ",data=%s", data[o->data]);
}
