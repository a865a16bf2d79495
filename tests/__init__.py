"""Tests, by what they hold; names of cases follow a key of their own, not this user's."""

import os

os.environ.setdefault("OPENSIRT_SITE_KEY", "the site key of the tests")
