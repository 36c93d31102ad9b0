"""The fulfillment room's bounds, and how far locations are."""

from __future__ import annotations

import math

from schemas.topics import PARTITIONS

CAPACITY_KEY = "@capacity"
"""State key of what this partition has used of today's capacity."""
RANKED_MAXIMUM = 16
"""locations that are tried for one order"""
UNKNOWN_DISTANCE_KM = 1e9
"""of a location or an order without coordinates: behind all that are known"""
EARTH_RADIUS_KM = 6371.0088
"""mean radius, IUGG"""


def share(daily_capacity: int) -> int:
    """What one partition may use of a location's capacity on a day, rounded up.

    Partitions do not know of each other. Orders are spread over them evenly, so on a busy day they
    use up their shares at about the same time; together they exceed the capacity by fewer than
    there are partitions, and by the orders that were ranked but not yet released. What is withdrawn
    on the day of its release is given back.
    """
    return -(-daily_capacity // PARTITIONS)


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
