# SPDX-License-Identifier: MIT
# A static Go program, built natively (files/prepare.sh).
GOMAXPROCS=4 /programs/bin/goall; GOGC=5 /programs/bin/goall
