#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A table (Markdown) and a chart (SVG) of what `run` measured.

    tests/bench/work/report.py FILE.json [DOCS]

Prints the table; with DOCS it goes between the marks in DOCS/performance.md, the chart to DOCS/real-work.svg.
"""
import json
import math
import os
import statistics
import sys

MARKS = "<!-- real work -->\n", "<!-- end of real work -->\n"
COLOURS = {"linux": "#2563eb", "uml": "#d97706"}
LABEL, WIDTH, BAR, GAP = 130, 560, 11, 8    # of the chart, in pixels


def rounds(data, row, name):
    """The rounds of a row in which both this system and the native one came to an end."""
    native = data["systems"][0]
    return [r for r in data["rows"][row] if isinstance(r.get(name), (list, tuple))
            and isinstance(r.get(native), (list, tuple))]


def ratio(data, row, name, at=0):
    """The median of the ratios to native: of the time, or (at=2) of the CPU time; None without a round."""
    found = [r[name][at] / r[data["systems"][0]][at] for r in rounds(data, row, name) if r[data["systems"][0]][at]]
    return statistics.median(found) if found else None


def value(data, row, name):
    found = [r[name][0] for r in data["rows"][row] if isinstance(r.get(name), (list, tuple))]
    return statistics.median(found) if found else None


def mean(data, name):
    logs = [math.log(v) for row in data["rows"] if (v := ratio(data, row, name))]
    return math.exp(statistics.mean(logs)) if logs else None


def show(number, digits=2):
    return "-" if number is None else f"{number:.{digits}f}"


def failures(data):
    """Why a row has no number: the first reason of each row and system."""
    for row, found in data["rows"].items():
        for name in data["systems"]:
            why = [r[name] for r in found if isinstance(r.get(name), str)]
            if why:
                yield f"{row}, {name}: failed in {len(why)} of {len(found)} rounds: {why[0][-120:].strip()}"
            elif not any(name in r for r in found):
                yield f"{row}, {name}: left out, for the time was up"


def table(data):
    """A line a row, then the means, then why some rows are empty."""
    native, *others = data["systems"]
    units = {row: next((r[native][1] for r in found if isinstance(r.get(native), (list, tuple))), "s")
             for row, found in data["rows"].items()}
    lines = [f"| row | {native} |" + "".join(f" {n} | ratio | CPU |" for n in others),
             "|---" * (2 + 3 * len(others)) + "|"]
    for row in data["rows"]:
        cells = [f"{row}", f"{show(value(data, row, native), 3)} {units[row]}"]
        for name in others:
            cells += [show(value(data, row, name), 3), show(ratio(data, row, name)), show(ratio(data, row, name, 2))]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("| geometric mean | |" + "".join(f" | {show(mean(data, n))} | |" for n in others))
    return "\n".join([*lines, "", *(f"- {line}" for line in failures(data))]).rstrip() + "\n"


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def scale(ratios):
    """Powers of two around all ratios and 1; and the position of a ratio."""
    low = min(-1, math.floor(min(math.log2(r) for r in ratios)))
    high = max(2, math.ceil(max(math.log2(r) for r in ratios)))
    return range(low, high + 1), lambda r: LABEL + (math.log2(r) - low) / (high - low) * WIDTH


def chart(data):
    """Bars from 1.0 (as fast as native), to the right if slower, on a logarithmic scale; None without a number."""
    names = data["systems"][1:]
    bars = {row: [(n, r) for n in names if (r := ratio(data, row, n))] for row in data["rows"]}
    bars = {row: found for row, found in bars.items() if found}
    if not bars:
        return None
    powers, at = scale([r for found in bars.values() for _, r in found])
    out, y = [], 34
    for row, found in bars.items():
        middle = y + len(found) * BAR / 2 + 4
        out.append(f'<text x="{LABEL - 8}" y="{middle:.0f}" text-anchor="end">{escape(row)}</text>')
        for name, r in found:
            left, right = sorted((at(1), at(r)))
            out.append(f'<rect x="{left:.1f}" y="{y}" width="{right - left:.1f}" height="{BAR - 1}" '
                       f'fill="{COLOURS.get(name, "#64748b")}"/>'
                       f'<text x="{right + 4:.1f}" y="{y + BAR - 2}" class="small">{r:.2f}</text>')
            y += BAR
        y += GAP
    for p in powers:
        out.insert(0, f'<line x1="{at(2 ** p):.1f}" y1="28" x2="{at(2 ** p):.1f}" y2="{y}" '
                   f'stroke="{"#111" if p == 0 else "#ddd"}"/>'
                   f'<text x="{at(2 ** p):.1f}" y="{y + 14}" text-anchor="middle" class="small">{2.0 ** p:g}</text>')
    for n, name in enumerate(names):
        x = LABEL + n * 90
        out.append(f'<rect x="{x}" y="8" width="10" height="10" fill="{COLOURS.get(name, "#64748b")}"/>'
                   f'<text x="{x + 14}" y="17">{escape(name)}</text>')
    out.append(f'<text x="{LABEL + WIDTH}" y="17" text-anchor="end">time, native = 1</text>')
    size = f"{LABEL + WIDTH + 50} {y + 24}"
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" font-family="sans-serif" font-size="12">\n'
            '<style>.small{font-size:10px}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n'
            + "\n".join(out) + "\n</svg>\n")


def publish(data, docs):
    """Table and chart into the documentation."""
    page = os.path.join(docs, "performance.md")
    with open(page, encoding="utf-8") as f:
        before, rest = f.read().split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    count = max(len(found) for found in data["rows"].values())
    text = (f"Medians of {count} interleaved rounds on {data['cpus']} CPUs; the host's load average was "
            f"{data['load']:.1f} at the start.\n\n{table(data)}\n")
    drawing = chart(data)
    if drawing:
        text = "![Time of each row against native](real-work.svg)\n\n" + text
        with open(os.path.join(docs, "real-work.svg"), "w", encoding="utf-8") as f:
            f.write(drawing)
    with open(page, "w", encoding="utf-8") as f:
        f.write(before + MARKS[0] + text + MARKS[1] + after)


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        data = json.load(f)
    print(table(data), end="")
    if len(sys.argv) > 2:
        publish(data, sys.argv[2])


if __name__ == "__main__":
    main()
