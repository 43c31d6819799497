"""Where regions and countries are, and the SRT latency that the distance between them asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from reconciler.domain.model import Region
from reconciler.domain.rules.nearest import did_you_mean

LOCAL: Final = Region("local")
"""The region of a relay that was given none. It is wherever the relay runs, so its country is not known."""

SAME_COUNTRY_MS: Final = 120
SAME_CONTINENT_MS: Final = 200
OTHER_CONTINENT_MS: Final = 1000
"""Latency that is enough, by distance. Source: the product's Output Management page, SRT listener and caller."""

_COUNTRY_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ap-bangkok": "TH",
        "ap-beijing": "CN",
        "ap-beijing-fsi": "CN",
        "ap-chengdu": "CN",
        "ap-chongqing": "CN",
        "ap-guangzhou": "CN",
        "ap-guangzhou-open": "CN",
        "ap-guiyang": "CN",
        "ap-hongkong": "HK",
        "ap-jakarta": "ID",
        "ap-johorbahru": "MY",
        "ap-mumbai": "IN",
        "ap-nanjing": "CN",
        "ap-osaka": "JP",
        "ap-qingyuan": "CN",
        "ap-seoul": "KR",
        "ap-shanghai": "CN",
        "ap-shanghai-adc": "CN",
        "ap-shanghai-fsi": "CN",
        "ap-shenzhen": "CN",
        "ap-shenzhen-fsi": "CN",
        "ap-singapore": "SG",
        "ap-taipei": "TW",
        "ap-tianjin": "CN",
        "ap-tokyo": "JP",
        "ap-zhongwei": "CN",
        "eu-frankfurt": "DE",
        "eu-moscow": "RU",
        "me-riyadh": "SA",
        "me-saudi-arabia": "SA",
        "na-ashburn": "US",
        "na-queretaro": "MX",
        "na-siliconvalley": "US",
        "na-toronto": "CA",
        "sa-saopaulo": "BR",
    }
)
"""Region to its country, ISO 3166-1 alpha-2. Source: Tencent Cloud, Regions and Availability Zones."""
KNOWN: Final = tuple(map(Region, _COUNTRY_OF))
"""Every region of the vendor, sorted."""

_COUNTRIES_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Africa": (
            "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG ML MR "
            "MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW"
        ),
        "Antarctica": "AQ BV GS HM TF",
        "Asia": (
            "AE AF AM AZ BD BH BN BT CC CN CX GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN "
            "MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TM TR TW UZ VN YE"
        ),
        "Europe": (
            "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU "
            "LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA"
        ),
        "North America": (
            "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX NI PA PM "
            "PR SV SX TC TT US VC VG VI"
        ),
        "Oceania": "AS AU CK FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TL TO TV UM VU WF WS",
        "South America": "AR BO BR CL CO EC FK GF GY PE PY SR UY VE",
    }
)
"""Continent to the codes that ISO 3166-1 has assigned officially; every code is in one continent."""

_CONTINENT_OF: Final[Mapping[str, str]] = MappingProxyType(
    {country: continent for continent, countries in _COUNTRIES_OF.items() for country in countries.split()}
)

COUNTRIES: Final = frozenset(_CONTINENT_OF)
"""Every officially assigned ISO 3166-1 alpha-2 code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyAdvice:
    """The latency that a distance asks for, and the distance in words."""

    latency_ms: int
    why: str


def is_known(region: Region) -> bool:
    """Return whether the region is in the table, or is a relay's own."""
    return region in _COUNTRY_OF or region == LOCAL


def country_of(region: Region) -> str | None:
    """Return the region's country; None when it is not known."""
    return _COUNTRY_OF.get(region)


def advice(region: Region, country: str) -> LatencyAdvice | None:
    """Return the latency between a region and a country; None when it is not known where one of them is."""
    here = _COUNTRY_OF.get(region)
    if here is None or country not in _CONTINENT_OF:
        return None
    if here == country:
        return LatencyAdvice(latency_ms=SAME_COUNTRY_MS, why=f"{region} is in {country}")
    if _CONTINENT_OF[here] == _CONTINENT_OF[country]:
        return LatencyAdvice(
            latency_ms=SAME_CONTINENT_MS, why=f"{region} and {country} are both in {_CONTINENT_OF[here]}"
        )
    return LatencyAdvice(
        latency_ms=OTHER_CONTINENT_MS,
        why=f"{region} is in {_CONTINENT_OF[here]} and {country} in {_CONTINENT_OF[country]}",
    )


def latency_for(region: Region, country: str) -> int:
    """Return the latency that is enough between a region and a country; where nothing is known, the longest."""
    found = advice(region, country)
    return found.latency_ms if found is not None else OTHER_CONTINENT_MS


def nearest_known(name: str) -> str:
    """Return the question whether a known region was meant, "" when none is close."""
    return did_you_mean(name, _COUNTRY_OF)
