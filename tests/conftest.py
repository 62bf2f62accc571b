"""Hypothesis draws the same examples in every run, and takes the time it needs; an interrupt is heard."""

import signal

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# In the background of a shell interrupts are ignored, by all that is started there: tests send some to processes.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
