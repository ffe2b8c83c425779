"""deployment/kubernetes: built by kubectl, checked by the API's own schemas, and what the manifests promise."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest

from p33_tasks.cli.root import cli
from p33_tasks.exporter import metrics
from p33_tasks.settings import Settings, load_settings
from tests.deployment.cluster import ROOT
from tests.support.kubernetes import built

FOLDER = ROOT / "deployment" / "kubernetes"
Document = dict[str, Any]
USUAL = ("p33-worker", "p33-snapshots", "p33-beat", "p33-exporter")
APPS = (*USUAL, "p33-forecaster")


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Document]:
    """All, as an overlay with the forecaster has it."""
    overlay = tmp_path_factory.mktemp("overlay")
    base = os.path.relpath(FOLDER, overlay.resolve())
    (overlay / "kustomization.yaml").write_text(
        f"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        f"resources: [{base}]\ncomponents: [{base}/forecaster]\n"
    )
    return by_name(overlay)


def by_name(folder: Path) -> dict[tuple[str, str], Document]:
    found, problems = built(folder)
    assert problems == []
    return {(document["kind"], document["metadata"]["name"]): document for document in found}


def pod(documents: dict[tuple[str, str], Document], app: str) -> Document:
    found: Document = documents["Deployment", app]["spec"]["template"]
    return found


def container(documents: dict[tuple[str, str], Document], app: str) -> Document:
    [found] = pod(documents, app)["spec"]["containers"]
    return dict(found)


def settings_of(documents: dict[tuple[str, str], Document], app: str) -> dict[str, str]:
    """The environment that the container sees."""
    used = container(documents, app)
    [reference] = [source["configMapRef"]["name"] for source in used["envFrom"]]
    data: dict[str, str] = documents["ConfigMap", reference]["data"]
    return {**data, **{entry["name"]: entry["value"] for entry in used.get("env", [])}}


def test_every_part_is_there_and_fits_the_apis_schemas(documents: dict[tuple[str, str], Document]) -> None:
    assert {name for kind, name in documents if kind == "Deployment"} == set(APPS)
    assert {name for kind, name in documents if kind == "PodDisruptionBudget"} == {"p33-worker", "p33-snapshots"}
    assert {kind for kind, _ in documents} >= {"NetworkPolicy", "ScaledObject", "Service", "ConfigMap"}


def test_the_forecaster_is_off_unless_it_is_asked_for(documents: dict[tuple[str, str], Document]) -> None:
    usual = by_name(FOLDER)
    assert {name for kind, name in usual if kind == "Deployment"} == set(USUAL)
    for app in USUAL:
        assert load_settings(readable(settings_of(usual, app))).forecast == "off"
    for app in APPS:
        settings = load_settings(readable(settings_of(documents, app)))
        assert settings.forecast == "on"
        assert settings.prepare == "on"


def test_the_forecaster_has_the_role_that_nothing_rests_on(documents: dict[tuple[str, str], Document]) -> None:
    assert settings_of(documents, "p33-forecaster")["REDIS_USERNAME"] == "p33-model"
    secrets = [volume["secret"]["secretName"] for volume in pod(documents, "p33-forecaster")["spec"]["volumes"][1:]]
    assert secrets == ["p33-model-redis"]
    assert container(documents, "p33-forecaster")["image"].startswith("position-state-brain-forecast:")


@pytest.mark.parametrize("app", APPS)
def test_no_pod_may_more_than_it_needs(documents: dict[tuple[str, str], Document], app: str) -> None:
    spec, used = pod(documents, app)["spec"], container(documents, app)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert f"USER {spec['securityContext']['runAsUser']}:" in (ROOT / "deployment/Dockerfile").read_text()
    assert used["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    [tmp] = [volume for volume in spec["volumes"] if volume["name"] == "tmp"]
    assert tmp["emptyDir"]["medium"] == "Memory"
    assert used["resources"]["limits"]["memory"]


def test_only_the_snapshot_workers_have_the_exchanges_key(documents: dict[tuple[str, str], Document]) -> None:
    holders = {
        app
        for app in APPS
        for volume in pod(documents, app)["spec"]["volumes"]
        if volume.get("secret", {}).get("secretName") == "p33-exchange"
    }
    assert holders == {"p33-snapshots"}


def readable(environ: dict[str, str]) -> dict[str, str]:
    """Without the files, which only a pod has."""
    return {name: value for name, value in environ.items() if not name.endswith("_FILE") or name == "P33_ENV_FILE"}


@pytest.mark.parametrize("app", APPS)
def test_the_settings_are_settings_and_every_secret_is_a_mounted_file(
    documents: dict[tuple[str, str], Document], app: str, tmp_path: Path
) -> None:
    environ = settings_of(documents, app)
    mounts = {mount["mountPath"] for mount in container(documents, app)["volumeMounts"]}
    known = {str(field.alias) for field in Settings.model_fields.values()} | {"P33_ENV_FILE"}
    for name, value in environ.items():
        secret = name.removesuffix("_FILE") if name != "P33_ENV_FILE" else name
        assert secret in known, name
        if secret != name:
            assert str(Path(value).parent) in mounts, f"{name} is mounted"
            (tmp_path / name).write_text("x" * 20)
            environ[name] = str(tmp_path / name)
    settings = load_settings(environ)
    assert settings.redis_password is not None
    assert (settings.api_credentials[0] is not None) == (app == "p33-snapshots")
    assert str(settings.runtime_dir).startswith("/tmp/")  # noqa: S108 - the memory file system


@pytest.mark.parametrize(
    ("app", "role", "age"),
    [
        ("p33-worker", "worker", "30"),
        ("p33-snapshots", "worker", "30"),
        ("p33-beat", "beat", "30"),
        ("p33-forecaster", "forecaster", "60"),
    ],
)
def test_the_probes_are_local_signs_of_life(
    documents: dict[tuple[str, str], Document], app: str, role: str, age: str
) -> None:
    used = container(documents, app)
    for probe in ("startupProbe", "livenessProbe"):
        command = used[probe]["exec"]["command"]
        assert command == ["p33", "alive", "--max-age", age, "--of", role]
        alive = cli.get_command(click.Context(cli), "alive")
        assert alive is not None
        alive.make_context("alive", command[2:])  # its options are the command's


def test_the_exporters_probe_asks_nobody_either(documents: dict[tuple[str, str], Document]) -> None:
    assert container(documents, "p33-exporter")["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_all_queues_are_served(documents: dict[tuple[str, str], Document]) -> None:
    commands = " ".join(" ".join(container(documents, app)["command"]) for app in APPS)
    assert set(re.findall(r"p33\.[a-z]+", commands)) == {"p33.permits", "p33.ledger", "p33.snapshots"}


def test_the_network_is_closed_but_for_what_is_needed(documents: dict[tuple[str, str], Document]) -> None:
    """The selectors as they are after the build: kustomize's own labels must not get into that of Redis."""
    brain = documents["NetworkPolicy", "p33-brain"]["spec"]
    assert brain["podSelector"]["matchLabels"] == {"app.kubernetes.io/part-of": "position-state-brain"}
    assert brain["ingress"] == []
    assert {port["port"] for rule in brain["egress"] for port in rule["ports"]} == {53, 6379}
    [redis] = [rule["to"] for rule in brain["egress"] if rule["ports"][0]["port"] == 6379]
    assert redis == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "redis"}}}]
    for app in APPS:
        assert pod(documents, app)["metadata"]["labels"]["app.kubernetes.io/part-of"] == "position-state-brain"
    outside = documents["NetworkPolicy", "p33-snapshots-to-exchange"]["spec"]
    assert outside["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "p33-snapshots"}


def test_workers_are_added_by_a_metric_that_there_is(documents: dict[tuple[str, str], Document]) -> None:
    scaled = documents["ScaledObject", "p33-worker"]["spec"]
    assert scaled["scaleTargetRef"]["name"] == "p33-worker"
    assert "replicas" not in documents["Deployment", "p33-worker"]["spec"], "each apply would undo what KEDA did"
    assert scaled["minReplicaCount"] >= 2
    assert scaled["fallback"]["replicas"] >= scaled["minReplicaCount"]
    [trigger] = scaled["triggers"]
    [metric] = re.findall(r"p33_\w+", trigger["metadata"]["query"])
    assert f"    {metric} " in (metrics.__doc__ or "")


def test_no_secret_is_in_the_folder() -> None:
    listed = subprocess.run(["git", "ls-files", str(FOLDER)], cwd=ROOT, check=True, capture_output=True, text=True)
    assert not [name for name in listed.stdout.split() if "secret" in name or name.endswith((".key", ".crt"))]
