"""``make fuzz``: every parser under atheris for a while; findings are kept as files and end it with 1."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.harnesses import HARNESSES
from tests.fuzz.seeds import FOUND, seeds, words

MAX_LEN = 8_192
MEMORY_MB = 1_024
ONE_INPUT_SEC = 10


def main() -> int:
    """Run the harnesses one after the other.

    Returns:
        0 when nothing was found, 1 when something was.
    """
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each parser")
    parser.add_argument("--only", choices=sorted(HARNESSES), action="append", help="may be given more than once")
    arguments = parser.parse_args()
    found = [name for name in arguments.only or HARNESSES if not fuzz(name, arguments.seconds)]
    for name in found:
        say(f"{name}: see {FOUND / name}; fix it, and leave the file: the tests run it from now on")
    return 1 if found else 0


def fuzz(name: str, seconds: int) -> bool:
    """Run one harness in a process of its own; says how often it ran. False when it found something."""
    with tempfile.TemporaryDirectory(prefix="p33-fuzz-") as folder:
        corpus, dictionary, output = Path(folder) / "corpus", Path(folder) / "words", Path(folder) / "output"
        corpus.mkdir()
        for number, seed in enumerate(seeds(name)):
            (corpus / str(number)).write_bytes(seed)
        dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in words(name)))
        (FOUND / name).mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, "-m", "tests.fuzz.one", name, str(corpus)),
            *(f"-max_total_time={seconds}", f"-dict={dictionary}", f"-artifact_prefix={FOUND / name}/"),
            *(f"-max_len={MAX_LEN}", f"-rss_limit_mb={MEMORY_MB}", f"-timeout={ONE_INPUT_SEC}", "-print_final_stats=1"),
        ]
        with output.open("wb") as file:
            status = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False).returncode
        text = output.read_text(errors="replace")
    runs = re.search(r"number_of_executed_units: (\d+)", text)
    covered = re.findall(r" cov: (\d+) ft: (\d+) ", text)
    edges = covered[-1][0] if covered else "?"
    say(
        f"{name}: {runs.group(1) if runs else '?'} runs in {seconds} s, {edges} edges, {'found' if status else 'clean'}"
    )
    if status:
        say(text[-4_000:])
    if not any((FOUND / name).iterdir()):
        (FOUND / name).rmdir()
    return status == 0


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode("utf-8", "surrogatepass"))


def say(text: str) -> None:
    """To the terminal."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
