"""Whose a key is, with history: assignments noted, applied to what comes and to what is stored."""

from analytics.keys.assign import Assigned, Moved, assign
from analytics.keys.days import BusinessDay
from analytics.keys.find import find_key
from analytics.keys.listing import assignments_frame, periods_frame
from analytics.keys.periods import Assignment, Period, periods_of
from analytics.keys.table import read_assignments

__all__ = [
    "Assigned",
    "Assignment",
    "BusinessDay",
    "Moved",
    "Period",
    "assign",
    "assignments_frame",
    "find_key",
    "periods_frame",
    "periods_of",
    "read_assignments",
]
