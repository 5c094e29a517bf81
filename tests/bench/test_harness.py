"""Tests of the benchmark's own arithmetic: python3 -m unittest discover -s tests/bench."""

import json
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

import checkpoint
import keyed
import peers
import summary
import windows
import ysb
from harness import answer, events, marginal, plot, recovery
from harness.marginal import Cost
from harness.measure import Run, RunFailed, child, figure
from harness.programs import Repeated, Size, pelton_answer
from harness.queries import FILES, QUERIES, Steady
from harness.report import CPU_RATE, RATE, Goal, Samples, row, write_json

Q1, RUN, Q7, WC = (QUERIES[name] for name in ("q1", "run", "q7", "wc"))
RIGHT = {"rows": 3, "auction": 6, "bidder": 9, "price": 1.5, "price_units": 7, "ts": 5, "checksum_ts": 11}
SUMMARY = {
    "event": "summary",
    "rows_in": 4,
    "sinks": [{"name": "out", "rows": 3, "details": [["checksum euro", "000000000000001f"], ["checksum ts", "0b"]]}],
}
# 2026-03-02T12:00:00, in milliseconds since 1970.
START = 1_772_452_800_000


def run(rate: float, cpu_seconds: float = 1.0, peak_bytes: int = 1 << 20) -> Run:
    return Run(rows=1000, wall_seconds=1000 / rate, cpu_seconds=cpu_seconds, peak_bytes=peak_bytes)


class Answers(unittest.TestCase):
    def test_right_sums_and_checksums_are_accepted(self):
        answer.check("it", Q1, RIGHT | {"price": 1.5 + 1e-12, "ts": 5 - answer.WORD}, RIGHT)

    def test_a_wrong_number_is_refused(self):
        for name in RIGHT:
            with self.assertRaises(answer.WrongAnswer):
                answer.check("it", Q1, RIGHT | {name: RIGHT[name] + 1}, RIGHT)

    def test_a_column_without_a_number_is_refused(self):
        with self.assertRaises(answer.WrongAnswer):
            answer.check("it", Q1, {"rows": 3, "auction": 6, "bidder": 9, "price": 1.5}, RIGHT)

    def test_an_answer_without_rows_is_refused(self):
        with self.assertRaises(answer.WrongAnswer):
            answer.check("it", Q1, {name: RIGHT[name] for name in RIGHT if name != "rows"}, RIGHT)

    def test_the_last_line_of_pelton_is_its_answer(self):
        output = f'{{"event":"progress"}}\n{json.dumps(SUMMARY)}\n'
        self.assertEqual(pelton_answer(output, 4), {"rows": 3, "checksum_price": 31, "checksum_ts": 11})

    def test_rows_that_pelton_did_not_read_are_an_error(self):
        with self.assertRaises(RunFailed):
            pelton_answer(json.dumps(SUMMARY), 5)


class KeyedAnswers(unittest.TestCase):
    def test_only_the_last_update_of_a_group_counts(self):
        found = answer.of_rows(RUN, ["bidder,price,count\n1,0.5,1\n2,4.0,1\n1,0.75,2\n"])
        self.assertEqual((found["rows"], found["bidder"], found["count"], found["cents"]), (2, 3, 3, 475))
        self.assertEqual(found["weighted"], (2 + 75) * 2 + (1 + 400) * 3)

    def test_words_count_as_their_crc(self):
        found = answer.of_rows(WC, ["word,count\n123456789,2\n"])
        self.assertEqual(found, {"rows": 1, "word": 0xCBF43926, "count": 2, "weighted": 2 * 0xCBF43926})

    def test_every_window_counts_and_its_start_is_in_milliseconds(self):
        rows = "7,1970-01-01T00:00:10.000000,1.25,3\n7,1970-01-01T00:00:20.000000,0.5,1\n"
        found = answer.of_rows(Q7, [f"bidder,window_start,price,count\n{rows}"])
        self.assertEqual((found["rows"], found["window_start"], found["cents"], found["price"]), (2, 30_000, 175, 1.75))
        self.assertEqual(found["weighted"], (3 + 125) * 10_007 + (1 + 50) * 20_007)

    def test_counts_that_change_places_are_noticed(self):
        one = answer.of_rows(RUN, ["bidder,price,count\n1,1.0,5\n2,1.0,6\n"])
        other = answer.of_rows(RUN, ["bidder,price,count\n1,1.0,6\n2,1.0,5\n"])
        with self.assertRaisesRegex(answer.WrongAnswer, "weighted"):
            answer.check("it", RUN, one, other)

    def test_updates_have_to_be_the_same_in_every_run(self):
        repeated, size = Repeated(), Size("1m", 1, Path("/"), {})
        repeated.check("it", RUN, size, {"rows": 1})
        repeated.check("it", RUN, size, {"rows": 1})
        with self.assertRaises(answer.WrongAnswer):
            repeated.check("it", RUN, size, {"rows": 2})


class Arguments(unittest.TestCase):
    def test_queries_are_chosen_by_name(self):
        self.assertEqual([query.name for query in peers.arguments(["--queries", "q5,q1"]).queries], ["q1", "q5"])

    def test_every_program_has_something_to_do_for_each_query(self):
        for query in QUERIES.values():
            self.assertTrue(query.natives and query.sparks and query.flinks)
            self.assertGreater(FILES[query.steady.set] * 250_000 * query.steady.times, query.steady.warm_rows + 1_000_000)
            self.assertTrue({*query.spark_sizes, query.spark_trial} <= FILES.keys())


class Children(unittest.TestCase):
    def test_a_child_is_measured(self):
        output, measured = child(["sh", "-c", "echo said; i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done"], 7, Path("/"))
        self.assertEqual((output, measured.rows), ("said\n", 7))
        self.assertGreater(measured.cpu_seconds, 0)

    def test_a_child_that_fails_is_an_error_with_its_complaint(self):
        with self.assertRaisesRegex(RunFailed, "no such thing"):
            child(["sh", "-c", "echo no such thing >&2; exit 3"], 1, Path("/"))


class Costs(unittest.TestCase):
    def test_what_both_runs_took_is_in_no_cost(self):
        short, long = Run(1_000_000, 9, 2.5, 1), Run(3_000_000, 9, 4.5, 1)
        self.assertEqual(marginal.between(short, long), 1.0)
        with self.assertRaisesRegex(RunFailed, "too busy"):
            marginal.between(Run(1, 1, 2.0, 1), Run(2, 1, 1.9, 1))

    def test_a_row_that_was_refused_is_an_error(self):
        summary = {"event": "summary", "interrupted": False, "rows_in": 4, "rows_rejected": 0, "rows_late": 0}
        marginal.check(json.dumps(summary), 4)
        for wrong in ({"rows_in": 3}, {"rows_rejected": 1}, {"rows_late": 1}, {"interrupted": True}):
            with self.assertRaises(RunFailed):
                marginal.check(json.dumps(summary | wrong), 4)

    def test_windows_are_flat_if_no_length_costs_a_fifth_more(self):
        costs = {10: [Cost(1, 1), Cost(2, 1), Cost(1, 1)], 3_600: [Cost(1.1, 1), Cost(2.5, 1), Cost(1.3, 1)]}
        found = {row.id: (row.measured, row.met) for row in windows.compare(costs)}
        self.assertEqual(found["windows-3600-flat"], (1.25, False))
        costs = {10: [Cost(1, 3 << 20)], 60: [Cost(1, 4 << 20)]}
        self.assertEqual({row.id: row.peaks for row in windows.compare(costs)}["windows-60-flat"], (4, 3))
        self.assertEqual(found["windows-10-cpu"], (1, None))
        self.assertNotIn("windows-10-flat", found)

    def test_windows_are_measured_over_whole_turns_of_each(self):
        self.assertTrue(all(windows.TURN % (panes * windows.ROWS_PER_PANE) == 0 for panes in windows.PANES))

    def test_most_keys_are_held_against_the_fewest(self):
        costs = {("aggregate", "zipf", keys): [Cost(cost, 1 << 20)] for keys, cost in (("1 K", 0.25), ("10 M", 0.5))}
        found = {row.id: (row.measured, row.met) for row in keyed.compare_keys(costs)}
        self.assertEqual(found["keys-aggregate-zipf"], (2, True))
        self.assertEqual(found["keys-aggregate-zipf-10m-peak"], (1, None))

    def test_a_second_core_is_worth_the_median_of_its_rounds(self):
        pairs = [(run(one), run(two, peak_bytes=5 << 20)) for one, two in ((1e6, 2e6), (1e6, 1.7e6), (2e6, 3e6))]
        found = {row.id: row for row in keyed.compare_cores({"q7": pairs})}
        self.assertAlmostEqual(found["cores-q7"].measured, 1.7)
        self.assertIs(found["cores-q7"].met, False)
        self.assertAlmostEqual(found["cores-q7-2"].measured, 2)

    def test_peak_memory_stands_beside_the_worth_of_a_core(self):
        pairs = [(run(1, peak_bytes=peak << 20), run(2, peak_bytes=2 * peak << 20)) for peak in (3, 9, 4)]
        found = {row.id: row for row in keyed.compare_cores({"q5": pairs})}
        self.assertEqual(found["cores-q5"].peaks, (8, 4))
        self.assertEqual([found[f"cores-q5-{threads}"].peaks for threads in (1, 2)], [(4,), (8,)])
        self.assertEqual([found[f"cores-q5-{threads}-peak"].measured for threads in (1, 2)], [4, 8])

    def test_settings_name_the_keys(self):
        case = keyed.case("keys-none", "zipf", "10 K")
        self.assertEqual(case.settings, ("source.rows.columns.key={ zipf = { n = 10000, s = 1.0 } }",))


class Checkpoints(unittest.TestCase):
    def test_a_checkpoint_is_held_against_the_run_without_of_its_round(self):
        kept = [
            checkpoint.Kept(run(with_, cpu_seconds=1.2, peak_bytes=3 << 20), run(without, peak_bytes=2 << 20), snapshots=2, changed=0.1)
            for with_, without in ((9, 10), (20, 21), (85, 100))
        ]
        found = {row.id: row for row in checkpoint.compare_state(kept)}
        self.assertEqual((found["checkpoint-g8-rate"].measured, found["checkpoint-g8-rate"].met), (0.9, True))
        self.assertEqual(found["checkpoint-g8-rate"].peaks, (3, 2))
        self.assertAlmostEqual(found["checkpoint-g8-cpu"].measured, 1.2)
        self.assertEqual(found["checkpoint-g8-between"].measured, 1000 / 20 / 2)
        self.assertEqual(found["checkpoint-g8-changed"].measured, 0.1)
        missed = {row.id: row.met for row in checkpoint.compare_kept("q1", "q1", kept, checkpoint.ROWS_GOAL)}
        self.assertEqual(missed, {"q1-with": None, "q1-without": None, "q1-rate": False, "q1-cpu": None})

    def test_keys_that_changed_are_the_results_behind_the_first_epoch(self):
        summary = {"event": "summary", "epochs": 11, "rows_out": 2_000_000}
        self.assertEqual(checkpoint.changed(f'{{"event":"progress"}}\n{json.dumps(summary)}'), 0.1)

    def test_snapshots_are_counted_by_the_numbers_of_their_files(self):
        names = ["files/0000000001-0000000024-state", "files/0000000001-0000000025-state"]
        engine = {"name": "files/0000000001-0000000026-engine"}
        snapshot = {"engine": engine, "operators": [{"operator": "totals", "partitions": [{"name": name} for name in names]}]}
        self.assertEqual(checkpoint.snapshots(json.dumps({"last": {"snapshot": snapshot}})), 9)

    def test_what_has_come_out_is_told_by_the_last_whole_line(self):
        with tempfile.TemporaryDirectory() as directory:
            out = Path(directory)
            self.assertEqual(recovery.shown(out), 0)
            out.joinpath("part-00000.csv").write_text("0\n1\n2")
            self.assertEqual(recovery.shown(out), 2)
            out.joinpath("part-00001.csv").write_text("3")
            self.assertEqual(recovery.shown(out), 2)
            out.joinpath("part-00001.csv").write_text("".join(f"{number}\n" for number in range(3, 10_000)) + "10")
            out.joinpath("_manifest.jsonl").write_text("{}\n")
            self.assertEqual(recovery.shown(out), 10_000)

    def test_rows_of_the_growing_file_are_over_all_keys_and_then_over_a_tenth_of_them(self):
        keys = [int(line.split(b",")[1]) for line in recovery.lines(recovery.KEYS - 2, recovery.KEYS + 2).splitlines()]
        self.assertEqual(keys, [999_998, 999_999, 12_500, 12_501])
        later = recovery.lines(recovery.FIRST_ROWS, recovery.FIRST_ROWS + 4 * recovery.RATE).splitlines()
        self.assertAlmostEqual(len({line.split(b",")[1] for line in later}) / recovery.KEYS, 0.1, 2)

    def test_rows_that_are_computed_again_are_allowed_their_time(self):
        self.assertEqual(recovery.again('{"again": 26, "republish": 3}'), 26)
        found = [recovery.Recovery(seconds, 500_000, 1e6) for seconds in (1.2, 1.4, 9)]
        rows = {row.id: (row.measured, row.met) for row in checkpoint.compare_recovery(found)}
        self.assertEqual({name: met for name, (_, met) in rows.items()}, {"recovery-total": None, "recovery-again": None, "recovery": True})
        self.assertAlmostEqual(rows["recovery"][0], 0.9)

    def test_a_quick_round_is_long_enough_for_snapshots(self):
        options = checkpoint.arguments(["--quick", "--only", "state"])
        self.assertEqual((options.rounds, options.only), (3, ["state"]))
        self.assertGreater(options.rows // (64 << 20 >> 4), 5)


def make_events(directory: str, *lines: tuple[str, str, str], file: str = "a.jsonl") -> Path:
    """A directory of events: advertisement, kind and time of day on 2 March 2026. Advertisements a and b are of campaign x."""
    folder = Path(directory, "events", "json")
    folder.mkdir(parents=True, exist_ok=True)
    Path(directory, "ads.csv").write_text("ad_id,campaign_id\na,x\nb,x\n")
    found = [{"ad_id": ad, "event_type": kind, "event_time": f"2026-03-02T{time}"} for ad, kind, time in lines]
    folder.joinpath(file).write_text("".join(json.dumps(line) + "\n" for line in found))
    return Path(directory)


class Views(unittest.TestCase):
    QUERY = ysb.query_of(ysb.arguments(["--quick"]))

    def test_views_count_by_campaign_and_window(self):
        with tempfile.TemporaryDirectory() as directory:
            lines = [("a", "view", "12:00:19.999"), ("b", "view", "12:00:10"), ("a", "click", "12:00:25"), ("c", "view", "12:00:10")]
            found = events.counted(make_events(directory, *lines))
        self.assertEqual(found, events.Views({("x", START + 10_000): 2}, START + 19_999))

    def test_rows_of_the_job_are_read_by_campaign_and_window(self):
        text = "campaign_id,window_start,views\nx,2026-03-02T12:00:10.000000,2\n"
        self.assertEqual(ysb.rows_of(text), {("x", START + 10_000): 2})

    def test_times_are_cut_to_milliseconds(self):
        times = {"2026-03-02T12:00:00": 0, "2026-03-02T12:00:00.065": 65, "2026-03-02T12:00:09.999999": 9_999}
        self.assertEqual({text: events.milliseconds(text) - START for text in times}, times)

    def test_a_stream_does_not_close_the_windows_that_its_watermark_has_not_passed(self):
        def rows(latest: int) -> tuple[int, int]:
            views = events.Views({("x", START): 2, ("y", START): 3, ("x", START + 10_000): 1}, START + latest)
            return views.answer()["rows"], views.answer(is_stream=True)["rows"]

        self.assertEqual([rows(10_999), rows(11_000), rows(20_999), rows(21_000)], [(3, 0), (3, 2), (3, 2), (3, 3)])

    def test_counts_that_change_places_are_noticed(self):
        one = events.Views({("x", 0): 2, ("y", 0): 3}, 0).answer()
        other = events.Views({("x", 0): 3, ("y", 0): 2}, 0).answer()
        self.assertEqual({name for name in one if one[name] != other[name]}, {"weighted"})
        with self.assertRaisesRegex(answer.WrongAnswer, "weighted"):
            answer.check("it", self.QUERY, one, other)

    def test_events_are_read_again_as_later_ones(self):
        rows = 200_000
        with tempfile.TemporaryDirectory() as directory:
            first = make_events(str(Path(directory, "ysb")), ("a", "view", "12:00:01"), file="part-0.jsonl")
            again = events.repeated(first, rows, times=3)
            names = [path.name for path in events.json_files(again)]
            views = events.counted(first).repeated(rows, times=3)
        self.assertEqual(names, ["0000000000-part-0.jsonl", "0000020000-part-0.jsonl", "0000040000-part-0.jsonl"])
        self.assertEqual(views.counts, {("x", START + later): 1 for later in (0, 20_000, 40_000)})
        self.assertEqual(views.latest, START + 41_000)
        with self.assertRaises(ValueError):
            events.later_ms(50_000, 1)

    def test_windows_that_are_read_again_add_up_where_they_meet(self):
        # The first events are up to half a second late, so they are of the window before.
        views = events.Views({("x", START - 10_000): 1, ("x", START): 5}, START + 9_999)
        self.assertEqual(views.repeated(100_000, times=2).counts, {("x", START - 10_000): 1, ("x", START): 6, ("x", START + 10_000): 5})

    def test_flink_is_measured_behind_its_warm_up(self):
        for given in ([], ["--quick"]):
            options = ysb.arguments(given)
            query = ysb.query_of(options)
            self.assertGreater(options.rows * options.times - Steady.LAST_ROWS, query.steady.warm_rows + 1_000_000)

    def test_programs_that_differ_are_not_measured(self):
        agreed, small, large = ysb.Agreed(), Size("1m", 1, Path("/"), {}), Size("2m", 1, Path("/"), {})
        agreed.check("one", small, {"rows": 1})
        agreed.check("one", large, {"rows": 2})
        agreed.check("two", small, {"rows": 1})
        with self.assertRaisesRegex(answer.WrongAnswer, "two.*one"):
            agreed.check("two", large, {"rows": 1})

    def test_goals_are_those_of_one_core(self):
        samples = Samples()
        for name, rate in ((ysb.JSON, 4e6), (ysb.ARROW, 9e6), (ysb.NATIVE, 5e6)):
            samples.add("ysb", "2m", name, 0, Run(1000, 1000 / rate, 1000 / rate, 1))
        met = {row.id: row.met for row in ysb.compare(samples, self.QUERY, "2m", "16m")}
        self.assertEqual(met, {"ysb-g6-json": True, "ysb-g6-arrow": False, "ysb-g3-native-cpu-rate": True})

    def test_peers_are_held_against_their_best_variant(self):
        samples = Samples()
        samples.add("ysb", "2m", ysb.JSON, 0, run(82, cpu_seconds=2, peak_bytes=3 << 20))
        for name, rate in (("Spark, json", 1), ("Spark, text", 2)):
            samples.add("ysb", "2m", name, 0, run(rate, peak_bytes=20 << 20))
        # The best is not the one that has most rows a second.
        for name, rate, cpu_seconds in (("Flink, text", 900, 9), ("Flink, combined", 300, 5)):
            samples.add("ysb", "16m", name, 0, run(rate, cpu_seconds=cpu_seconds, peak_bytes=10 << 20))
        found = {row.id: (round(row.measured, 3), row.met, row.peaks) for row in ysb.compare(samples, self.QUERY, "2m", "16m")}
        self.assertEqual(
            {id: each for id, each in found.items() if each[1] is not None and "g6" not in id},
            {
                "ysb-floor-spark-best-rate": (41, True, (3, 20)),
                "ysb-floor-flink-best-cpu-rate": (2.5, True, (3, 10)),
                "ysb-g5-flink-best-cpu-rate": (2.5, False, (3, 10)),
                "ysb-g5-flink-best-peak-bytes": (0.3, False, (3, 10)),
            },
        )
        self.assertEqual(found["ysb-spark-json-rate"], (82, None, (3, 20)))
        self.assertNotIn("ysb-spark-get-json-rate", found)


class Summary(unittest.TestCase):
    def test_all_goals_of_all_benchmarks_are_in_one_table(self):
        values = figure([2.0])
        boundary = {"id": "rust-out", "what": "one column", "measured": 0.75, "unit": "ns", "spread": 0.02, "goal": "≤ 1", "met": True}
        with tempfile.TemporaryDirectory() as directory:
            rows = [
                row("q1-rate", "q1", "ratio", values, Goal(at_least=3), (140.4, 2100)),
                row("q1-only-shown", "q1", "ratio", values),
            ]
            write_json(Path(directory, "peers.json"), rows)
            Path(directory, "boundary.json").write_text(json.dumps([boundary]))
            Path(directory, "peers.svg").write_text("no result")
            found, times = summary.read(Path(directory)), summary.written(Path(directory))
        self.assertRegex(times, r"^boundary\.json of \d{4}-.*, peers\.json of ")
        lines = [[cell for cell in text.split("  ") if cell] for text in summary.summary(found).splitlines()]
        cells = [[cell.strip() for cell in line] for line in lines]
        self.assertEqual(cells[2], ["boundary", "rust-out", "one column", "0.75", "ns", "≤ 1", "yes", "–"])
        self.assertEqual(cells[3], ["peers", "q1-rate", "q1", "2", "ratio", "≥ 3", "NO", "140 / 2100"])
        self.assertEqual(cells[4:], [[], ["1 of 2 goals are met"]])

    def test_only_goals_that_are_missed_are_shown_when_asked(self):
        rows = [row(name, "what", "ratio", figure([value]), Goal(at_least=1)) for name, value in (("kept", 2), ("missed", 0.5))]
        text = summary.summary({"peers": [vars(each) for each in rows]}, only_missed=True)
        self.assertIn("missed", text)
        self.assertNotIn("kept", text)
        self.assertTrue(text.endswith("1 of 2 goals are met"))


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
        samples.add("q1", "100m", "Flink, sql", 0, run(200, cpu_seconds=3, peak_bytes=15 << 20))
        found = {row.id: (row.measured, row.met) for row in peers.compare_one(samples, Q1, "5m")}
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
        peaks = {row.id: row.peaks for row in peers.compare_one(samples, Q1, "5m")}
        self.assertEqual(peaks["q1-5m-g5-flink-best-cpu-rate"], (3, 15))

    def test_keyed_goals_are_those_of_the_query(self):
        samples = Samples()
        samples.add("q7", "5m", "Pelton", 0, run(500, cpu_seconds=2, peak_bytes=3 << 20))
        samples.add("q7", "5m", "Spark, text", 0, run(10))
        samples.add("q7", "20m", "Flink, bytes", 0, run(200, cpu_seconds=5, peak_bytes=15 << 20))
        samples.add("q7", "20m", "Flink, bytes-sql", 0, run(200, cpu_seconds=8, peak_bytes=15 << 20))
        met = {row.id: row.met for row in peers.compare_one(samples, Q7, "5m")}
        self.assertEqual(
            met,
            {
                "q7-5m-floor-spark-text-rate": True,
                "q7-5m-g4-spark-text-rate": False,
                "q7-5m-flink-bytes-rate": None,
                "q7-5m-flink-bytes-sql-rate": None,
                "q7-5m-floor-flink-best-cpu-rate": True,
                "q7-5m-g5-flink-best-cpu-rate": False,
                "q7-5m-g5-flink-best-peak-bytes": True,
            },
        )

    def test_the_plot_is_xml_with_every_program(self):
        samples = Samples()
        samples.add("q7", "5m", "Pelton <&>", 0, run(5e6))
        value = samples.figure("q7", "5m", "Pelton <&>", CPU_RATE)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "plot.svg"
            plot.write(path, "title", [plot.Panel("panel", {"q7": [plot.Bar("Pelton <&>", value, True)]})])
            texts = [element.text for element in xml.parse(path).iter() if element.tag.endswith("text")]
        self.assertIn("Pelton <&>", texts)


class Expected(unittest.TestCase):
    def test_the_answers_of_files_add_up_modulo_two_to_the_64(self):
        with tempfile.TemporaryDirectory() as directory:
            for index in range(2):
                content = {"q1": {"rows": 1, "price": 0.1, "ts": answer.WORD - 1}}
                Path(directory, f"bids-{index:03d}.answers.json").write_text(json.dumps(content))
            found = answer.summed(Path(directory), 2, "q1")
        self.assertEqual(found, {"rows": 2, "price": 0.2, "ts": answer.WORD - 2})


if __name__ == "__main__":
    unittest.main()
