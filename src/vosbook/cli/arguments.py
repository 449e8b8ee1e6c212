"""What the words of the command line are taken for."""

import argparse
import re
from pathlib import Path


def path(text: str) -> Path:
    """A path. A shell leaves ~ as it is in --out=~/masks, so it is replaced here."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~name, and nobody is called so
        return Path(text)


def size(text: str) -> tuple[int, int]:
    """HxW, such as 240x432."""
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    height, width = (int(match[1]), int(match[2])) if match else (0, 0)
    if min(height, width) < 32 or max(height, width) > 4096:
        raise argparse.ArgumentTypeError(f"{text} is no size: write HEIGHTxWIDTH, both 32 to 4096, such as 240x432")
    return height, width


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


def shorter_side(text: str) -> int:
    """Pixels."""
    if not text.isdecimal() or int(text) < 32:
        raise argparse.ArgumentTypeError(f"{text} is no size: write the shorter side's pixels, 32 or more, such as 480")
    return int(text)


def seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time: write seconds, 0 or more")
    return number


def named_seconds(text: str) -> tuple[str, float]:
    """NAME=SECONDS, such as frtm=0.12."""
    name, _, number = text.rpartition("=")
    if not name or (value := seconds(number)) == 0:
        raise argparse.ArgumentTypeError(f"{text} is no time of a method: write NAME=SECONDS, such as frtm=0.12")
    return name, value


def rate(text: str) -> float:
    """Frames per second."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.1 <= number <= 1000:
        raise argparse.ArgumentTypeError(f"{text} is no rate: write frames per second, 0.1 to 1000")
    return number


def frame_number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is no frame: count from 0")
    return int(text)


def port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: write a number from 1 to 65535")
    return int(text)


def category(text: str) -> tuple[int, str]:
    """ID=NAME, such as 1=person."""
    number, _, name = text.partition("=")
    if not number.isdecimal() or not 1 <= int(number) <= 254 or not name.strip():
        raise argparse.ArgumentTypeError(f"{text} names no object: write ID=NAME, such as 1=person, ids from 1 to 254")
    return int(number), name.strip()
