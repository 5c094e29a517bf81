"""Tests of the benchmark's own arithmetic: python3 -m unittest discover -s tests/bench."""

import json
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

import peers
from harness import answer, plot
from harness.measure import Run, RunFailed, child
from harness.programs import pelton_answer
from harness.report import CPU_RATE, RATE, Samples

RIGHT = {"rows": 3, "auction": 6, "bidder": 9, "price": 1.5, "price_units": 7, "ts": 5, "checksum_ts": 11}
SUMMARY = {
    "event": "summary",
    "rows_in": 4,
    "sinks": [{"name": "out", "rows": 3, "details": [["checksum euro", "000000000000001f"], ["checksum ts", "0b"]]}],
}


def run(rate: float, cpu_seconds: float = 1.0, peak_bytes: int = 1 << 20) -> Run:
    return Run(rows=1000, wall_seconds=1000 / rate, cpu_seconds=cpu_seconds, peak_bytes=peak_bytes)


class Answers(unittest.TestCase):
    def test_right_sums_and_checksums_are_accepted(self):
        answer.check("it", RIGHT | {"price": 1.5 + 1e-12, "ts": 5 - answer.WORD}, RIGHT)

    def test_a_wrong_number_is_refused(self):
        for name in RIGHT:
            with self.assertRaises(answer.WrongAnswer):
                answer.check("it", RIGHT | {name: RIGHT[name] + 1}, RIGHT)

    def test_a_column_without_a_number_is_refused(self):
        with self.assertRaises(answer.WrongAnswer):
            answer.check("it", {"rows": 3, "auction": 6, "bidder": 9, "price": 1.5}, RIGHT)

    def test_an_answer_without_rows_is_refused(self):
        with self.assertRaises(answer.WrongAnswer):
            answer.check("it", {name: RIGHT[name] for name in RIGHT if name != "rows"}, RIGHT)

    def test_the_last_line_of_pelton_is_its_answer(self):
        output = f'{{"event":"progress"}}\n{json.dumps(SUMMARY)}\n'
        self.assertEqual(pelton_answer(output, 4), {"rows": 3, "checksum_price": 31, "checksum_ts": 11})

    def test_rows_that_pelton_did_not_read_are_an_error(self):
        with self.assertRaises(RunFailed):
            pelton_answer(json.dumps(SUMMARY), 5)


class Children(unittest.TestCase):
    def test_a_child_is_measured(self):
        output, measured = child(["sh", "-c", "echo said; i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done"], 7, Path("/"))
        self.assertEqual((output, measured.rows), ("said\n", 7))
        self.assertGreater(measured.cpu_seconds, 0)

    def test_a_child_that_fails_is_an_error_with_its_complaint(self):
        with self.assertRaisesRegex(RunFailed, "no such thing"):
            child(["sh", "-c", "echo no such thing >&2; exit 3"], 1, Path("/"))


class Ratios(unittest.TestCase):
    def test_a_ratio_is_taken_within_a_round(self):
        samples = Samples()
        for at, (one, other) in enumerate([(10, 1), (100, 20), (60, 10)]):
            samples.add("q1", "5m", "one", at, run(one))
            samples.add("q1", "5m", "other", at, run(other))
        samples.add("q1", "5m", "one", 3, run(1e9))
        ratio = samples.ratio("q1", ("5m", "one"), ("5m", "other"), RATE)
        self.assertEqual([round(value) for value in (ratio.median, ratio.least, ratio.greatest, ratio.count)], [6, 5, 10, 3])

    def test_goals_are_met_by_the_measured_ratio_alone(self):
        samples = Samples()
        samples.add("q1", "5m", "Pelton", 0, run(150, cpu_seconds=2, peak_bytes=3 << 20))
        samples.add("q1", "5m", "Spark, csv", 0, run(10))
        samples.add("q1", "5m", "native, hand", 0, run(500, cpu_seconds=1.5))
        samples.add("q1", peers.LONG, "Flink, sql", 0, run(200, cpu_seconds=3, peak_bytes=15 << 20))
        found = {row.id: (row.measured, row.met) for row in peers.compare_one(samples, "q1", "5m")}
        met = {id: met for id, (_, met) in found.items()}
        self.assertEqual(
            met,
            {
                "q1-5m-floor-spark-csv-rate": True,
                "q1-5m-g4-spark-csv-rate": False,
                "q1-5m-flink-sql-rate": False,
                "q1-5m-g5-flink-best-cpu-rate": True,
                "q1-5m-g5-flink-best-peak-bytes": True,
                "q1-5m-g3-native-hand-cpu-rate": True,
            },
        )
        self.assertAlmostEqual(found["q1-5m-g5-flink-best-cpu-rate"][0], 1.5)

    def test_the_plot_is_xml_with_every_program(self):
        samples = Samples()
        for query in peers.QUERIES:
            samples.add(query, "5m", "Pelton <&>", 0, run(5e6))
        value = samples.figure("q1", "5m", "Pelton <&>", CPU_RATE)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "plot.svg"
            plot.write(path, "title", [plot.Panel("panel", {"q1": [plot.Bar("Pelton <&>", value, True)]})])
            texts = [element.text for element in xml.parse(path).iter() if element.tag.endswith("text")]
        self.assertIn("Pelton <&>", texts)


class Expected(unittest.TestCase):
    def test_the_answers_of_files_add_up_modulo_two_to_the_64(self):
        with tempfile.TemporaryDirectory() as directory:
            for index in range(2):
                content = {"q1": {"rows": 1, "price": 0.1, "ts": answer.WORD - 1}}
                Path(directory, f"bids-{index:03d}.answers.json").write_text(json.dumps(content))
            found = answer.expected(Path(directory), 2, "q1")
        self.assertEqual(found, {"rows": 2, "price": 0.2, "ts": answer.WORD - 2})


if __name__ == "__main__":
    unittest.main()
