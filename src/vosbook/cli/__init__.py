"""The command `vosbook`: results on stdout, progress on stderr, exit status 2 and one line for bad input.

A command is a module here: `add` says what words it takes, `run` does it. It imports its room when it runs, so that
`vosbook methods` does not wait for torch.
"""

import argparse
import io
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from vosbook.cli import (
    compare,
    compose,
    data,
    draw,
    evaluate,
    export,
    import_masks,
    methods,
    render,
    run,
    segment,
    synth,
)
from vosbook.errors import InputError
from vosbook.output import visible

COMMANDS = (
    methods,
    synth,
    compose,
    draw,
    import_masks,
    segment,
    run,
    evaluate,
    compare,
    render,
    export,
    data,
)  # as in the help


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Bad arguments get one line, like all bad input."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="vosbook", description="Video object segmentation from scratch.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


def _refuse(args: argparse.Namespace, line: str) -> int:
    print(f"vosbook {args.command}: {visible(line)}", file=sys.stderr)
    return 2


def _drop_stdout() -> None:
    """Let go of what could not be printed: Python would try again at its exit, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _mend_streams() -> None:
    """A closed stdin, stdout or stderr goes nowhere; what the terminal's encoding lacks is printed as an escape.

    A closed stream's number would else be given to the next file that is opened, and a library's complaints would be
    written into it.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for as long as the process runs
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _end_as_ctrl_c_does() -> None:
    """A kill and a closed terminal remove what was half written, as Ctrl-C does. `nohup` lets a command go on."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv` (without the program's name). Returns the exit status."""
    _mend_streams()
    args = _parser().parse_args(argv, argparse.Namespace(interrupted="nothing was kept"))
    _end_as_ctrl_c_does()
    try:
        args.run(args)
        print(end="", flush=True)  # what cannot be printed shows here, not at Python's exit
    except InputError as error:
        return _refuse(args, " ".join(str(error).split()))
    except BrokenPipeError:  # `| head` has what it wanted
        _drop_stdout()
        return 141
    except OSError as error:  # a full disk, a folder without permission
        if error.filename is None:
            _drop_stdout()
        where, why = error.filename or "the output", error.strerror or error
        return _refuse(args, f"{where} cannot be read or written ({why}): check permissions and room on the disk")
    except MemoryError:
        return _refuse(args, "this is too large for the memory: use smaller or fewer frames")
    except KeyboardInterrupt:
        print(f"vosbook {args.command}: interrupted, {args.interrupted}", file=sys.stderr)
        return 130
    return 0
