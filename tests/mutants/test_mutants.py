"""Whether the bugs of planted.toml still fit the sources: `make mutants` plants them, which takes longer."""

import collections
import unittest

import run

#: At least so many; fewer than there are, so that one can be taken back.
LEAST = 30


class Planted(unittest.TestCase):
    def test_each_bug_applies_once_and_changes_something(self):
        for mutant in run.mutants():
            with self.subTest(mutant["name"]):
                text = (run.REPOSITORY / mutant["file"]).read_text()
                self.assertNotEqual(run.mutated(mutant, text), text)

    def test_a_bug_that_does_not_fit_is_an_error(self):
        mutant = {"name": "x", "file": "y", "find": "one", "put": "two"}
        self.assertEqual(run.mutated(mutant, "one three"), "two three")
        for text in ["three", "one one"]:
            self.assertRaises(ValueError, run.mutated, mutant, text)

    def test_each_bug_names_a_test_that_is_there(self):
        for mutant in run.mutants():
            with self.subTest(mutant["name"]):
                binary, *_, name = mutant["test"].split("::")
                folders = {"core": "host/core/src", "checkpoint": "host/src/checkpoint", "engine": f"tests/{binary}"}
                sources = run.REPOSITORY / folders[mutant["part"]]
                found = [path for path in sources.rglob("*.rs") if f"fn {name}()" in path.read_text()]
                self.assertEqual(len(found), 1, f"{mutant['test']} is in {found}")

    def test_names_are_distinct(self):
        names = collections.Counter(mutant["name"] for mutant in run.mutants())
        self.assertEqual([name for name, count in names.items() if count > 1], [])
        self.assertGreaterEqual(len(names), LEAST)


if __name__ == "__main__":
    unittest.main()
