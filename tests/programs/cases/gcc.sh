# SPDX-License-Identifier: MIT
# Programs with threads, compiled and run: dynamic, static, PIE, position dependent, C++, musl.
set -e
src=/programs/files/threads.c
gcc -O2 -Wall -pthread -o dynamic $src && ./dynamic
gcc -O2 -pthread -static -o static $src && ./static
gcc -O0 -g -no-pie -fno-pie -pthread -o nopie $src && ./nopie
gcc -O2 -static-pie -pthread -o staticpie $src && ./staticpie
gcc -O2 -flto -fsanitize=undefined -pthread -o ubsan $src && ./ubsan
musl-gcc -O2 -static -pthread -o musl $src && ./musl
cat >x.cc <<'EOF'
#include <future>
#include <iostream>
#include <map>
#include <stdexcept>
#include <vector>
static long f(int n) { if (n == 3) throw std::runtime_error("three"); return n * 100L; }
int main()
{
	std::vector<std::future<long>> v;
	std::map<std::string, long> m;
	for (int i = 0; i < 8; i++) v.push_back(std::async(std::launch::async, f, i));
	for (auto &x : v) try { m["sum"] += x.get(); } catch (std::exception &e) { std::cout << e.what() << "\n"; }
	std::cout << m["sum"] << std::endl;
}
EOF
if command -v g++ >/dev/null; then g++ -O1 -o cxx x.cc && ./cxx; fi
printf 'int answer(void){return 42;}' >lib.c; gcc -shared -fPIC -o libx.so lib.c
printf '#include <dlfcn.h>\n#include <stdio.h>\nint main(void){int(*f)(void)=dlsym(dlopen("./libx.so",2),"answer");printf("%%d\\n",f());}' >dl.c
gcc -o dl dl.c -ldl && ./dl
