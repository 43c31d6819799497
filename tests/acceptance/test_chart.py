"""The chart, judged by Helm and by the schemas of Kubernetes; `make test` installs both (scripts/judges)."""

import json
import re
from typing import Any, Final

import kubernetes_validate
import pytest
import yaml

import reconciler
from tests.acceptance.deploying import DEPLOY, KNOWN, ROOT, flat, run

CHART: Final = DEPLOY / "helm" / "reconciler"
HELM: Final = ROOT / "tests" / "judges" / "node_modules" / ".kubernetes" / "helm" / "helm"
KUBERNETES: Final = ("1.27", "1.35")
"""The oldest that the chart allows (kubeVersion), and the newest that was tried."""
SECRETS_OF_VALUES: Final = {"streamlink-account", "reconciler-token", "stream-secrets", "git-key"}


def rendered(values: str) -> list[dict[str, Any]]:
    """Return what Helm makes of the chart."""
    said = run(HELM, "template", "live", CHART, "--values", CHART / "ci" / f"{values}-values.yaml")
    assert said.returncode == 0, said.stderr
    return [document for document in yaml.safe_load_all(said.stdout) if document]


def of_kind(kind: str, documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the one document of this kind."""
    (found,) = (document for document in documents if document["kind"] == kind)
    return found


@pytest.mark.parametrize("values", ["least", "all"])
def test_the_chart_makes_what_kubernetes_takes(values: str) -> None:
    """Helm finds nothing, and every document fits the strict schema of the oldest and the newest version."""
    linted = run(HELM, "lint", "--strict", CHART, "--values", CHART / "ci" / f"{values}-values.yaml")
    assert linted.returncode == 0, linted.stdout

    for document in rendered(values):
        # What the Prometheus operator brings is no part of Kubernetes; nobody here knows its schema.
        if document["kind"] != "ServiceMonitor":
            for version in KUBERNETES:
                kubernetes_validate.validate(document, version, strict=True)


def test_kubernetes_finds_a_fault_that_is_put_in() -> None:
    """The schemas are asked for real."""
    document = of_kind("StatefulSet", rendered("least"))
    document["spec"]["template"]["spec"]["containers"][0]["readOnly"] = True

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, KUBERNETES[-1], strict=True)


@pytest.mark.parametrize("values", ["least", "all"])
def test_the_pod_keeps_the_restricted_standard(values: str) -> None:
    """Source: Kubernetes, Pod Security Standards, Restricted; and the root file system is read-only."""
    pod = of_kind("StatefulSet", rendered(values))["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert {kind for volume in pod["volumes"] for kind in volume if kind != "name"} <= {
        "configMap",
        "secret",
        "emptyDir",
    }


@pytest.mark.parametrize("values", ["least", "all"])
def test_everything_that_the_pod_names_is_there(values: str) -> None:
    """Ports, volumes, the account, the settings file, and of Secrets only those of the values."""
    documents = rendered(values)
    made = of_kind("StatefulSet", documents)["spec"]
    pod = made["template"]["spec"]
    (container,) = pod["containers"]
    claimed = {claim["metadata"]["name"] for claim in made.get("volumeClaimTemplates", ())}
    volumes = {volume["name"] for volume in pod["volumes"]} | claimed
    settings = yaml.safe_load(of_kind("ConfigMap", documents)["data"]["reconciler.yaml"])
    port = settings["service"]["listen"].rpartition(":")[2]

    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    assert [str(each["containerPort"]) for each in container["ports"]] == [port]
    assert made["template"]["metadata"]["labels"].items() >= made["selector"]["matchLabels"].items()
    assert set(flat(settings)) <= KNOWN
    assert set(re.findall(r"'secretName': '([^']*)'", str(pod))) <= SECRETS_OF_VALUES


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        pytest.param("config.backend.owner=Not An Owner", "/config/backend/owner", id="an owner that is none"),
        pytest.param("credentials.existingSecret=", "/credentials/existingSecret", id="no account"),
        pytest.param("service.tokenSecret=", "/service/tokenSecret", id="no token"),
        pytest.param("service.port=80", "/service/port", id="a port that only root may have"),
        pytest.param("config.source.git=", "/config/source/git", id="no repository"),
        pytest.param("replicas=2", "replicas", id="a value that there is not"),
        pytest.param("config.state=/tmp", "/config/state", id="a setting that is the chart's"),
    ],
)
def test_wrong_values_are_refused(wrong: str, said: str) -> None:
    """By Helm, with the schema of the chart, before anything is sent to a cluster."""
    values = CHART / "ci" / "least-values.yaml"
    refused = run(HELM, "template", "live", CHART, "--values", values, "--set", wrong)

    assert refused.returncode != 0
    assert said in refused.stderr


def test_every_value_is_described() -> None:
    """The schema knows what values.yaml has, and nothing else beside `global`."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    assert set(schema["properties"]) == set(values) | {"global"}


def test_the_chart_is_of_this_version() -> None:
    """A release of the program is one of the chart's image."""
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == reconciler.__version__
