"""Lists and maps of state: read and changed in the call of the rows, and again, from the engine, in the calls of timers."""

from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from pelton_guest import Key, List, Map, Out, Rows, State, Timers, Timestamp, keyed, s32

TELL = 0


class Play(NamedTuple):
    song: str
    at: Timestamp


@dataclass
class Round:
    round: int


class Played(NamedTuple):
    song: str
    at: Timestamp | None


class Place(NamedTuple):
    times: s32
    song: str


class Told(NamedTuple):
    what: str
    text: str
    n: int


@keyed
def plays(
    user: Key[str],
    round: State[Round],
    plays: Rows[Play],
    recent: List[Played],
    songs: Map[str, int],
    places: Map[Place, float],
    timers: Timers,
    out: Out[Told],
) -> None:
    def tell() -> None:
        def say(what: str, words: list[str], n: int) -> None:
            out.emit(Told(what, ",".join(words), n))

        dated = sum(played.at is not None for played in recent)
        say("recent", [played.song for played in recent], len(recent))
        say("last", [played.song for played in islice(reversed(recent), 3)], dated)
        say("some", [played.song for played in recent[5:8]], len(recent[30:31]))
        every = list(songs.items())
        say("songs", [f"{song}={times}" for song, times in every], sum(times for _, times in every))
        say("below", list(islice(songs.keys(stop="s12", reverse=True), 3)), songs.get("s01", -1))
        twice = [place.song for place in places.keys(Place(2, ""), Place(3, ""))]
        say("twice", twice, sum(int(half * 4) for half in places.values()))

    for play in plays:
        times = songs.get(play.song, 0) + 1
        songs[play.song] = times
        recent.append(Played(play.song, play.at if times > 1 else None))
        places[Place(times, play.song)] = times / 2
        if times > 1:
            places.discard(Place(times - 1, play.song))
        out.emit(Told("play", play.song, times), play)
        timers.set(TELL, play.at)
    for _ in timers.due():
        number = round.value.round + 1 if round.value else 1
        round.value = Round(number)
        tell()
        popped = [recent.popleft().song for _ in range(2) if recent]
        out.emit(Told("popped", ",".join(popped), number))
        recent.keep_last(20)
        recent.append(Played("last", None))
        songs.discard("s01")
        songs["zz"] = number
        places[Place(-1, "ü")] = 0.25
        tell()
        if number == 2:
            places.clear()
        if number < 3:
            timers.set(TELL, Timestamp(0))
