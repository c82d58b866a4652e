/* SPDX-License-Identifier: MIT */
/*
 * Feature bits: what this code knows, and what the others are called. An unknown incompatible
 * feature keeps the image from being mounted; one that only forbids writing makes the mount read-only.
 */
#include "fs/ext4/priv.h"

#include <stdio.h>
#include <string.h>

#include "abi/mount.h"

enum support { KNOWN, REFUSED };

struct feature {
	u32 bit;
	const char *name;
	enum support support;
	const char *why; /* NULL: the usual text */
};

static const struct feature incompat[] = {
	{ INCOMPAT_COMPRESSION, "compression", REFUSED, NULL },
	{ INCOMPAT_FILETYPE, "filetype", KNOWN, NULL },
	{ INCOMPAT_RECOVER, "needs_recovery", KNOWN, NULL },
	{ INCOMPAT_JOURNAL_DEV, "journal_dev", REFUSED, "this is an external journal" },
	{ INCOMPAT_META_BG, "meta_bg", KNOWN, NULL },
	{ INCOMPAT_EXTENTS, "extent", KNOWN, NULL },
	{ INCOMPAT_64BIT, "64bit", KNOWN, NULL },
	{ INCOMPAT_MMP, "mmp", REFUSED, NULL },
	{ INCOMPAT_FLEX_BG, "flex_bg", KNOWN, NULL },
	{ INCOMPAT_EA_INODE, "ea_inode", REFUSED, NULL },
	{ INCOMPAT_DIRDATA, "dirdata", REFUSED, NULL },
	{ INCOMPAT_CSUM_SEED, "metadata_csum_seed", KNOWN, NULL },
	{ INCOMPAT_LARGEDIR, "large_dir", KNOWN, NULL },
	{ INCOMPAT_INLINE_DATA, "inline_data", KNOWN, NULL },
	{ INCOMPAT_ENCRYPT, "encrypt", KNOWN, NULL }, /* such files cannot be opened */
	{ INCOMPAT_CASEFOLD, "casefold", REFUSED,
	  "Filesystem with casefold feature cannot be mounted without CONFIG_UNICODE" },
};

static const struct feature ro_compat[] = {
	{ RO_COMPAT_SPARSE_SUPER, "sparse_super", KNOWN, NULL },
	{ RO_COMPAT_LARGE_FILE, "large_file", KNOWN, NULL },
	{ RO_COMPAT_BTREE_DIR, "btree_dir", KNOWN, NULL },
	{ RO_COMPAT_HUGE_FILE, "huge_file", KNOWN, NULL },
	{ RO_COMPAT_GDT_CSUM, "uninit_bg", KNOWN, NULL },
	{ RO_COMPAT_DIR_NLINK, "dir_nlink", KNOWN, NULL },
	{ RO_COMPAT_EXTRA_ISIZE, "extra_isize", KNOWN, NULL },
	{ RO_COMPAT_SNAPSHOT, "snapshot", REFUSED, NULL },
	{ RO_COMPAT_QUOTA, "quota", REFUSED,
	  "The kernel was not built with CONFIG_QUOTA and CONFIG_QFMT_V2" },
	{ RO_COMPAT_BIGALLOC, "bigalloc", REFUSED, NULL },
	{ RO_COMPAT_METADATA_CSUM, "metadata_csum", KNOWN, NULL },
	{ RO_COMPAT_REPLICA, "replica", REFUSED, NULL },
	{ RO_COMPAT_READONLY, "read-only", REFUSED, NULL },
	{ RO_COMPAT_PROJECT, "project", KNOWN, NULL },
	{ RO_COMPAT_VERITY, "verity", KNOWN, NULL }, /* such files cannot be opened */
	{ RO_COMPAT_ORPHAN_PRESENT, "orphan_present", KNOWN, NULL },
};

/* Tells about each bit of set that is not KNOWN; how many there were. */
static int report(const struct ext4 *fs, const struct feature *table, size_t n, u32 set,
		  const char *kind)
{
	int bad = 0;

	for (u32 bit = 1; bit; bit <<= 1) {
		const struct feature *f = NULL;

		if (!(set & bit))
			continue;
		for (size_t i = 0; i < n; i++)
			if (table[i].bit == bit)
				f = &table[i];
		if (f && f->support == KNOWN)
			continue;
		bad++;
		if (f && f->why)
			ext4_msg(fs, "error", "%s", f->why);
		else if (f)
			ext4_msg(fs, "error",
				 "couldn't mount%s because of unsupported optional features (%s)",
				 kind, f->name);
		else
			ext4_msg(fs, "error",
				 "couldn't mount%s because of unsupported optional features (%x)",
				 kind, bit);
	}
	return bad;
}

static int check_pairs(const struct ext4 *fs)
{
	if (ext4_ro_compat(fs, RO_COMPAT_METADATA_CSUM) && ext4_ro_compat(fs, RO_COMPAT_GDT_CSUM))
		ext4_msg(fs, "warning",
			 "metadata_csum and uninit_bg are redundant flags; please run fsck.");
	if (ext4_incompat(fs, INCOMPAT_CSUM_SEED) && !ext4_ro_compat(fs, RO_COMPAT_METADATA_CSUM)) {
		ext4_msg(fs, "error", "metadata_csum_seed without metadata_csum");
		return -EINVAL;
	}
	if (ext4_incompat(fs, INCOMPAT_META_BG) && ext4_compat(fs, COMPAT_RESIZE_INODE)) {
		ext4_msg(fs, "error", "meta_bg and resize_inode");
		return -EINVAL;
	}
	return 0;
}

/* bigalloc changes what a bit of a bitmap means, which only matters to writing; but the sizes of groups, too. */
int ext4_check_features(struct ext4 *fs, u32 *flags)
{
	const struct ext4_sb *es = fs->es;

	if (!es->rev_level && (es->feature_compat || es->feature_incompat || es->feature_ro_compat))
		ext4_msg(fs, "warning",
			 "feature flags set on rev 0 fs, running e2fsck is recommended");
	if (report(fs, incompat, ARRAY_SIZE(incompat), es->feature_incompat, ""))
		return -EINVAL;
	if (ext4_ro_compat(fs, RO_COMPAT_BIGALLOC)) {
		report(fs, ro_compat, ARRAY_SIZE(ro_compat), RO_COMPAT_BIGALLOC, "");
		return -EINVAL;
	}
	if (es->feature_ro_compat & RO_COMPAT_READONLY) {
		*flags |= MS_RDONLY;
		ext4_msg(fs, "info", "filesystem is read-only");
	} else if (!(*flags & MS_RDONLY) &&
		   report(fs, ro_compat, ARRAY_SIZE(ro_compat), es->feature_ro_compat, " RDWR")) {
		*flags |= MS_RDONLY;
	}
	return check_pairs(fs);
}
