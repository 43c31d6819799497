"""Where regions and countries are."""

import pytest

from reconciler.domain.model import Region
from reconciler.domain.regions import COUNTRIES, advice, country_of, is_known, latency_for, nearest_known


@pytest.mark.parametrize(
    ("region", "country", "latency_ms"),
    [
        pytest.param("eu-frankfurt", "DE", 120, id="the region's country"),
        pytest.param("eu-frankfurt", "FR", 200, id="another country of the continent"),
        pytest.param("eu-frankfurt", "JP", 1000, id="another continent"),
        pytest.param("ap-hongkong", "CN", 200, id="Hong Kong has a code of its own"),
        pytest.param("na-queretaro", "US", 200, id="Mexico is in North America"),
        pytest.param("local", "DE", 1000, id="a relay may be anywhere"),
        pytest.param("moon-base", "DE", 1000, id="a region that is not known"),
    ],
)
def test_latency_for(region: str, country: str, latency_ms: int) -> None:
    """The distance decides; where nothing is known, the longest is safe."""
    assert latency_for(Region(region), country) == latency_ms


def test_every_assigned_code_is_on_one_continent() -> None:
    """ISO 3166-1 has assigned 249 codes; reserved and user-assigned ones are not among them."""
    assert len(COUNTRIES) == 249
    assert {"DE", "GB", "SG", "AQ"} < COUNTRIES
    assert COUNTRIES.isdisjoint({"XK", "EU", "UK", "ZZ"})


def test_advice_says_why() -> None:
    """The reason is fit for a hint; without a place there is no advice."""
    found = advice(Region("eu-frankfurt"), "JP")

    assert found is not None
    assert found.why == "eu-frankfurt is in Europe and JP in Asia"
    assert advice(Region("eu-frankfurt"), "XX") is None


def test_every_region_is_in_a_country_that_there_is() -> None:
    """The two tables fit each other, and slips are close to what was meant."""
    assert country_of(Region("ap-singapore")) == "SG"
    assert country_of(Region("local")) is None
    assert is_known(Region("local"))
    assert not is_known(Region("ap-singapor"))
    assert nearest_known("ap-singapor") == "did you mean ap-singapore?"
