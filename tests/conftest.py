"""What holds for all tests."""

from __future__ import annotations

import hypothesis

# A busy machine makes an example slow, and no code wrong.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")
