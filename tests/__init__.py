"""The tests of Daybook, and the two profiles their properties run under."""

import os

from hypothesis import HealthCheck, settings

# On a machine that others use as well, a slow example says nothing about the code; the settings that Hypothesis chooses
# by itself where CI is set remain underneath.
# Few examples keep the whole suite under five minutes on two cores; `./dev soak` searches for long.
settings.register_profile(
    "daybook", settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
)
settings.register_profile(
    "soak",
    settings(settings.get_profile("daybook"), max_examples=5_000, stateful_step_count=100, derandomize=False),
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "daybook"))
