/* SPDX-License-Identifier: MIT */
/*
 * /proc/net: headings with the entries that exist.
 */
#include "fs/procfs/priv.h"

#include "net/unix/unix.h"

static int show_text(struct seq_buf *s, struct proc_node *n)
{
	seq_puts(s, n->e->data);
	return 0;
}

static u32 unix_state(const struct usock *u)
{
	return u->state == U_CONNECTED ? 3 : 1;
}

static int show_unix(struct seq_buf *s, struct proc_node *n)
{
	const struct usock *u;

	seq_puts(s, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	list_for_each(u, &unix_all, all_node) {
		u64 ino = u->sk.file && u->sk.file->inode ? u->sk.file->inode->ino : 0;

		seq_printf(s, "%016lx: %08X %08X %08X %04X %02X %5lu", 0UL, ref_read(&u->sk.ref), 0,
			   u->state == U_LISTEN ? 0x10000 : 0, u->sk.type, unix_state(u), ino);
		if (u->name && u->name->len > UNIX_PATH_OFF) {
			seq_putc(s, ' ');
			/* An abstract name starts with a NUL, shown as "@". */
			for (int i = UNIX_PATH_OFF; i < u->name->len; i++)
				if (u->name->bytes[i])
					seq_putc(s, (char)u->name->bytes[i]);
				else if (u->name->abstract)
					seq_putc(s, '@');
		}
		seq_putc(s, '\n');
	}
	return 0;
}

static int show_sockstat(struct seq_buf *s, struct proc_node *n)
{
	const struct usock *u;
	int used = 0;

	list_for_each(u, &unix_all, all_node)
		used += u->sk.file != NULL;
	seq_printf(s, "sockets: used %d\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\n"
		   "UDP: inuse 0 mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\n"
		   "FRAG: inuse 0 memory 0\n", used);
	return 0;
}

#define TEXT(n, t) { .name = n, .mode = S_IFREG | 0444, .show = show_text, .data = t }

#define TCP_HEAD "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  " \
		 "timeout inode                                                     \n"
#define TCP6_HEAD "  sl  local_address                         remote_address                        st " \
		  "tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
#define UDP_HEAD "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  " \
		 "timeout inode ref pointer drops            \n"
#define RAW_HEAD "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  " \
		 "timeout inode ref pointer drops\n"
#define RAW6_HEAD "  sl  local_address                         remote_address                        st " \
		  "tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"

const struct proc_entry net_table[] = {
	TEXT("arp", "IP address       HW type     Flags       HW address            Mask     Device\n"),
	TEXT("dev", "Inter-|   Receive                                                |  Transmit\n"
	     " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs "
	     "drop fifo colls carrier compressed\n"
	     "    lo:       0       0    0    0    0     0          0         0        0       0    0    "
	     "0    0     0       0          0\n"),
	TEXT("dev_mcast", ""),
	TEXT("if_inet6", ""),
	TEXT("igmp", "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"),
	TEXT("ipv6_route", ""),
	TEXT("netlink", "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    "
	     "Drops    Inode\n"),
	TEXT("packet", "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n"),
	TEXT("protocols", "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in "
	     "de sh ss gs se re bi br ha uh gp em\n"),
	TEXT("raw", RAW_HEAD),
	TEXT("raw6", RAW6_HEAD),
	TEXT("route", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\t"
	     "IRTT                                                       \n"),
	PROC_FILE("sockstat", 0444, show_sockstat),
	TEXT("tcp", TCP_HEAD),
	TEXT("tcp6", TCP6_HEAD),
	TEXT("udp", UDP_HEAD),
	TEXT("udp6", RAW6_HEAD),
	PROC_FILE("unix", 0444, show_unix),
	TEXT("wireless", "Inter-| sta-|   Quality        |   Discarded packets               | Missed | "
	     "WE\n face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n"),
	PROC_END
};
