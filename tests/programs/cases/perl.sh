# SPDX-License-Identifier: MIT
perl /programs/files/all.pl
