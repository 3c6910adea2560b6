"""Compiled kernels: no validation and no policy here."""
