"""The command `memdyn`: its page, its errors, how fast it starts, and whose code it runs."""

import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from memdyn.__main__ import main
from memdyn.operations import REGISTRY

PROJECT = Path(__file__).resolve().parents[2]
SCRIPTS = PROJECT / "workflow" / "scripts"


def memdyn(*arguments, cwd=PROJECT, path=SCRIPTS):
    """A call in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "memdyn", *arguments],
        cwd=cwd, env=os.environ | {"PYTHONPATH": str(path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


# -- the page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [["--help"], ["-h"], ["help"]])
def test_the_page(capsys, asked):
    assert main(asked) == 0
    said = capsys.readouterr().out
    for name, command in REGISTRY.items():
        assert f"  {name} " in said and command.summary in said and command.example in said
    assert "make demo" in said and "snakemake --profile slurm" in said
    assert max(map(len, said.splitlines())) <= 120


def test_the_page_imports_nothing_heavy():
    heavy = {"torch", "pandas", "numpy", "pydantic", "yaml", "pyarrow", "matplotlib"}
    code = f"import sys\nfrom memdyn.__main__ import main\nmain(['--help'])\nsys.exit(len({heavy} & set(sys.modules)))"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, env={"PYTHONPATH": str(SCRIPTS)}, capture_output=True, check=False).returncode == 0


def test_no_command_imports_torch():
    code = "import sys\nfrom importlib import import_module\n"
    code += "".join(f"import_module({command.module!r})\n" for command in REGISTRY.values())
    command = [sys.executable, "-c", f"{code}sys.exit('torch' in sys.modules)"]
    assert subprocess.run(command, env={"PYTHONPATH": str(SCRIPTS)}, check=False).returncode == 0


@pytest.mark.parametrize("name", REGISTRY)
def test_the_help_of_a_command(capsys, name):
    for asked in ([name, "--help"], ["help", name]):
        with pytest.raises(SystemExit) as ended:
            main(asked)
        assert ended.value.code == 0
        said = capsys.readouterr().out
        assert said.startswith(f"usage: memdyn {name}") and REGISTRY[name].example in said
        assert import_module(REGISTRY[name].module).__doc__.splitlines()[0] in said


@pytest.mark.parametrize("name", REGISTRY)
def test_an_example_is_a_call_of_its_command(monkeypatch, name):
    called, first, *arguments = shlex.split(REGISTRY[name].example)
    assert (called, first) == ("memdyn", name)
    given = []
    monkeypatch.setattr(import_module(REGISTRY[name].module), "run", given.append)
    assert main([first, *arguments]) == 0 and len(given) == 1


# -- errors ---------------------------------------------------------------------------------------------------------


_COMMANDS = ", ".join(sorted(REGISTRY))
MISUSES = {
    "a command misspelt": (["adpot"], "no command 'adpot'; did you mean 'adopt'?"),
    "an option in its place": (["--dry-run", "adopt"], f"no command '--dry-run'; allowed: {_COMMANDS}"),
    "help of nothing": (["help", "dcos"], "no command 'dcos'; did you mean 'docs'?"),
    "an option missing": (["adopt"], "memdyn adopt: the following arguments are required: --reason"),
    "an option misspelt": (["adopt", "--reason", "a", "--dryrun"], "'--dryrun'; did you mean '--dry-run'?"),
    "an option shortened": (["adopt", "--reason", "a", "--config", "x"], "'--config'; did you mean '--configfile'?"),
    "an option without its value": (["adopt", "--reason"], "argument --reason: expected one argument"),
    "a reason that says nothing": (["adopt", "--reason", "  "], "argument --reason: must say why"),
    "an argument too many": (["docs", "all"], "memdyn docs: unknown 'all'; allowed: -h, --help"),
}


@pytest.mark.parametrize(("arguments", "message"), MISUSES.values(), ids=MISUSES.keys())
def test_a_misuse_is_told_in_a_line_and_has_code_2(arguments, message):
    done = memdyn(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert message in done.stderr and "--help`)" in done.stderr and done.stderr.count("\n") == 1


def test_no_command_at_all():
    done = memdyn()
    assert done.returncode == 2 and done.stdout == "" and "make demo" in done.stderr


FAILURES = {
    "no such study": (None, "memdyn adopt: study.yaml: No such file or directory"),
    "no YAML": ("a: [", "study.yaml is not valid YAML"),
    "a bad study": ("study: a\nshadow_modles: 8\n", "did you mean 'shadow_models'?"),
}


@pytest.mark.parametrize(("content", "message"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_is_told_and_has_code_1(tmp_path, content, message):
    if content:
        (tmp_path / "study.yaml").write_text(content)
    done = memdyn("adopt", "--reason", "a", "--configfile", "study.yaml", cwd=tmp_path)
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["adopt", "--reason", "a"], ["adpot"]])
def test_a_python_without_the_requirements(arguments):
    command = [sys.executable, "-S", "-m", "memdyn", *arguments]
    done = subprocess.run(command, env={"PYTHONPATH": str(SCRIPTS)}, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "has no module" in done.stderr and "`make env`" in done.stderr


# -- its installation -----------------------------------------------------------------------------------------------


def test_the_script_is_the_module():
    scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"memdyn": f"{main.__module__}:{main.__name__}"}


def copy_of(folder: Path) -> Path:
    """A checkout, of which the key table is out of date."""
    for part in ("Snakefile", "pyproject.toml", "README.md", "LICENSE", "config", "docs", "workflow"):
        copy = shutil.copytree if (PROJECT / part).is_dir() else shutil.copy2
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        copy(PROJECT / part, folder / part)
    readme = folder / "config" / "README.md"
    readme.write_text(readme.read_text().replace("| key | default |", "| clef | default |"))
    return folder


def test_the_checkout_that_is_stood_in_runs_its_own_code(tmp_path):
    """Two checkouts with one environment: the names of folders are those of the code that makes them."""
    folder = copy_of(tmp_path / "copy")
    before = (PROJECT / "config" / "README.md").stat().st_mtime_ns
    done = memdyn("docs", cwd=folder)
    assert done.returncode == 0 and "config/README.md: written" in done.stdout, done
    assert "| clef |" not in (folder / "config" / "README.md").read_text()
    assert (PROJECT / "config" / "README.md").stat().st_mtime_ns == before


@pytest.mark.slow
def test_the_installed_package_is_found_last(tmp_path):
    """Jobs import the package beside their scripts, which Snakemake puts at the end of the path."""
    installed, other = copy_of(tmp_path / "installed"), copy_of(tmp_path / "other")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index"]
    options += ["--ignore-installed"]  # or it would take away what is installed where the tests run
    pip = [sys.executable, "-m", "pip", "install", *options, "--prefix", tmp_path / "prefix", "-e", installed]
    subprocess.run(pip, check=True)
    assert (tmp_path / "prefix" / "bin" / "memdyn").is_file()
    (place,) = (tmp_path / "prefix").rglob("site-packages")

    def found(*more: Path) -> Path:
        code = f"import site, sys\nsite.addsitedir({str(place)!r})\nsys.path.extend({list(map(str, more))})\n"
        # -S: without what is installed where the tests run
        command = [sys.executable, "-S", "-c", f"{code}import memdyn.operations as found\nprint(found.__file__)"]
        done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=True)
        return Path(done.stdout.strip()).parents[4]

    assert found() == installed
    assert found(other / "workflow" / "scripts") == other
