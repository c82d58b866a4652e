# SPDX-License-Identifier: MIT
# 100 files of C, two compilers at a time.
before() { cp -r $DATA/project .; }
work() { make -s -C project -j2 CFLAGS="-O1 -MMD"; }
