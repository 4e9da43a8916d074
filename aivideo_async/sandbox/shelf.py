"""The result files and their presigned URLs: signed, dying, read whole or in part (api.md §3). Pure.

The shelf knows which files there are and what is in them by name; the bytes are kept elsewhere, see ``depot``.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

CONTENT_TYPES = {"mp4": "video/mp4", "png": "image/png", "jpg": "image/jpeg", "mp3": "audio/mpeg"}
PLACE = "/files/"
"""Where the paths of result files begin."""
STAMP = "%Y%m%dT%H%M%SZ"
ALGORITHM = "AWS4-HMAC-SHA256"


class ShelfError(Exception):
    """A file is not handed out: status, code and sentence of an object store; ``size`` for a range outside of it."""

    def __init__(self, status: int, code: str, message: str, *, size: int | None = None) -> None:
        super().__init__(message)
        self.status: int = status
        self.code: str = code
        self.message: str = message
        self.size: int | None = size


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a file: ``name`` is the SHA-256 of its bytes in hex, ``size`` how many there are."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A result file; ``modified`` is unix seconds."""

    content: Content
    content_type: str
    modified: float

    @property
    def etag(self) -> str:
        """Its name for caches, in quotes."""
        return f'"{self.content.name[:32]}"'


class Shelf:
    """Every result file of a sandbox that can still be asked for; ``lifetime`` is how many seconds a URL lives.

    ``base_url`` is where the files are served, known when somebody serves them. ``changed`` has the paths that came or
    went, ``dropped`` the name of a content for every time that it is needed no longer: both for who keeps them.
    """

    def __init__(self, secret: bytes, *, lifetime: int, base_url: str = "") -> None:
        self.base_url: str = base_url
        self.secret: bytes = secret
        self._lifetime = lifetime
        self._files: dict[str, StoredFile] = {}
        self.changed: set[str] = set()
        self.dropped: list[str] = []
        self._issued = 0

    def put(self, name: str, suffix: str, content: Content, now: float) -> str:
        """Keep a file as ``name.suffix`` and return its presigned URL; what nobody can ask for any more is dropped."""
        self._drop_dead(now)
        path = f"{PLACE}{name}.{suffix}"
        self.restore(path, content, now)
        self.changed.add(path)
        return self.url(path, now)

    def file(self, path: str) -> StoredFile | None:
        """The file at a path, whoever asks."""
        return self._files.get(path)

    def restore(self, path: str, content: Content, modified: float) -> None:
        """Keep a file that was put before. Raises KeyError for a path that is none of ours."""
        self._files[path] = StoredFile(content, CONTENT_TYPES[path.rpartition(".")[2]], modified)

    def contents(self) -> Iterator[str]:
        """The name of every file's content, as often as there are files with it."""
        return (file.content.name for file in self._files.values())

    def drop(self, path: str) -> None:
        """Have no file at this path any more."""
        file = self._files.pop(path, None)
        if file is not None:
            self.changed.add(path)
            self.dropped.append(file.content.name)

    def clear(self) -> None:
        """Drop every file."""
        for path in tuple(self._files):
            self.drop(path)

    def again(self, url: str, now: float) -> str:
        """Another URL for the file behind one of our own, at the same host, alive from now on and unlike every one
        before.
        """
        self._issued += 1
        parts = urlsplit(url)
        return self.url(parts.path, now, base=f"{parts.scheme}://{parts.netloc}", issue=self._issued)

    def url(self, path: str, now: float, *, base: str = "", issue: int | None = None) -> str:
        """A presigned URL of a file that lives from ``now`` on; one for each ``issue``."""
        date = datetime.fromtimestamp(now, UTC).strftime(STAMP)
        query = {
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"sandbox/{date[:8]}/auto/s3/aws4_request",
            "X-Amz-Date": date,
            "X-Amz-Expires": str(self._lifetime),
            "X-Amz-SignedHeaders": "host",
        }
        if issue is not None:
            query["issue"] = str(issue)
        return f"{base or self.base_url}{path}?{urlencode({**query, 'X-Amz-Signature': self._signature(path, query)})}"

    def dead_since(self, now: float) -> float:
        """When a URL was signed that is dead by ``now``."""
        return now - self._lifetime - 1.0

    def get(self, path: str, query: Mapping[str, str], now: float) -> StoredFile:
        """The file behind a presigned URL. Raises ShelfError: the signature is wrong, the URL dead, no file there."""
        if not self._is_signed(path, query):
            raise ShelfError(403, "SignatureDoesNotMatch", "The request signature we calculated does not match.")
        issued = datetime.fromisoformat(query["X-Amz-Date"]).timestamp()
        if now >= issued + int(query["X-Amz-Expires"]):
            raise ShelfError(403, "AccessDenied", "Request has expired")
        if path not in self._files:
            raise no_such_key()
        return self._files[path]

    def behind(self, url: str, now: float) -> Content | None:
        """What is behind one of our own URLs, whatever host it names, ``None`` for any other URL. Raises ShelfError as
        ``get`` does.
        """
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        if not url.startswith(f"{self.base_url}{PLACE}") and not self._is_signed(parts.path, query):
            return None
        return self.get(parts.path, query, now).content

    def _drop_dead(self, now: float) -> None:
        while self._files:
            oldest = next(iter(self._files))
            if self._files[oldest].modified + self._lifetime > now:
                return
            self.drop(oldest)

    def _is_signed(self, path: str, query: Mapping[str, str]) -> bool:
        signed = {name: value for name, value in query.items() if name != "X-Amz-Signature"}
        given = query.get("X-Amz-Signature", "").encode("utf-8", "replace")
        return hmac.compare_digest(self._signature(path, signed).encode(), given)

    def _signature(self, path: str, query: Mapping[str, str]) -> str:
        message = f"{path}\n{urlencode(sorted(query.items()), errors='replace')}".encode("utf-8", "replace")
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()


def no_such_key() -> ShelfError:
    """There is no file at a path."""
    return ShelfError(404, "NoSuchKey", "The specified key does not exist.")


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte that a ``Range`` header asks for; ``None`` for the whole file.

    Several ranges, other units and what cannot be read ask for the whole file (RFC 9110 §14.2).
    Raises ShelfError 416 for a range outside of the file.
    """
    match = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", header.strip()) if header else None
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return None
    if start >= size or start > end:
        raise ShelfError(416, "InvalidRange", "The requested range is not satisfiable", size=size)
    return start, end
