# SPDX-License-Identifier: MIT
# 400 modules imported, five times over, without and with what is compiled already.
before() { cp -r $DATA/modules .; }
work() {
	python3 -B - <<'END' && python3 -m compileall -q modules && python3 - <<'END2'
import sys, importlib
sys.path.insert(0, "modules")
for _ in range(2):
    for m in range(400):
        sys.modules.pop(f"pkg{m % 20}.m{m}", None)
        importlib.import_module(f"pkg{m % 20}.m{m}")
END
import sys, importlib
sys.path.insert(0, "modules")
for _ in range(5):
    for m in range(400):
        sys.modules.pop(f"pkg{m % 20}.m{m}", None)
        importlib.import_module(f"pkg{m % 20}.m{m}")
END2
}
