# SPDX-License-Identifier: MIT
node /programs/files/all.js
node --test /programs/files/selftest.js | grep -E '^# (tests|pass|fail)'
