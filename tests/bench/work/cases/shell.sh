# SPDX-License-Identifier: MIT
# 5,000 short commands: most in the shell, one in five a program.
work() {
	bash -c 'n=0; for i in $(seq 1000); do echo $i >t; read -r x <t; [ -e t ] && n=$((n + x))
		x=$(echo $n); : $x; /bin/true; done; echo $n'
}
