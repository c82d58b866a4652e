# SPDX-License-Identifier: MIT
# The compiler and the virtual machine, with both collectors.
export JAVA_TOOL_OPTIONS=; set -e
javac -d . /programs/files/All.java
for gc in UseSerialGC UseG1GC; do java -Xmx256m -XX:+$gc -cp . All 2>&1; done
