# SPDX-License-Identifier: MIT
python3 /programs/files/all.py
