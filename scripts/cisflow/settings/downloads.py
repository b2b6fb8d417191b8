"""Public files of a study, from the downloads sheet.

Inputs: rows of the sheet and the section ``downloads`` of the config. Outputs: what is fetched, what is unpacked, and
problems.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from cisflow.downloads.source import Source
from cisflow.problems import Problem, not_one_of

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")


def listed(text: str | None) -> list[str]:
    """Values of a cell that holds several, separated by commas."""
    return [value.strip() for value in (text or "").split(",") if value.strip()]


@dataclass
class PublicFiles:
    """Files of the downloads sheet.

    Attributes
    ----------
    folder : Path
        Where they are kept.
    local : mapping of str to str
        Copies that the config names.
    sources : dict of Source
        Files by their names in the sheets.
    unpacked : dict of (str, str)
        Archive, and path inside it, of files that are unpacked, by their names in the sheets.
    """

    folder: Path = Path("downloads")
    local: Mapping[str, str] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    unpacked: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: list[dict[str, Any]], settings: Mapping[str, Any]) -> PublicFiles:
        """Files of the rows of the sheet, with the section ``downloads`` of the config."""
        files = cls(Path(settings["folder"]), settings["local"] or {})
        for row in rows:
            digests = {name: row[name].lower() if row[name] else None for name in ("sha256", "md5")}
            files.sources[row["file"]] = Source(row["file"], tuple(row["urls"].split()), row["bytes"], **digests)
            files.unpacked |= {name: (row["file"], member) for name, member in members_of(row).items()}
        return files

    def __contains__(self, name: str) -> bool:
        return name in self.sources or name in self.unpacked

    def place(self, name: str) -> str:
        """Where a file is put when it is fetched or unpacked."""
        return str(self.folder / name)

    def unpacked_under(self, folder: str) -> list[str]:
        """Names of unpacked files in a folder of the sheets."""
        return sorted(name for name in self.unpacked if name.startswith(f"{folder}/"))


def members_of(row: Mapping[str, Any]) -> dict[str, str]:
    """Names that the members of an archive have in the sheets, and their paths inside it."""
    folder = PurePosixPath(row["file"]).parent
    return {str(folder / member): member for member in listed(row["members"])}


def download_problems(rows: list[dict[str, Any]], local: Mapping[str, str], shown: str) -> list[Problem]:
    """Problems of the downloads sheet and of the local copies that the config names.

    Parameters
    ----------
    rows : list of dict
        Rows of the sheet, each valid by itself.
    local : mapping of str to str
        ``downloads.local`` of the config.
    shown : str
        Name of the sheet in messages.
    """
    problems = []
    files = [row["file"] for row in rows]
    seen: dict[str, int] = {row["file"]: row["_row"] for row in rows}
    for row in rows:
        members = members_of(row)
        if members and not row["file"].endswith(ARCHIVES):
            what = f"{row['file']!r} is no archive; expected a name that ends in {', '.join(ARCHIVES)}"
            problems.append(Problem(shown, what, row["_row"], "members"))
        for name, member in members.items():
            if ".." in PurePosixPath(member).parts or member.startswith("/"):
                what = f"{member!r} leads out of the archive's folder; expected a path below it"
                problems.append(Problem(shown, what, row["_row"], "members"))
            elif seen.setdefault(name, row["_row"]) != row["_row"] or name in files:
                what = f"{name!r} is also given in row {seen[name]}"
                problems.append(Problem(shown, what, row["_row"], "members"))
    for name, path in local.items():
        if name not in files:
            what = f"{name!r} is no file of the downloads sheet: {not_one_of(name, files)}"
            problems.append(Problem("config", what, column="downloads.local"))
        elif not Path(path).is_file():
            problems.append(Problem("config", f"file not found: {path} (for {name})", column="downloads.local"))
    return problems
