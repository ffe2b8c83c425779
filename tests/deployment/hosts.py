"""A folder that stands for a host: deploy.sh installs into it, and its units' command lines run."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.deployment.cluster import ROOT, environment, running

NAME = "quantum-position-state-brain"
VENV = str(Path(sys.executable).parents[1])
IGNORED = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache", ".hypothesis", ".p33", "tests", "build")


class Host:
    """A folder that stands for a host's root."""

    def __init__(self, root: Path, source: Path = ROOT) -> None:
        self.root = root
        self.source = source

    @property
    def base(self) -> Path:
        return self.root / "opt" / "quantum" / "position-state-brain"

    @property
    def env_file(self) -> Path:
        return self.root / "etc" / "quantum" / "position-state-brain.env"

    def deploy(self, *arguments: str) -> str:
        command = [str(self.source / "deployment" / "deploy.sh"), *arguments, "--root", str(self.root), "--venv", VENV]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def release(self, link: str = "current") -> str:
        return str((self.base / link).readlink())

    def installed(self, relative: str) -> str:
        """A file's text, with its places under this root."""
        text = (self.root / relative).read_text()
        return re.sub(r"(?<![\w/])/(opt|etc)/(quantum|redis)", rf"{self.root}/\1/\2", text)

    def variable(self, name: str) -> str:
        """A setting of this host."""
        return re.findall(rf"^{name}=(.*)$", self.env_file.read_text(), re.MULTILINE)[-1]


def run_unit(host: Host, name: str, log: Path) -> ExitStack:
    """Run a unit's ExecStart as systemd would: its files' variables, its folder."""
    text = host.installed(f"etc/systemd/system/{name}")
    env = environment() | dict(re.findall(r"^Environment=([A-Z0-9_]+)=(.*)$", text, re.MULTILINE))
    env.pop("PYTHONPATH")
    for file in re.findall(r"^EnvironmentFile=-?(.*)$", text, re.MULTILINE):
        env |= dict(re.findall(r"^([A-Z0-9_]+)=(.*)$", Path(file).read_text(), re.MULTILINE))
    command = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)[0].replace("%i", "1").replace("%%", "%")
    command = re.sub(r"\$\{(\w+)\}", lambda found: env[found[1]], command)
    stack = ExitStack()
    stack.enter_context(running(shlex.split(command), env, log, cwd=host.base / "current"))
    return stack
