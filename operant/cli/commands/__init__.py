"""The commands, by name; each parameter is a flag, each docstring the help."""

from __future__ import annotations

from operant.cli.commands.lists import algorithms, check, environments, info, zoo
from operant.cli.commands.models import export, generate, label
from operant.cli.commands.pages import demo, ui
from operant.cli.commands.pictures import compare, diagnose, plot, show
from operant.cli.commands.playing import evaluate, record, watch
from operant.cli.commands.training import branch, resume, sweep, train

COMMANDS = {
    command.__name__: command
    for command in (
        train,
        sweep,
        resume,
        evaluate,
        watch,
        record,
        plot,
        show,
        compare,
        diagnose,
        export,
        generate,
        label,
        branch,
        ui,
        zoo,
        demo,
        algorithms,
        environments,
        check,
        info,
    )
}
