"""Log lines and metrics, and the ways by which Python's own `print` and `logging` reach the job's log."""

from __future__ import annotations

import io
import linecache
import logging
import posixpath
import sys
import time
from types import ModuleType

from . import _wire

LEVELS = ("trace", "debug", "info", "warn", "error")


class Log:
    """`log.info("…")`: a line for the job's log. So do `print` and the module `logging`."""

    def trace(self, message: object) -> None:
        write("trace", str(message))

    def debug(self, message: object) -> None:
        write("debug", str(message))

    def info(self, message: object) -> None:
        write("info", str(message))

    def warn(self, message: object) -> None:
        write("warn", str(message))

    def error(self, message: object) -> None:
        write("error", str(message))


log = Log()


class Recorded:
    """What a test's calls logged and counted, in the place of a host."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.counters: dict[str, int] = {}
        self.gauges: dict[str, float] = {}


recorded: Recorded | None = None


def write(level: str, message: str) -> None:
    if _wire.IN_COMPONENT:
        _wire.host.log(getattr(_wire.host.Level, level.upper()), message)
    elif recorded is not None:
        recorded.lines.append((level, message))


def counter(name: str, delta: int = 1) -> None:
    """Adds to the counter `operator.name` of the job's metrics."""
    if _wire.IN_COMPONENT:
        _wire.host.counter(name, delta)
    elif recorded is not None:
        recorded.counters[name] = recorded.counters.get(name, 0) + delta


def gauge(name: str, value: float) -> None:
    """Sets the gauge `operator.name` of the job's metrics."""
    if _wire.IN_COMPONENT:
        _wire.host.gauge(name, value)
    elif recorded is not None:
        recorded.gauges[name] = value


class _Lines(io.TextIOBase):
    """A standard stream whose lines go to the log."""

    def __init__(self, level: str) -> None:
        self._level, self._line = level, ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            write(self._level, line)
        return len(text)

    def flush(self) -> None:
        if self._line:
            write(self._level, self._line)
            self._line = ""


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        at = min(max(record.levelno // 10, 0), 4)
        level = ("trace", "debug", "info", "warn", "error")[at]
        for line in self.format(record).split("\n"):
            write(level, line)


def attach() -> None:
    """Leads `print` and `logging` to the job's log, within a component."""
    if not _wire.IN_COMPONENT or isinstance(sys.stdout, _Lines):
        return
    sys.stdout, sys.stderr = _Lines("info"), _Lines("warn")
    root = logging.getLogger()
    root.handlers = [_Handler()]
    if root.level == logging.WARNING:
        root.setLevel(logging.INFO)


#: Lines of the author's sources by file, read while the component is built: there are no files when it runs.
sources: dict[str, list[str]] = {}


def remember(module: ModuleType) -> None:
    """Keeps the source of `module` for `failed`."""
    path = getattr(module, "__file__", None)
    if path:
        sources[path] = linecache.getlines(path)


def failed(error: BaseException) -> None:
    """Logs where an exception came from; the last line says it all, for the trap that follows."""
    places, own = [], None
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        name = posixpath.basename(code.co_filename)
        place = f"{name}:{step.tb_lineno} in {code.co_name}"
        lines = sources.get(code.co_filename, [])
        places.append(f"  {place}: {lines[step.tb_lineno - 1].strip()}" if step.tb_lineno <= len(lines) else f"  {place}")
        if code.co_filename in sources or own is None:
            own = place
        step = step.tb_next
    for place in places:
        write("error", place)
    write("error", f"{own}: {type(error).__name__}: {error}")


def flush() -> None:
    """Lets out what `print(…, end="")` left, at the end of a call."""
    if _wire.IN_COMPONENT:
        sys.stdout.flush()
        sys.stderr.flush()


def set_clock(now: int) -> None:
    """Makes the module `time` tell the batch's time (µs since 1970): there is no other clock in a component.

    `datetime.now()` cannot be led to it, and traps.
    """
    if not _wire.IN_COMPONENT:
        return
    seconds, nanoseconds = now / 1_000_000, now * 1_000
    for name in ("time", "monotonic", "perf_counter", "process_time"):
        setattr(time, name, lambda: seconds)
        setattr(time, f"{name}_ns", lambda: nanoseconds)
