# How a run, or a part of one, ended. core/status.py makes a Python enumeration of it.
cdef enum Status:
    RUNNING = 0        # every requested output was delivered
    STEP_LIMIT = 1
    TIME_LIMIT = 2
    STEP_SIZE = 3
    NON_FINITE = 4
    RHS_FAILED = 5
    INTERRUPTED = 6
    EVENT = 7
    UNTIL = 8          # of the drive alone
