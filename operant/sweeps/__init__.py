"""Sweeps: many hyperparameters tried, those of one program trained together, and the best tried on seeds never seen.

`space` and `reading` say what may be tried, `samplers` where the next trials lie, `halving` and `population_based` who
goes on. `population` trains trials as the learners of one run, `groups` and `evolution` a batch of them, `run` a whole
sweep, and `results` says what came of it. `api` is what Python and the command line call.
"""
