# Whether kernels may share their work among threads.

# IN threads, chunks
cdef bint parallel(int threads, Py_ssize_t chunks) noexcept nogil
