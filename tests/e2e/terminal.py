"""Runs a program in a terminal of its own, for tests.

    terminal.py COLUMNS ROWS EXPECTED ACTIONS PROGRAM [ARGUMENT]...

Waits until the program has written EXPECTED (after at most LIMIT_S), does the ACTIONS, a list
separated by commas, one after another, and waits for the end:

    TERM, INT, TSTP, CONT, WINCH ...   sends that signal
    40x12                              gives the terminal that size
    key:q                              types it
    wait:0.5                           waits so many seconds
    end:1234                           sends SIGTERM to that process

Prints one JSON object: what was written before the actions (before) and after (after), the status
(negative: the signal that ended it), and whether the terminal's settings are as they were.
"""

import fcntl
import json
import os
import select
import signal
import struct
import sys
import termios
import time

LIMIT_S = 30


def set_size(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def read_until(screen: int, expected: bytes | None, limit_s: float) -> bytes:
    """What comes until it has `expected`, the time is over, or the terminal is closed."""
    written = b""
    deadline = time.monotonic() + limit_s
    while (left_s := deadline - time.monotonic()) > 0:
        if not select.select([screen], [], [], min(left_s, 0.1))[0]:
            continue
        try:
            piece = os.read(screen, 65536)
        except OSError:
            break
        if piece == b"":
            break
        written += piece
        if expected is not None and expected in written:
            break
    return written


def act(action: str, child: int, screen: int) -> bytes:
    """Does it; returns what was written meanwhile."""
    if action.startswith("key:"):
        os.write(screen, action[4:].encode())
    elif action.startswith("wait:"):
        return read_until(screen, None, float(action[5:]))
    elif action.startswith("end:"):
        os.kill(int(action[4:]), signal.SIGTERM)
    elif action[0].isdigit():
        columns, rows = action.split("x")
        set_size(screen, int(columns), int(rows))
    else:
        os.kill(child, getattr(signal, "SIG" + action))
    return b""


def main() -> None:
    columns, rows, expected, actions, *command = sys.argv[1:]
    screen, keyboard = os.openpty()
    set_size(screen, int(columns), int(rows))
    settings = termios.tcgetattr(keyboard)
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(keyboard, termios.TIOCSCTTY, 0)
        for descriptor in range(3):
            os.dup2(keyboard, descriptor)
        os.closerange(3, 64)
        os.execvp(command[0], command)
    before = read_until(screen, expected.encode(), LIMIT_S)
    after = b"".join(act(action, child, screen) for action in actions.split(","))
    deadline = time.monotonic() + LIMIT_S
    ended = 0
    while ended == 0 and time.monotonic() < deadline:
        after += read_until(screen, None, 0.2)
        ended, status = os.waitpid(child, os.WNOHANG)
    if ended == 0:
        os.kill(child, signal.SIGKILL)
        ended, status = os.waitpid(child, 0)
    after += read_until(screen, None, 0.2)
    print(
        json.dumps(
            {
                "before": before.decode(errors="replace"),
                "after": after.decode(errors="replace"),
                "status": os.waitstatus_to_exitcode(status),
                "restored": termios.tcgetattr(keyboard) == settings,
            }
        )
    )


main()
