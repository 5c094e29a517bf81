"""Makes the events of an auction house as CSV files without headers: generate.py DIRECTORY.

    persons-NN.csv   id, name, email_address, credit_card, city, state, date_time, extra
    auctions-NN.csv  id, item_name, description, initial_bid, reserve, date_time, expires, seller, category, extra
    bids-NN.csv      auction, bidder, price, channel, url, date_time, extra
    side_input.csv   key, value

As in Nexmark, of every 50 events one is a person, three are auctions and 46 are bids. They come in stretches of ten minutes around
the hours at which q14 to q17 change their minds. Made to be hard: one row in four is up to two seconds late, bids name auctions that
open later, have closed, or never open, prices have ties, and texts have commas, quotes and line ends. Many files make many epochs.

The same files each time: of Python's random numbers, only `random()` is promised to stay as it is.
"""

import csv
import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

STRETCHES = [
    datetime(2026, 3, 2, 6, 55),
    datetime(2026, 3, 2, 18, 55),
    datetime(2026, 3, 2, 23, 55),
    datetime(2026, 3, 3, 7, 55),
    datetime(2026, 3, 3, 19, 55),
]
EVENTS_PER_STRETCH = 6_000
GAP_MS_MAX = 200
LATE_SHARE = 0.25
LATE_MS_MAX = 2_000
FILES = 20

FIRST_ID = 1_000
# Ids are drawn from those of late, and of this many that are still to come.
LEAD = 3
RECENT_PERSONS = 60
RECENT_AUCTIONS = 60
SIDE_KEYS = 10_000

CITIES = ["Bend", "Boise", "Cheyenne", "Kent", "Los Angeles", "Phoenix", "Portland", "Redmond", "San Francisco", "Seattle"]
STATES = ["AZ", "CA", "ID", "OR", "WA", "WY"]
CHANNELS = ["Apple", "Baidu", "Facebook", "Google"]
ITEMS = ["anvil", "bell", "clock", "door", "easel", "flute", "globe", "harp"]

Event = tuple[datetime, list[object]]


class House:
    """Draws events, and knows how many persons and auctions there were."""

    def __init__(self) -> None:
        self.random = Random(2015).random
        self.persons = 0
        self.auctions = 0

    def below(self, bound: int) -> int:
        return int(self.random() * bound)

    def one_of(self, values: list[str]) -> str:
        return values[self.below(len(values))]

    def letters(self, least: int, most: int) -> str:
        return "".join(chr(ord("a") + self.below(10)) for _ in range(least + self.below(most - least + 1)))

    def price(self) -> int:
        """From 100 to 100,000,000, two digits and zeros: small ones are as frequent as great ones, and some are equal."""
        digits = self.random() * 6
        return 100 * int(round(10**digits, 1 - int(digits)))

    def recent(self, count: int, window: int) -> int:
        """One of the last ids, or one that is still to come."""
        oldest = max(count - window, 0)
        return FIRST_ID + oldest + self.below(count - oldest + LEAD)

    def popular(self, count: int, step: int, window: int) -> int:
        """Half of the time the id that all others take too."""
        if self.random() < 0.5:
            return FIRST_ID + max(count - 1, 0) // step * step
        return self.recent(count, window)

    def person(self, time: datetime) -> list[object]:
        id, self.persons = FIRST_ID + self.persons, self.persons + 1
        name = f"{self.one_of(ITEMS)} {self.letters(3, 8)}".title()
        card = " ".join(f"{self.below(10_000):04}" for _ in range(4))
        city, state = self.one_of(CITIES), self.one_of(STATES)
        return [id, name, f"{self.letters(3, 8)}@example.org", card, city, state, text(time), self.letters(1, 30)]

    def auction(self, time: datetime) -> list[object]:
        id, self.auctions = FIRST_ID + self.auctions, self.auctions + 1
        expires = time + timedelta(milliseconds=1_000 + self.below(59_000))
        item = self.one_of(ITEMS)
        description = [f'the {item}, "as new"', f"one {item}\nof two", f"{item}"][self.below(3)]
        initial = self.price()
        seller = self.popular(self.persons, 1, RECENT_PERSONS)
        category = 10 + self.below(5)
        times = [text(time), text(expires)]
        return [id, item, description, initial, 2 * initial, *times, seller, category, self.letters(1, 30)]

    def bid(self, time: datetime) -> list[object]:
        auction = self.popular(self.auctions, 20, RECENT_AUCTIONS)
        bidder = self.popular(self.persons, 10, RECENT_PERSONS)
        channel = self.one_of(CHANNELS) if self.random() < 0.5 else f"channel-{self.below(100)}"
        url = f"https://www.example.org/{self.letters(5, 5)}/item.htm?query=1&channel_id={self.below(1_000)}"
        return [auction, bidder, self.price(), channel, url, text(time), self.letters(1, 30)]

    def kinds(self) -> list[Callable[[datetime], list[object]]]:
        return [self.person, *[self.auction] * 3, *[self.bid] * 46]


def text(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")


def events() -> dict[str, list[list[object]]]:
    """The rows of each kind, in the order in which they arrive."""
    house = House()
    kinds = house.kinds()
    arrivals: dict[str, list[Event]] = {}
    for time in STRETCHES:
        for number in range(EVENTS_PER_STRETCH):
            time += timedelta(milliseconds=house.below(GAP_MS_MAX + 1))
            delay = house.below(LATE_MS_MAX + 1) if house.random() < LATE_SHARE else 0
            make = kinds[number % len(kinds)]
            arrivals.setdefault(make.__name__, []).append((time + timedelta(milliseconds=delay), make(time)))
    return {kind: [row for _, row in sorted(rows, key=lambda row: row[0])] for kind, rows in arrivals.items()}


def write(path: Path, rows: Iterable[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def generate(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for kind, rows in events().items():
        share = -(-len(rows) // FILES)
        for file in range(FILES):
            write(directory / f"{kind}s-{file:02}.csv", rows[file * share : (file + 1) * share])
    # Not every key: an inner join has something to leave out.
    write(directory / "side_input.csv", ([key, f"value {key}"] for key in range(SIDE_KEYS) if key % 7))


if __name__ == "__main__":
    generate(Path(sys.argv[1]))
