"""Bytes on disk: a zip archive of plain arrays (NumPy's npz) with a JSON header and a checksum.

What is read may come from anywhere. Nothing in it is executed, and nothing larger than the file is
allocated: entries are stored uncompressed, of plain numbers, and their sizes are checked first.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import secrets
import zipfile
from typing import Any

import numpy as np

from .errors import StorageError

__all__ = ["check_folder", "read_archive", "write_archive"]

_HEADER = "qsyncplug"
_CHECKSUM = "checksum"
_KINDS = "biufc"
_MOST_ENTRIES = 10**5


def write_archive(
    path: str | os.PathLike[str], header: dict[str, Any], arrays: dict[str, np.ndarray]
) -> None:
    """Write `header` (plain JSON) and `arrays` to `path`; the file is complete or absent.

    Raises
    ------
    StorageError
        An array is not of numbers.
    OSError
        The file cannot be written; of a missing folder the message names the folder.
    """
    plain = {name: _plain(name, array) for name, array in arrays.items()}
    text = json.dumps(header).encode()
    body = {_HEADER: np.frombuffer(text, dtype=np.uint8), **plain}
    body[_CHECKSUM] = np.frombuffer(_digest(body), dtype=np.uint8)
    path = os.fspath(path)
    check_folder(path)
    # a name of its own for every writer: two threads may save to one path
    partial = f"{path}.part-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        with open(partial, "xb") as f:
            with zipfile.ZipFile(f, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
                for name, array in body.items():
                    with archive.open(name + ".npy", "w", force_zip64=True) as entry:
                        np.lib.format.write_array(entry, array, allow_pickle=False)
            f.flush()
            os.fsync(f.fileno())
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)


def check_folder(path: str | os.PathLike[str]) -> None:
    """Refuse a path into a folder that does not exist, before a file of another name is made."""
    folder = os.path.dirname(os.fsdecode(path).rstrip("/"))
    if folder and not os.path.isdir(folder):
        raise FileNotFoundError(
            errno.ENOENT,
            f"path {os.fspath(path)!r}: the folder does not exist; make it first",
            folder,
        )


def _plain(name: str, value: Any) -> np.ndarray:
    array = np.asarray(value)
    if isinstance(value, np.ma.MaskedArray) or array.dtype.kind not in _KINDS:
        raise StorageError(f"{name} cannot be saved: it is no array of numbers")
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def _digest(arrays: dict[str, np.ndarray]) -> bytes:
    """Of names, types, shapes and contents, in the order of names."""
    out = hashlib.sha256()
    for name in sorted(arrays):
        a = arrays[name]
        out.update(f"{name}|{a.dtype.str}|{a.shape}|".encode())
        out.update(np.ascontiguousarray(a).tobytes())
    return out.digest()


def read_archive(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of a file that :func:`write_archive` wrote.

    Raises
    ------
    StorageError
        It is another file, or not as it was written.
    OSError
        It cannot be opened.
    """
    path = os.fspath(path)
    with open(path, "rb") as f:
        size = os.fstat(f.fileno()).st_size
        try:
            arrays = _entries(f, size)
            found = arrays.pop(_CHECKSUM).tobytes()
            if found != _digest(arrays):
                raise StorageError("its checksum is not that of its contents")
            header = json.loads(arrays.pop(_HEADER).tobytes())
        except StorageError as error:
            raise StorageError(f"{path} is no file of qsyncplug, or is damaged: {error}") from error
        except KeyError as error:
            raise StorageError(
                f"{path} is no file of qsyncplug: it has no header or no checksum"
            ) from error
        except (Exception, RecursionError) as error:
            raise StorageError(
                f"{path} is no file of qsyncplug, or is damaged ({type(error).__name__}: {error})"
            ) from error
    if not isinstance(header, dict):
        raise StorageError(f"{path} is no file of qsyncplug: its header is no object")
    return header, arrays


def _entries(f: Any, size: int) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(f) as archive:
        infos = archive.infolist()
        if len(infos) > _MOST_ENTRIES or sum(i.file_size for i in infos) > size:
            raise StorageError("it claims to hold more than its size")
        out: dict[str, np.ndarray] = {}
        for info in infos:
            if info.compress_type != zipfile.ZIP_STORED or not info.filename.endswith(".npy"):
                raise StorageError(f"the entry {info.filename[:60]!r} is none of ours")
            name = info.filename[: -len(".npy")]
            if name in out:
                raise StorageError(f"two entries bear the name {name[:60]!r}")
            out[name] = _array(name, archive.read(info))
    return out


def _array(name: str, data: bytes) -> np.ndarray:
    """An entry, whose header must announce exactly the bytes that follow."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    reader = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if reader is None:
        raise StorageError(f"{name}: unknown format {version}")
    shape, fortran, dtype = reader(stream)
    if dtype.hasobject or dtype.kind not in _KINDS or dtype.subdtype is not None:
        raise StorageError(f"{name} is no array of numbers")
    count = 1
    for n in shape:
        count *= n
    if min(shape, default=0) < 0 or count * dtype.itemsize != len(data) - stream.tell():
        raise StorageError(f"{name} has another size than it announces")
    flat = np.frombuffer(data, dtype=dtype, offset=stream.tell()).copy()
    if not dtype.isnative:
        flat = flat.astype(dtype.newbyteorder("="))
    return flat.reshape(shape, order="F" if fortran else "C")
