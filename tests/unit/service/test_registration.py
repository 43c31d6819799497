"""Where a service says that it answers, for others on its machine."""

import json
from pathlib import Path

import pytest

from reconciler.service import registration
from tests.certificates import make_authority, make_certificate
from tests.unit.service.serving import Stage

pytestmark = pytest.mark.anyio


async def test_a_service_is_found_while_it_answers(tmp_path: Path) -> None:
    """Wherever it listens, and whatever it speaks."""
    certificate = make_certificate(tmp_path, make_authority(tmp_path), "IP:127.0.0.1")
    stage = Stage().with_options(state=tmp_path, certificate_file=certificate.file, key_file=certificate.key)
    file = tmp_path / registration.FILE_NAME
    async with stage.build() as service:
        said = json.loads(file.read_text())
        mode = file.stat().st_mode & 0o777

    assert (said, mode) == ({"url": service.url}, 0o600)
    assert said["url"].startswith("https://127.0.0.1:")
    assert not file.exists()


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("https://[::]:8080", "https://[::1]:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://192.0.2.7:8080", "http://192.0.2.7:8080"),
    ],
)
def test_a_url_is_one_that_can_be_asked(url: str, here: str) -> None:
    """All addresses of a machine are none of a request."""
    assert registration.here(url) == here


def test_a_disk_that_takes_nothing_keeps_nobody_from_answering(tmp_path: Path) -> None:
    """What was said before is not said any more, as far as that can be."""
    registration.write(tmp_path / "missing", "http://127.0.0.1:8080")

    assert list(tmp_path.iterdir()) == []
