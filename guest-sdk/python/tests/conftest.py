"""Finds the package in its source tree."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
