# SPDX-License-Identifier: Apache-2.0
"""Texts that the models' regular expressions match, of a length that is asked for, and texts that they do not."""
import functools
import re
import re._constants as op
import re._parser as parser

# Java's properties, as far as ASCII goes: no text made here has other letters
PROPERTIES = {"L": "a-zA-Z", "N": "0-9", "Z": " ", "P": "!-#%-*,-/:;?@[-\\]_{}", "S": "$+<=>^`|~", "M": "", "C": "\x01-\x1f"}
ODD = "!{ \\/A-:a0.\x01\t\n"  # what patterns tend not to have
VISIBLE = "!{/A-:a0.~"  # those that a header keeps


def python(pattern):
    """The pattern in Python's dialect."""
    out, inside, at = [], False, 0
    while at < len(pattern):
        found = re.match(r"\\p\{(?:Is)?(\w)\w*\}", pattern[at:])
        if found:
            letters = PROPERTIES[found.group(1)]
            out.append(letters if inside else f"[{letters}]")
            at += found.end()
            continue
        if pattern.startswith("\\u10000-\\u10FFFF", at):
            out.append("\U00010000-\U0010ffff")
            at += len("\\u10000-\\u10FFFF")
            continue
        pair = re.match(r"\\u(D[89AB]..)\\u(D[C-F]..)", pattern[at:])
        if pair:
            high, low = (int(half, 16) for half in pair.groups())
            out.append(chr(0x10000 + ((high - 0xd800) << 10) + low - 0xdc00))
            at += pair.end()
            continue
        if pattern[at] == "\\":
            out.append(pattern[at:at + 2])
            at += 2
            continue
        inside = pattern[at] == "[" or inside and pattern[at] != "]"
        out.append(pattern[at])
        at += 1
    return "".join(out)


@functools.lru_cache(None)
def compiled(pattern):
    return re.compile(python(pattern))


def matches(pattern, text):
    return compiled(pattern).fullmatch(text) is not None


def a_character(items):
    """One that the class has, a letter or digit if it can be."""
    def has(c):
        found = False
        for kind, value in items:
            if kind is op.NEGATE:
                continue
            found = found or (kind is op.LITERAL and value == ord(c)) or (
                kind is op.RANGE and value[0] <= ord(c) <= value[1]) or (
                kind is op.CATEGORY and re.match({op.CATEGORY_WORD: r"\w", op.CATEGORY_DIGIT: r"\d", op.CATEGORY_SPACE: r"\s",
                                                  op.CATEGORY_NOT_SPACE: r"\S", op.CATEGORY_NOT_WORD: r"\W",
                                                  op.CATEGORY_NOT_DIGIT: r"\D"}[value], c) is not None)
        return found != (items[0][0] is op.NEGATE)
    return next(c for c in "a0A" + "".join(map(chr, range(33, 127))) + " \t\n" if has(c))


class Text:
    """A text for a parsed pattern; `extra` characters go where the pattern repeats something."""

    def __init__(self, extra, branch):
        self.extra = extra
        self.branch = branch  # which alternative is taken

    def of(self, tree):
        return "".join(self.item(kind, value) for kind, value in tree)

    def item(self, kind, value):
        if kind is op.LITERAL:
            return chr(value)
        if kind is op.NOT_LITERAL:
            return "a" if value != ord("a") else "b"
        if kind is op.ANY:
            return "a"
        if kind is op.IN:
            return a_character(value)
        if kind is op.BRANCH:
            return self.of(value[1][self.branch % len(value[1])])
        if kind is op.SUBPATTERN:
            return self.of(value[3])
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            return self.repeat(*value)
        if kind in (op.AT, op.ASSERT, op.ASSERT_NOT):
            return ""
        raise ValueError(f"a pattern with {kind}")

    def repeat(self, low, high, tree):
        out = "".join(self.of(tree) for _ in range(low))
        unit = Text(0, self.branch).of(tree)
        more = min(self.extra // len(unit), high - low if high is not op.MAXREPEAT else 1 << 30) if unit else 0
        self.extra -= more * len(unit)
        return out + unit * more


@functools.lru_cache(None)
def text(pattern, low, high):
    """A matching text of low to high characters, as short as it goes; None when none was found."""
    if pattern is None:
        return "a" * low
    tree = parser.parse(python(pattern))
    for branch in range(4):
        shortest = len(Text(0, branch).of(tree))
        for wanted in range(max(low, shortest), min(high, max(low, shortest) + 3) + 1):
            made = Text(wanted - shortest, branch).of(tree)
            if low <= len(made) <= high and matches(pattern, made):
                return made
    return None


@functools.lru_cache(None)
def mismatch(pattern, low, high, visible):
    """A text of that length that does not match; None when all do."""
    good = text(pattern, low, high) or ""
    for c in VISIBLE if visible else ODD:
        for made in (good[:-1] + c, c + good[1:], c * max(low, 1), good + c):
            if low <= len(made) <= high and not matches(pattern, made):
                return made
    return None
