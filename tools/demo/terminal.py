# SPDX-License-Identifier: Apache-2.0
"""What the demo shows: plain lines, colours where there is a terminal."""
import os
import shutil
import sys
import textwrap

COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")


class Trouble(Exception):
    """Something that ends the demo; the text is for the person who watches."""


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def say(text=""):
    print(text, flush=True)


def width():
    return max(60, shutil.get_terminal_size((100, 24)).columns)


def cut(text, columns=None):
    """The text in one line of so many columns."""
    columns = columns or width()
    text = " ".join(text.split())
    return text if len(text) <= columns else text[:columns - 1] + "…"


def headline(number, text):
    say()
    say(paint("1", f"{number}  {text}"))


def note(text):
    """A line below what it belongs to."""
    say("   " + cut(text, width() - 3))


def quote(text, lines=8):
    """A longer text below what it belongs to."""
    for line in textwrap.wrap(" ".join(text.split()), width() - 6, max_lines=lines, placeholder=" …",
                              break_on_hyphens=False):
        say("     " + line)


def clock(seconds):
    """12.3s, 4:05 or 1:02:03."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
