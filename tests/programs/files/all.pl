# SPDX-License-Identifier: MIT
use strict; use warnings; use Socket; use POSIX ":sys_wait_h"; use IO::Select; use File::Find; use Time::HiRes qw(usleep alarm);
use Digest::SHA qw(sha256_hex); use File::Temp qw(tempdir); use Fcntl qw(:flock SEEK_SET); use IPC::Open3;
$| = 1;
my (%sum, @kids);
for my $n (1 .. 10) {
	pipe(my $r, my $w) or die;
	my $pid = fork() // die;
	if (!$pid) { close $r; print $w $n * $n; exit $n; }
	close $w; push @kids, [$pid, $r];
}
for (@kids) { my $v = readline $_->[1]; waitpid $_->[0], 0; $sum{$? >> 8} = $v; }
print join(" ", map { "$_:$sum{$_}" } sort { $a <=> $b } keys %sum), "\n";
my @got; $SIG{USR1} = sub { push @got, "usr1" }; $SIG{ALRM} = sub { push @got, "alrm" }; $SIG{CHLD} = sub { push @got, "chld" };
kill USR1 => $$; alarm 0.05; my $left = select(undef, undef, undef, 5);
my $p = fork() // die; if (!$p) { exit 0 } waitpid $p, 0; print "@got\n"; delete $SIG{CHLD};
socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die; syswrite $a, "over the socket"; sysread $b, my $buf, 100; print "$buf\n";
my $sel = IO::Select->new($b); print scalar($sel->can_read(0)), "\n";
my $d = tempdir(DIR => "/tmp", CLEANUP => 1);
for my $i (1 .. 300) { open my $f, ">", "$d/$i" or die; print $f "x" x $i; close $f }
my $bytes = 0; find(sub { $bytes += -s if -f }, $d); print "$bytes\n";
open my $f, "+>", "$d/lock" or die; flock $f, LOCK_EX or die; my $c = fork() // die;
if (!$c) { open my $g, "<", "$d/lock"; exit(flock($g, LOCK_EX | LOCK_NB) ? 1 : 0) } waitpid $c, 0; print "locked ", $? >> 8, "\n";
my $t = join "\n", map { sprintf "%05d %s", $_ * 7919 % 100003, "w" x ($_ % 7) } 1 .. 100000;
print sha256_hex(join "\n", sort split /\n/, $t), "\n"; my $n = () = $t =~ /(\d)\1/g; print "$n\n";
print `echo back; exit 4`, $? >> 8, "\n"; open my $cmd, "-|", "seq 5 | tac" or die; print map { s/\n/ /r } <$cmd>; print "\n";
my $pid = open3(my $in, my $out, undef, "tr a-z A-Z"); print $in "shout\n"; close $in; print <$out>; waitpid $pid, 0;
eval { local $SIG{ALRM} = sub { die "timeout\n" }; alarm 0.1; sleep 5; }; print $@;
system("kill -9 \$\$"); print $? & 127, "\n"; printf "%s %d\n", (POSIX::uname())[0], POSIX::sysconf(POSIX::_SC_PAGESIZE());
