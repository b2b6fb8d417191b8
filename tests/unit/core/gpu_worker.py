"""A job that takes GPUs, for tests: says when it has them, keeps them, and gives them back by ending."""

import os
import sys
import time
from pathlib import Path

from cisflow import gpu_leases

gpu_leases.POLL_SECONDS = 0.01


def say(word: str, journal: str) -> None:
    """Append one whole line to a file that several processes write."""
    line = f"{word} {os.getpid()} {os.environ[gpu_leases.VISIBLE]}\n".encode()
    descriptor = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line)
    os.close(descriptor)


def main(journal: str, count: str, turns: str, seconds: str) -> None:
    """Take ``count`` GPUs ``turns`` times, for ``seconds`` each."""
    seen = os.environ.get(gpu_leases.VISIBLE)
    for _ in range(int(turns)):
        gpu_leases.lease_gpus("cuda", int(count))
        say("begin", journal)
        if seconds == "forever":
            Path(journal + ".held").touch()
        time.sleep(3600 if seconds == "forever" else float(seconds))
        say("end", journal)
        gpu_leases._leases.release()
        del os.environ[gpu_leases.INHERITED]
        if seen is None:
            del os.environ[gpu_leases.VISIBLE]
        else:
            os.environ[gpu_leases.VISIBLE] = seen


if __name__ == "__main__":
    main(*sys.argv[1:])
