"""The fulfillment room's bounds, and how far locations are."""

from __future__ import annotations

import math

LOCATIONS_KEY = "@locations"
"""State key of all locations, in every partition."""
RANKED_MAXIMUM = 16
"""locations that are tried for one order"""
UNKNOWN_DISTANCE_KM = 1e9
"""of a location or an order without coordinates: behind all that are known"""
EARTH_RADIUS_KM = 6371.0088
"""mean radius, IUGG"""


def distance_km(
    latitude: float, longitude: float, to_latitude: float, to_longitude: float
) -> float:
    """Great-circle distance by the haversine formula; degrees in, kilometres out."""
    north = math.radians(to_latitude - latitude)
    east = math.radians(to_longitude - longitude)
    chord = (
        math.sin(north / 2) ** 2
        + math.cos(math.radians(latitude))
        * math.cos(math.radians(to_latitude))
        * math.sin(east / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(chord)))
