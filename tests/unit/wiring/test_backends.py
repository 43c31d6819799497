"""Tests of `wiring.backends`."""

from dataclasses import replace

import pytest

from reconciler.domain.errors import UsageError
from reconciler.settings import BackendSettings
from reconciler.wiring.backends import Where, where
from tests.unit.wiring.chosen import ACCOUNT, CLOUD, NOTHING, RELAY


@pytest.mark.parametrize(
    ("backend", "embedding", "otherwise"),
    [
        pytest.param(NOTHING, Where.EMBEDDED, Where.FOUND, id="nothing chosen"),
        pytest.param(RELAY, Where.EMBEDDED, Where.FOUND, id="the relay"),
        pytest.param(
            replace(RELAY, endpoint="127.0.0.1:1"),
            Where.ADDRESSED,
            Where.ADDRESSED,
            id="a relay somewhere",
        ),
        pytest.param(replace(RELAY, account=ACCOUNT), Where.EMBEDDED, Where.FOUND, id="chosen in spite"),
        pytest.param(CLOUD, Where.CLOUD, Where.CLOUD, id="an account"),
    ],
)
def test_where_the_backend_is(backend: BackendSettings, embedding: Where, otherwise: Where) -> None:
    """Only `run` embeds a relay, and only where nobody chose another backend."""
    assert where(backend, may_embed=True) is embedding
    assert where(backend, may_embed=False) is otherwise


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        pytest.param(replace(NOTHING, account=ACCOUNT), "TENCENTCLOUD_SECRET_ID is set", id="keys and no choice"),
        pytest.param(replace(NOTHING, endpoint="h:1"), "An endpoint is set", id="an endpoint and no choice"),
        pytest.param(replace(CLOUD, account=None), "needs its keys", id="an account without keys"),
        pytest.param(replace(CLOUD, owner=None), "needs an owner", id="an account without an owner"),
    ],
)
@pytest.mark.parametrize("may_embed", [True, False])
def test_an_unclear_choice_is_refused(backend: BackendSettings, message: str, *, may_embed: bool) -> None:
    """Nobody's account is touched by a guess."""
    with pytest.raises(UsageError, match=message):
        where(backend, may_embed=may_embed)
