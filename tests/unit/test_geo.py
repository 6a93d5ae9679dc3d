"""Circles and polygons where longitudes begin anew: at the 180th meridian and at the poles.

The laws use eighths of a degree, which are exact as floats, so that they hold on every boundary too."""

from math import cos, hypot, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.geo import Circle, Place, Polygon, distance, opened

DEGREE = 111_195
"""Metres of latitude."""
GOES_ON = Polygon((Place(-17.25, 179.5), Place(-17.25, 180.5), Place(-16.25, 180.5), Place(-16.25, 179.5)))
BEGINS_ANEW = Polygon((Place(-17.25, 179.5), Place(-17.25, -179.5), Place(-16.25, -179.5), Place(-16.25, 179.5)))
WRITINGS = {"179.5 to 180.5": GOES_ON, "179.5 to -179.5": BEGINS_ANEW}


@pytest.fixture(params=list(WRITINGS.values()), ids=list(WRITINGS))
def over_the_meridian(request: pytest.FixtureRequest) -> Polygon:
    polygon: Polygon = request.param
    return polygon


@pytest.mark.parametrize("longitude", [179.6, 180.0, -180.0, -179.6, 180.4])
def test_a_polygon_over_the_180th_meridian_contains_both_sides(over_the_meridian: Polygon, longitude: float) -> None:
    assert over_the_meridian.fault is None
    assert over_the_meridian.contains(Place(-17.0, longitude))
    assert not over_the_meridian.contains(Place(-18.0, longitude))


@pytest.mark.parametrize("longitude", [179.4, -179.4, 0.0, 90.0, -90.0, 180.6])
def test_a_polygon_over_the_180th_meridian_does_not_contain_the_rest(
    over_the_meridian: Polygon, longitude: float
) -> None:
    assert not over_the_meridian.contains(Place(-17.0, longitude), margin=50)


@pytest.mark.parametrize("longitude", [180.0, -180.0])
@pytest.mark.parametrize("side", [1, -1])
def test_a_margin_reaches_over_the_180th_meridian(longitude: float, side: int) -> None:
    edge = Polygon((Place(0, 179), Place(0, longitude), Place(1, longitude), Place(1, 179)))
    edge = edge if side > 0 else Polygon(tuple(Place(c.latitude, -c.longitude) for c in edge.corners))
    just_over = Place(0.5, side * (-180 + 40 / DEGREE))
    assert not edge.contains(just_over)
    assert edge.contains(just_over, margin=50)
    assert not edge.contains(just_over, margin=30)


@pytest.mark.parametrize("longitude", [180.0, -180.0, 179.9, -179.9])
def test_a_margin_reaches_from_an_edge_that_crosses_the_180th_meridian(
    over_the_meridian: Polygon, longitude: float
) -> None:
    just_north = Place(-16.25 + 40 / DEGREE, longitude)
    assert over_the_meridian.contains(just_north, margin=50)
    assert not over_the_meridian.contains(just_north, margin=30)


@given(st.floats(-80, 80), st.floats(-180, 180))
def test_a_margin_is_measured_across_an_edge_that_runs_aslant(south: float, west: float) -> None:
    middle = Place(south + 0.5, west + 1)
    east, north = 2 * cos(radians(middle.latitude)), 1.0
    across = 40 / DEGREE / hypot(east, north)
    beside = Place(middle.latitude - across * east, middle.longitude + across * north * 2 / east)
    aslant = Polygon((Place(south, west), Place(south + 1, west + 2), Place(south + 1, west)))
    assert not aslant.contains(beside, margin=39.5)
    assert aslant.contains(beside, margin=40.5)


@given(st.floats(-85, 84), st.floats(-180, 180), st.floats(1, 200), st.floats(1, 200))
def test_a_margin_is_as_wide_at_every_latitude_and_longitude(
    south: float, west: float, metres: float, margin: float
) -> None:
    square = Polygon((Place(south, west), Place(south, west + 1), Place(south + 1, west + 1), Place(south + 1, west)))
    east = Place(south + 0.5, west + 1)
    one_degree = distance(Place(east.latitude, 0), Place(east.latitude, 0.001)) * 1000
    beyond = Place(east.latitude, east.longitude + metres / one_degree)
    if abs(metres - margin) > 0.1:
        assert square.contains(beyond, margin) == (metres < margin)


def test_a_margin_goes_along_a_parallel_where_the_edge_does() -> None:
    wide = Polygon((Place(60, -30), Place(60, 30), Place(70, 30), Place(70, -30)))
    just_north = Place(70 + 40 / DEGREE, 0)
    assert wide.contains(just_north, margin=50)
    assert not wide.contains(just_north, margin=30)


def test_a_margin_reaches_over_the_pole() -> None:
    quarter = Polygon((Place(89, 0), Place(89, 90), Place(90, 90), Place(90, 0)))
    beyond = Place(90 - 20 / DEGREE, -135)
    assert not quarter.contains(beyond)
    assert quarter.contains(beyond, margin=25)
    assert not quarter.contains(beyond, margin=15)
    near_the_pole = Polygon((Place(89, 0), Place(89, 10), Place(90 - 10 / DEGREE, 5)))
    assert near_the_pole.contains(Place(beyond.latitude, -175), margin=31)
    assert not near_the_pole.contains(Place(beyond.latitude, -175), margin=29)


# ---- what holds of every polygon

EIGHTHS = 8
latitudes = st.integers(-80 * EIGHTHS, 80 * EIGHTHS).map(lambda n: n / EIGHTHS)
longitudes = st.integers(-180 * EIGHTHS, 180 * EIGHTHS - 1).map(lambda n: n / EIGHTHS)
places = st.builds(Place, latitudes, longitudes)
turns = st.lists(st.integers(-2, 2), min_size=12, max_size=12)


@st.composite
def polygons(draw: st.DrawFn) -> Polygon:
    """Up to ten corners, less than half the globe wide, written east of the western end; edges may cross."""
    west, wide = draw(longitudes), draw(st.integers(1, 180 * EIGHTHS - 1))
    offsets = st.integers(0, wide).map(lambda n: west + n / EIGHTHS)
    return Polygon(tuple(draw(st.lists(st.builds(Place, latitudes, offsets), min_size=3, max_size=10))))


def turned(place: Place, times: int) -> Place:
    return Place(place.latitude, place.longitude + 360 * times)


def shifted(place: Place, degrees: float) -> Place:
    """Farther east, between -180 and 180."""
    return Place(place.latitude, (place.longitude + degrees + 180) % 360 - 180)


@given(polygons(), places, turns)
def test_it_does_not_matter_how_often_a_longitude_goes_round(polygon: Polygon, place: Place, by: list[int]) -> None:
    again = Polygon(tuple(turned(corner, times) for corner, times in zip(polygon.corners, by, strict=False)))
    assert again.fault == polygon.fault
    assert again.contains(turned(place, by[-1])) == polygon.contains(place)


@given(polygons(), places, st.integers(0, 9), st.booleans())
def test_it_does_not_matter_with_which_corner_a_polygon_begins(
    polygon: Polygon, place: Place, first: int, backwards: bool
) -> None:
    first %= len(polygon.corners)
    corners = polygon.corners[first:] + polygon.corners[:first]
    again = Polygon(corners[::-1] if backwards else corners)
    assert again.contains(place) == polygon.contains(place)


@given(polygons(), places, longitudes)
def test_a_polygon_farther_east_contains_the_place_farther_east(polygon: Polygon, place: Place, by: float) -> None:
    again = Polygon(tuple(shifted(corner, by) for corner in polygon.corners))
    assert again.fault == polygon.fault
    assert again.contains(shifted(place, by)) == polygon.contains(place)


@given(places, st.integers(1, 90 * EIGHTHS), st.integers(1, 179 * EIGHTHS), places)
def test_a_rectangle_contains_what_lies_between_its_sides(corner: Place, high: int, wide: int, place: Place) -> None:
    south, north = corner.latitude, min(corner.latitude + high / EIGHTHS, 90.0)
    west, across = corner.longitude, wide / EIGHTHS
    sides = [(south, west), (south, west + across), (north, west + across), (north, west)]
    rectangle = Polygon(tuple(shifted(Place(*side), 0) for side in sides))
    east_of = (place.longitude - west) % 360
    assert rectangle.contains(place) == (south <= place.latitude < north and east_of < across)


# ---- polygons that are none

AROUND_A_POLE = "a polygon does not go around a pole: draw a circle there"
ONE_LINE = "the corners of a polygon do not all lie on one line; -180 and 180 degrees are the same"


@pytest.mark.parametrize(
    ("corners", "fault"),
    [
        ([(80, 0), (80, 120), (80, -120)], AROUND_A_POLE),
        ([(-80, 0), (-80, -120), (-80, 120)], AROUND_A_POLE),
        ([(0, -100), (5, 0), (5, 100), (0, 0)], "a polygon is no wider than 180 degrees"),
        ([(0, 0), (1, 1), (2, 2)], ONE_LINE),
        ([(0.1, 0.1), (0.2, 0.2), (0.3, 0.3)], ONE_LINE),
        ([(48, 11), (48, 11), (48, 11)], ONE_LINE),
        ([(80, -180), (80, 180), (90, 180), (90, -180)], ONE_LINE),
        ([(0, -90), (0, 90), (1, 90), (1, -90)], None),
        ([(0, 179), (0, -179), (1, -179), (1, 179)], None),
        ([(0, 0), (0, 1), (1, 0), (1, 1)], None),
        ([(89, 0), (89, 90), (90, 90), (90, 0)], None),
    ],
)
def test_a_polygon_around_a_pole_or_too_wide_or_without_an_area_is_none(
    corners: list[tuple[float, float]], fault: str | None
) -> None:
    assert Polygon(tuple(Place(*corner) for corner in corners)).fault == fault


def test_where_edges_cross_what_lies_in_an_odd_number_of_loops_is_inside() -> None:
    bow_tie = Polygon((Place(0, 0), Place(2, 2), Place(0, 2), Place(2, 0)))
    assert bow_tie.contains(Place(1.0, 0.5))
    assert bow_tie.contains(Place(1.0, 1.5))
    assert not bow_tie.contains(Place(0.2, 1.0))
    assert not bow_tie.contains(Place(1.8, 1.0))


@pytest.mark.parametrize(("first", "last"), [(11.0, 11.0), (180.0, -180.0), (-179.5, 180.5)])
def test_a_ring_that_is_closed_as_in_geojson_is_opened(first: float, last: float) -> None:
    corners = [Place(48, first), Place(48, first + 1), Place(49, first)]
    assert opened([*corners, Place(48, last)]) == opened(corners) == tuple(corners)


# ---- circles


@pytest.mark.parametrize("pole", [90, -90])
@pytest.mark.parametrize("written", [0.0, 77.7, 180.0])
def test_a_circle_at_a_pole_contains_what_is_near_whatever_its_longitude(pole: float, written: float) -> None:
    circle = Circle(Place(pole, written), 1_000)
    side = 1 if pole > 0 else -1
    for longitude in range(-180, 181, 45):
        assert circle.contains(Place(pole - side * 900 / DEGREE, longitude))
        assert not circle.contains(Place(pole - side * 1_040 / DEGREE, longitude))
        assert circle.contains(Place(pole - side * 1_040 / DEGREE, longitude), margin=50)
    assert circle.contains(Place(pole, -123.4))


def test_a_circle_that_holds_a_pole_contains_what_lies_beyond_it() -> None:
    circle = Circle(Place(89.0, 20.0), 200_000)
    assert circle.contains(Place(89.5, -160.0))
    assert not circle.contains(Place(88.9, -160.0))


@given(st.floats(-90, 90), st.floats(-180, 180), places)
def test_a_circle_does_not_care_how_often_a_longitude_goes_round(lat: float, lon: float, place: Place) -> None:
    metres = distance(Place(lat, lon), place)
    again = distance(turned(Place(lat, lon), 1), turned(place, -1))
    assert again == pytest.approx(metres, abs=0.01)


def test_a_circle_reaches_over_the_180th_meridian() -> None:
    circle = Circle(Place(-17.0, 179.99), 3_000)
    assert circle.contains(Place(-17.0, -179.99))
    assert not circle.contains(Place(-17.0, -179.97))
