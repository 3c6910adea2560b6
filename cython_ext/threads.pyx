"""Whether kernels may share their work among threads."""

import os

# libgomp hangs in a child of a process that has used its threads: such a child goes on with one
# thread, which gives the same numbers
cdef bint threads_used = False
cdef bint one_thread = False


def _after_fork():
    global one_thread
    one_thread = threads_used


os.register_at_fork(after_in_child=_after_fork)


cdef bint parallel(int threads, Py_ssize_t chunks) noexcept nogil:
    """IN threads, chunks.  Whether to share the chunks among the threads."""
    global threads_used
    if threads < 2 or chunks < 2 or one_thread:
        return False
    threads_used = True
    return True
