"""All of test_debs on Debian 13."""
from test_debs import *  # noqa: F401,F403

SUITE = "trixie"
