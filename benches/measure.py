"""Runs a command and says what it cost: `measure.py COMMAND…` prints wall and CPU seconds and peak memory in MB as one
line of JSON. A process cannot read its child's peak from within Rust without unsafe code, so the benches ask here."""

import json
import os
import subprocess
import sys
import tempfile
import time


def run(command):
    """What the command cost. A wall time that it prints itself (DuckDB's, without Python's start) is taken instead."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            err.seek(0)
            sys.exit(f"{command[:3]} ended with {process.returncode}:\n{err.read().decode()[-2000:]}")
        out.seek(0)
        first = out.read(200)
    own = json.loads(first) if first.startswith(b'{"wall"') else {}
    peak = usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": peak, **own}


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1:])))
