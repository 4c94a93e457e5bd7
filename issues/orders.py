"""The orders in which issues are listed, by the names that every door knows."""

from datetime import datetime

from issues.keyset import Order

ORDERS = {
    "-number": Order(),
    "number": Order(id_descending=False),
    "-created": Order("created_at", True, True, datetime),
    "created": Order("created_at", False, False, datetime),
    "-updated": Order("updated_at", True, True, datetime),
    "updated": Order("updated_at", False, False, datetime),
    "level": Order("level_rank", False, True, int),
}
NEWEST_FIRST = "-number"
# Only for what is searched for by words; the column is that of `search.ranked`.
RELEVANCE = "relevance"
ORDERS[RELEVANCE] = Order("relevance", True, True, int)
