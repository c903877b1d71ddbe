# SPDX-License-Identifier: Apache-2.0
"""Asking a server: until it is so far, what it refuses, and what it said where a test has failed."""
import time

import botocore.exceptions
import pytest


def eventually(check, seconds=180, what="condition"):
    """Asks until the answer is true; returns it. The limit is a last resort."""
    end = time.monotonic() + seconds
    while True:
        got = check()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def code_of(call, **args):
    """The code of the error that the call must end with."""
    with pytest.raises(botocore.exceptions.ClientError) as e:
        call(**args)
    return e.value.response["Error"]["Code"]


def message_of(call, **args):
    """The message of the error that the call must end with."""
    with pytest.raises(botocore.exceptions.ClientError) as e:
        call(**args)
    return e.value.response["Error"]["Message"]


def standing(world):
    """The body of a fixture: something with a `server`, closed in the end."""
    try:
        yield world
    finally:
        print(world.server.stderr()[-6000:])  # shown where a test has failed
        world.close()
