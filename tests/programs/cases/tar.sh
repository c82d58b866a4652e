# SPDX-License-Identifier: MIT
# 20,000 files through tar and gzip.
mkdir from to
perl -e '
	for my $d (0 .. 99) {
		mkdir "from/$d";
		for my $f (0 .. 199) {
			open(my $h, ">", "from/$d/$f") or die "$!";
			print $h "file $f of $d\n" x (1 + ($d * $f) % 50);
			close($h);
			chmod 0600 + ($f % 64), "from/$d/$f";
		}
	}'
find from -type f | wc -l
tar -cf - from | gzip | tar -xzf - -C to
diff -r from to/from && echo same
(cd to && find from -type f -printf '%m %s %p\n' | sort | sha256sum)
(cd to && find from -type f -print0 | sort -z | xargs -0 cat | sha256sum)
rm -rf from to; ls | wc -l
