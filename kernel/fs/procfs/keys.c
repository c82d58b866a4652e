/* SPDX-License-Identifier: MIT */
/* /proc/keys: the keys that the reader may view; /proc/key-users: what each user has of its quota. */
#include "fs/procfs/priv.h"

#include "core/time.h"
#include "keys/keys.h"

static void show_timeout(struct seq_buf *s, const struct key *k)
{
	s64 left = k->expiry - ktime_get_real() / NSEC_PER_SEC;

	if (!k->expiry)
		seq_puts(s, "perm");
	else if (left <= 0)
		seq_puts(s, "expd");
	else
		seq_printf(s, "%ld%c", left < 60 ? left : left < 3600 ? left / 60 : left / 3600,
			   left < 60 ? 's' : left < 3600 ? 'm' : 'h');
}

static void show_contents(struct seq_buf *s, const struct key *k)
{
	struct key_link *l;
	int n = 0;

	list_for_each(l, &k->links, node)
		n++;
	if (k->negative)
		seq_puts(s, ": negative");
	else if (!key_is_ring(k))
		seq_printf(s, ": %lu", k->len);
	else if (n)
		seq_printf(s, ": %d", n);
	else
		seq_puts(s, ": empty");
	seq_putc(s, '\n');
}

int proc_show_keys(struct seq_buf *s, struct proc_node *n)
{
	struct key *k;

	list_for_each(k, &all_keys, all) {
		if (!key_allows(k, own_possesses(k), KEY_VIEW))
			continue;
		seq_printf(s, "%08x %c%c-%c-%c%c %5d ", (u32)k->serial, k->negative ? '-' : 'I',
			   k->revoked ? 'R' : '-', k->counted ? 'Q' : '-',
			   k->negative ? 'N' : '-', k->invalid ? 'i' : '-',
			   (int)ref_read(&k->cr.ref));
		show_timeout(s, k);
		seq_printf(s, " %08x %5d %5d %-9.9s %s", k->perm, (int)k->uid, (int)k->gid,
			   k->type->name, k->desc);
		show_contents(s, k);
	}
	return 0;
}

int proc_show_key_users(struct seq_buf *s, struct proc_node *n)
{
	struct key_user *u;

	list_for_each(u, &all_key_users, node)
		seq_printf(s, "%5u: %5d %d/%d %d/%d %d/%d\n", u->uid, u->nkeys, u->nkeys, u->nkeys,
			   u->nkeys, u->uid ? keys_maxkeys : keys_root_maxkeys, u->nbytes,
			   u->uid ? keys_maxbytes : keys_root_maxbytes);
	return 0;
}
