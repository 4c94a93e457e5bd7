"""What runs in the processes that prepare rows: nothing here may import a model before Django is set up."""

import pickle

import django

homes = []


def start(pickled):
    django.setup()
    homes[:] = pickle.loads(pickled)  # noqa: S301 - our own parent's


def prepare(*arguments):
    from tracker.generator import lives

    return lives.prepare(*arguments, homes)
