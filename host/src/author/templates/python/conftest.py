"""Lets tests find the module, and the SDK as `pelton build` unpacks it."""

import pathlib
import sys

here = pathlib.Path(__file__).parent
sys.path[:0] = [str(here), str(here / ".pelton/sdk/python")]
