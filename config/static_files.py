"""The style sheet of all pages: written as one file per component or page, loaded as one.

A browser that followed the imports of static/css/site.css would paint later. So whoever looks for that file, be it
`collectstatic` or the server of development and tests, finds it with every import replaced by the file.
"""

import re
import shutil
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from django.contrib.staticfiles.finders import FileSystemFinder
from django.core.files.storage import FileSystemStorage, Storage

STYLE_SHEET = "css/site.css"
IMPORT = re.compile(r'@import url\("([^"]+)"\);\n')


class StaticFilesFinder(FileSystemFinder):
    """Finds the files of static/, and for STYLE_SHEET a file in one piece, kept for the life of the process."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.folder = mkdtemp(prefix="drawdown-static-")
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def find(self, path: str, *args: Any, **options: Any) -> Any:
        """Return the place of a file on disk; nothing where there is none."""
        found = super().find(path, *args, **options)
        if path != STYLE_SHEET or not found:
            return found
        return str(self._written(Path(found if isinstance(found, str) else found[0])))

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        """Give each file's name with the storage that it lies in."""
        for path, storage in super().list(ignore_patterns):
            if path == STYLE_SHEET:
                self._written(Path(storage.path(path)))
                yield path, FileSystemStorage(location=self.folder)
            else:
                yield path, storage

    def _written(self, source: Path) -> Path:
        whole = Path(self.folder) / STYLE_SHEET
        text = IMPORT.sub(lambda match: (source.parent / match[1]).read_text(), source.read_text())
        if not whole.exists() or whole.read_text() != text:
            whole.parent.mkdir(parents=True, exist_ok=True)
            whole.write_text(text)
        return whole
