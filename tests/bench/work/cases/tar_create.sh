# SPDX-License-Identifier: MIT
# 20,000 small files into one archive.
work() { tar -C $DATA -cf out.tar small; }
