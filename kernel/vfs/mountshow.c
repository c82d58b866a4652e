/* SPDX-License-Identifier: MIT */
/*
 * Lines of /proc/PID/mounts, mountinfo and mountstats.
 */
#include "vfs/vfs.h"

#include "abi/limits.h"
#include "abi/mount.h"
#include "lib/alloc.h"
#include "vfs/mount.h"

#define ESCAPED " \t\n\\#"

struct flag_name {
	u32 flag;
	const char *text;
};

static const struct flag_name mnt_names[] = {
	{ MS_NOSUID, ",nosuid" }, { MS_NODEV, ",nodev" }, { MS_NOEXEC, ",noexec" },
	{ MS_NOATIME, ",noatime" }, { MS_NODIRATIME, ",nodiratime" },
	{ MS_RELATIME, ",relatime" }, { MS_NOSYMFOLLOW_K, ",nosymfollow" },
};

static const struct flag_name sb_names[] = {
	{ MS_SYNCHRONOUS, ",sync" }, { MS_DIRSYNC, ",dirsync" }, { MS_MANDLOCK, ",mand" },
	{ MS_LAZYTIME, ",lazytime" },
};

static void show_flags(struct seq_buf *s, u32 flags, const struct flag_name *names, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (flags & names[i].flag)
			seq_puts(s, names[i].text);
}

static void show_sb_options(struct seq_buf *s, const struct mount *m)
{
	show_flags(s, m->sb->flags, sb_names, ARRAY_SIZE(sb_names));
	if (m->sb->ops && m->sb->ops->show_options)
		m->sb->ops->show_options(m->sb, s);
}

/* The mount point as seen from root, escaped; false: not reachable. */
static bool show_place(struct seq_buf *s, const struct mount *m, const struct path *root)
{
	struct path at = { (struct mount *)m, m->root };
	char *buf, *text;
	bool ok = false;

	if (!path_is_under(&at, root))
		return false;
	buf = kmalloc(PATH_MAX);
	if (buf && !d_path_root(&at, root, buf, PATH_MAX, &text)) {
		seq_escape(s, text, ESCAPED);
		ok = true;
	}
	kfree(buf);
	return ok;
}

/* Takes back what was written since start when the line cannot be completed. */
static void cut(struct seq_buf *s, size_t start)
{
	s->len = start;
	if (s->buf)
		s->buf[start] = 0;
}

void mount_show(struct seq_buf *s, const struct mount *m, const struct path *root)
{
	size_t start = s->len;

	seq_escape(s, m->source, ESCAPED);
	seq_putc(s, ' ');
	if (!show_place(s, m, root)) {
		cut(s, start);
		return;
	}
	seq_printf(s, " %s %s", m->sb->type->name,
		   (m->flags | m->sb->flags) & MS_RDONLY ? "ro" : "rw");
	show_flags(s, m->flags, mnt_names, ARRAY_SIZE(mnt_names));
	show_sb_options(s, m);
	seq_puts(s, " 0 0\n");
}

int mount_root_text(const struct mount *m, char *buf, size_t n, char **out)
{
	/* A name below the file system's root, whatever this mount hangs on. */
	struct mount whole = *m;
	struct path fsroot = { &whole, m->sb->root }, at = { &whole, m->root };

	whole.root = m->sb->root;
	whole.parent = &whole;
	return d_path_root(&at, &fsroot, buf, n, out);
}

void mount_show_info(struct seq_buf *s, const struct mount *m, const struct path *root)
{
	size_t start = s->len;
	char *buf = kmalloc(PATH_MAX), *text;

	if (!buf)
		return;
	/* Linux's root hangs on an invisible rootfs, whose id is 1. */
	seq_printf(s, "%d %d %u:%u ", m->id, m->parent == m ? 1 : m->parent->id,
		   major_k(m->sb->dev), minor_k(m->sb->dev));
	if (!mount_root_text(m, buf, PATH_MAX, &text))
		seq_escape(s, text, ESCAPED);
	kfree(buf);
	seq_putc(s, ' ');
	if (!show_place(s, m, root)) {
		cut(s, start);
		return;
	}
	seq_puts(s, m->flags & MS_RDONLY ? " ro" : " rw");
	show_flags(s, m->flags, mnt_names, ARRAY_SIZE(mnt_names));
	if (m->peer_group)
		seq_printf(s, " shared:%d", m->peer_group);
	if (m->master)
		seq_printf(s, " master:%d", m->master->peer_group);
	if (m->unbindable)
		seq_puts(s, " unbindable");
	seq_printf(s, " - %s ", m->sb->type->name);
	seq_escape(s, m->source, ESCAPED);
	seq_puts(s, m->sb->flags & MS_RDONLY ? " ro" : " rw");
	show_sb_options(s, m);
	seq_putc(s, '\n');
}

void mount_show_stats(struct seq_buf *s, const struct mount *m, const struct path *root)
{
	size_t start = s->len;

	seq_puts(s, "device ");
	seq_escape(s, m->source, ESCAPED);
	seq_puts(s, " mounted on ");
	if (!show_place(s, m, root)) {
		cut(s, start);
		return;
	}
	seq_printf(s, " with fstype %s\n", m->sb->type->name);
}
