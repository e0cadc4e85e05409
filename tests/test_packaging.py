"""What is installed is what stands in this checkout: the packages, the wheel, the pins, and no trace of a machine."""

import importlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
CODE = [name for name in SHIPPED if not name.startswith("docs/")]

# Put together here, so that this file does not contain what it looks for.
TRACES = re.compile(
    r"--(?:extra-)?index-" + r"url|--find-" + r"links"
    r"|https?://[^ ]*/(?:simple|packages)/|files\.pythonhosted\." + r"org"
    r"|(?<![\w.\-/])/(?:root|work)" + r"/|/(?:home|Users)/[\w.\-]+" + r"/"
)


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def shipped_files() -> set[str]:
    """Everything below what the wheel is told to include, but for what running it leaves behind."""
    tops = [ROOT / name for name in SHIPPED]
    files = [path for top in tops for path in (top.rglob("*") if top.is_dir() else [top])]
    kept = [path for path in files if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(ROOT).as_posix() for path in kept}


def pins(name: str) -> dict[str, int]:
    """Each pinned version in a requirements file, and how many hashes it has."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    entries = re.split(r"(?m)^(?=\w)", text)[1:]
    return {entry.split()[0]: entry.count("--hash=sha256:") for entry in entries}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder), cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.parametrize("name", CODE)
def test_the_package_comes_from_this_checkout(name: str) -> None:
    module = importlib.import_module(name.removesuffix(".py"))
    assert module.__file__ is not None
    assert Path(module.__file__).is_relative_to(ROOT)


def test_every_folder_with_code_is_shipped_or_known_to_stay() -> None:
    tops = {path.relative_to(ROOT).parts[0] for path in ROOT.glob("[!.]*/**/*.py")} | {
        path.name for path in ROOT.glob("*.py")
    }
    assert tops - {"tests", "benchmarks", "docs", "build", "dist", "data"} == set(CODE)


def test_the_wheel_holds_every_module_and_sql_file_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == shipped_files()


def test_the_installed_command_runs_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    installed, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    elsewhere.mkdir()
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps")
    run(*pip, "--target", str(installed), str(wheel), cwd=elsewhere)
    for script in PROJECT["project"]["scripts"]:
        text = run(str(installed / "bin" / script), "--help", cwd=elsewhere, PYTHONPATH=str(installed))
        assert "replay" in text
    where = run(
        sys.executable,
        "-c",
        "import cli, migrations; print(cli.__file__, migrations.__file__, sep='\\n')",
        cwd=elsewhere,
        PYTHONPATH=str(installed),
    )
    assert all(Path(line).is_relative_to(installed) for line in where.splitlines())
    assert not list(elsewhere.iterdir()), "asking for help must leave nothing behind"


def test_every_pin_has_the_hashes_of_more_than_one_file() -> None:
    for name in ("runtime.txt", "dev.txt"):
        assert {pin for pin, hashes in pins(name).items() if hashes < 2} == set()


def test_development_runs_on_the_versions_that_users_get() -> None:
    assert pins("runtime.txt").keys() <= pins("dev.txt").keys()


def test_every_dependency_is_pinned_and_explained() -> None:
    explained = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    pinned = {pin.partition("==")[0] for pin in pins("dev.txt")}
    project = PROJECT["project"]
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        name = re.split(r"[<>=!~\[; ]", requirement)[0]
        assert name in pinned
        assert f"| {name} |" in explained


def test_no_file_names_a_machine_or_an_index() -> None:
    # Files that are not tracked yet count as well: they will be.
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name in listed.split("\0")
        if name and (ROOT / name).is_file()
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if TRACES.search(line)
    ]
    assert not found, "\n".join(found)
