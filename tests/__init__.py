"""The tests of Daybook, and the two profiles their properties run under."""

import os

from hypothesis import HealthCheck, settings

# On a machine that others use as well, a slow example says nothing about the code; the settings that Hypothesis chooses
# by itself where CI is set remain underneath.
_SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=False)
# Few examples keep the whole suite under five minutes on two cores, and they are the same in every run: whether a change is
# good is not left to chance. `./dev soak` searches for long, elsewhere each time.
settings.register_profile("daybook", settings(_SLOW, max_examples=25, derandomize=True, database=None))
settings.register_profile("soak", settings(_SLOW, max_examples=5_000, stateful_step_count=100))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "daybook"))
