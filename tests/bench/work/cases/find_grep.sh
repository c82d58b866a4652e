# SPDX-License-Identifier: MIT
# A walk over 20,000 files by attributes, and a search in their text.
work() { find $DATA/small -type f -size +1k -newer /etc/hostname -printf '%s %p\n' && grep -r 'lock token' $DATA/small; }
