/* SPDX-License-Identifier: MIT */
/*
 * The smallest init, for the start-up and memory rows: says "up" and powers off, or, when it was
 * started under the name "idle", says "up" and stays.
 */
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	(void)argc;
	if (write(1, "up\n", 3) != 3)
		return 1;
	if (strstr(argv[0], "idle"))
		for (;;)
			pause();
	if (getpid() == 1)
		reboot(RB_POWER_OFF);
	return 0;
}
