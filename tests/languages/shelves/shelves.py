"""A list and a map that grow for many rounds, changed and read by numbers that look like chance: what is read must be the same everywhere."""

from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from pelton_guest import Key, List, Map, Out, Rows, State, Timers, Timestamp, keyed, s32, u32, u64

NAMES = ["", "a", "a\0", "ü"]
ROUNDS = 12
NEXT = 0
MASK = 2**64 - 1


class Begin(NamedTuple):
    start: int


@dataclass
class Drawn:
    round: int
    drawn: u64


class Queued(NamedTuple):
    n: s32
    x: float | None


class Place(NamedTuple):
    late: bool
    id: u32
    name: str


class Book(NamedTuple):
    n: int
    note: str | None


class Told(NamedTuple):
    sum: u64
    length: int
    books: int


class Round:
    def __init__(self, drawn: int, queue: List[Queued], shelf: Map[Place, Book]) -> None:
        self.drawn, self.queue, self.shelf, self.sum = drawn, queue, shelf, 0

    def pick(self, below: int) -> int:
        self.drawn = (self.drawn * 6364136223846793005 + 1442695040888963407) & MASK
        return (self.drawn >> 33) % below

    def mix(self, value: int) -> None:
        self.sum = (self.sum * 31 + value) & MASK

    def mix_book(self, place: Place, book: Book) -> None:
        self.mix(place.late * 1000 + place.id)
        self.mix(NAMES.index(place.name))
        self.mix(book.n)
        self.mix(7 if book.note is None else len(book.note))

    def place(self) -> Place:
        return Place(self.pick(2) == 1, self.pick(60), NAMES[self.pick(4)])

    def grow(self) -> None:
        """Changes what is gone through: each book comes once."""
        for place, book in self.shelf.items():
            self.shelf[place] = book._replace(n=book.n + 1)

    def step(self) -> None:
        pick, mix, queue, shelf = self.pick, self.mix, self.queue, self.shelf
        what = pick(16)
        if what < 5:
            place, n, number = self.place(), pick(1000) - 500, pick(300)
            shelf[place] = Book(n, None if number < 100 else f"n{number}")
        elif what == 5:
            shelf.discard(self.place())
        elif what == 6:
            place = self.place()
            book = shelf.get(place)
            if book is None:
                mix(1)
            else:
                self.mix_book(place, book)
        elif what < 9:
            for _ in range(pick(6) + 1):
                n = pick(1000)
                queue.append(Queued(n, n / 4 if n % 2 else None))
        elif what == 9:
            for _ in range(pick(4)):
                mix(queue.popleft().n if queue else 3)
        elif what == 10:
            at = pick(60)
            found = queue[at : at + 1]
            mix(found[0].n if found else 5)
        elif what in (11, 12):
            start, stop = self.place(), self.place()
            through = shelf.items(start, stop, reverse=what == 12)
            for place, book in islice(through, pick(50)):
                self.mix_book(place, book)
        elif what == 13:
            start = pick(50)
            for queued in queue[start : start + pick(50)]:
                mix(queued.n if queued.x is None else int(queued.x * 4) + 9)
        elif what == 14:
            for queued in islice(reversed(queue), pick(40)):
                mix(queued.n)
        else:
            rare = pick(20)
            if rare == 0:
                shelf.clear()
            elif rare == 1:
                queue.keep_last(10)
            elif rare == 2:
                queue.clear()
            elif rare < 5:
                self.grow()
            else:
                mix(len(queue))


@keyed
def shelves(
    user: Key[str], begins: Rows[Begin], state: State[Drawn], queue: List[Queued], shelf: Map[Place, Book], timers: Timers, out: Out[Told]
) -> None:
    for begin in begins:
        state.value = Drawn(0, begin.start & MASK)
        timers.set(NEXT, Timestamp(0))
    for _ in timers.due():
        this = Round(state.value.drawn, queue, shelf)
        for _ in range(200):
            this.step()
        books = 0
        for place, book in shelf.items():
            books += 1
            this.mix_book(place, book)
        state.value = Drawn(state.value.round + 1, this.drawn)
        out.emit(Told(this.sum, len(queue), books))
        if state.value.round < ROUNDS:
            timers.set(NEXT, Timestamp(0))
