"""Vehicle identification numbers, made up in the shapes that manufacturers use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.vin import check_digit, is_vin, require_vin
from shared.errors import Malformed

LETTERS = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"
BUILT = {
    "in Mexico, with fillers": "3VWZZZ1KZ8M012345",
    "in Shanghai": "LRW3E7FA8MC012345",
    "in California": "5YJ3E7EB1KF012345",
    "in California, an older shape": "5YJSA7E20HF012345",
    "in South Carolina": "5UXTA6C09M9A12345",
    "in Bavaria": "WBY8P210907A12345",
    "in Bohemia": "TMBJG9NE0H0123456",
    "in France, with a serial number of eight digits": "VF1RFB00567123456",
    "in France for a Japanese maker": "VNKKD3D330A012345",
    "in England for a Japanese maker": "SB1KZ20E90E012345",
    "in England by a maker of under 1,000 a year": "SA9DGFB29MA123045",
    "in Sweden by a maker of under 1,000 a year": "YT9NN1U14KA007123",
    "in Japan": "JTDKN3DU8A0012345",
    "in Korea": "KNAFX4A66F5012345",
    "in India, with a letter in the ninth place": "MA3FJEB1S00123456",
    "in Brazil": "9BWAA05U0DP012345",
    "in Australia": "6T1BF9FK10X012345",
}


def refusal(vin: str, region: str) -> str:
    with pytest.raises(Malformed) as caught:
        require_vin(vin, region)
    return caught.value.detail


@pytest.mark.parametrize("region", ["eu", "cn", "apac"])
@pytest.mark.parametrize("vin", BUILT.values(), ids=BUILT)
def test_a_vehicle_that_is_sold_elsewhere_needs_no_check_digit_wherever_it_was_built(vin: str, region: str) -> None:
    require_vin(vin, region)


@pytest.mark.parametrize("vin", BUILT.values(), ids=BUILT)
def test_a_wrong_check_digit_in_north_america_is_refused_with_the_right_one(vin: str) -> None:
    right = check_digit(vin)
    assert refusal(vin, "na") == f"vin: in region na the ninth character is a check digit, {right} for the others"
    require_vin(f"{vin[:8]}{right}{vin[9:]}", "na")


@pytest.mark.parametrize(
    "vin", ["1M8GDM9AXKP042788", "1HGCM82633A004352", "5GZCZ43D13S812715", "1" * 17], ids=lambda vin: vin[:3]
)
def test_check_digits_that_are_published_are_right(vin: str) -> None:
    require_vin(vin, "na")
    assert check_digit(vin) == vin[8]


@given(st.text(LETTERS, min_size=17, max_size=17))
def test_of_all_ninth_characters_one_is_right_in_north_america(vin: str) -> None:
    accepted = [c for c in LETTERS if not _is_refused(f"{vin[:8]}{c}{vin[9:]}", "na")]
    assert accepted == [check_digit(vin)]


def _is_refused(vin: str, region: str) -> bool:
    try:
        require_vin(vin, region)
    except Malformed:
        return True
    return False


@pytest.mark.parametrize("region", ["eu", "na", "us", "ca"])
@pytest.mark.parametrize(
    "vin",
    [
        "WVWZZZ3CZEE14028",
        "WVWZZZ3CZEE1402871",
        "WVWZZZ3CZEE140287\n",
        "WVWZZZ3CZEI140287",
        "wvwzzz3czee140287",
        "WVWZZZ3CZEE14028７",
        "1Z37J7S412345",
        "",
    ],
    ids=["short", "long", "a line end", "an I", "lower case", "another script", "before 1981", "nothing"],
)
def test_what_is_no_vin_is_refused_everywhere_with_what_one_is(vin: str, region: str) -> None:
    assert not is_vin(vin)
    assert refusal(vin, region) == "vin: not 17 digits and capital letters without I, O and Q (ISO 3779)"


def test_a_search_or_a_claim_takes_any_number_that_is_written_as_a_vin() -> None:
    assert is_vin("5YJ3E1EA1KF000001"), "its check digit is wrong, and its region unknown"
