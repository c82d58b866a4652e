# SPDX-License-Identifier: MIT
# The script of two hundred lines.
TMPDIR=$PWD bash /programs/files/script200.sh 2>/dev/null
