"""The whole engine with a bug: the binary and a test that drives it, from a copy of the repository.

What is Pelton's own is compiled with little optimisation, as other units of the target directory; the libraries are those of the release. The binary of the
release is put back in the end.
"""

import json
import os
import pathlib
import shutil
import subprocess

OWN = ("pelton", "pelton-core", "pelton-wasm", "pelton-tests")
SELECTION = [argument for package in OWN for argument in ("--package", package)]
QUICK = [argument for package in OWN for argument in ("--config", f"profile.release.package.{package}.opt-level=1")]


class Whole:
    def __init__(self, repository: pathlib.Path, target: pathlib.Path, work: pathlib.Path):
        self.repository, self.target, self.tree, self.binary = repository, target, work / "whole", work / "pelton"

    def copy_sources(self) -> None:
        """Files that are the same keep their times, so that nothing is built in vain."""
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=self.repository, capture_output=True, text=True, check=True)
        wanted = {pathlib.Path(line) for line in listed.stdout.splitlines()}
        for path in [path for path in self.tree.rglob("*") if path.is_file()]:
            if path.relative_to(self.tree) not in wanted:
                path.unlink()
        for path in wanted:
            source, copy = self.repository / path, self.tree / path
            if source.is_file() and (not copy.exists() or copy.read_bytes() != source.read_bytes()):
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, copy)

    def build(self, test: str) -> tuple[pathlib.Path | None, str]:
        """The binary of the test, beside that of Pelton; or what the compiler says."""
        command = ["cargo", "build", "--release", *SELECTION, *QUICK, "--bin", "pelton", "--test", test, "--message-format", "json"]
        built = subprocess.run(command, cwd=self.tree, env=self.environment(), capture_output=True, text=True)
        messages = [json.loads(line) for line in built.stdout.splitlines() if line.startswith("{")]
        made = {message["target"]["name"]: message["executable"] for message in messages if message["reason"] == "compiler-artifact" and message["executable"]}
        if built.returncode == 0 and {"pelton", test} <= made.keys():
            shutil.copy2(made["pelton"], self.binary)
            return pathlib.Path(made[test]), ""
        errors = [message["message"]["rendered"] for message in messages if message["reason"] == "compiler-message" and message["message"]["level"] == "error"]
        return None, "\n".join(errors) or built.stderr

    def environment(self) -> dict[str, str]:
        return {**os.environ, "CARGO_TARGET_DIR": str(self.target), "CARGO_INCREMENTAL": "1", "PELTON_BIN": str(self.binary)}

    def put_back(self) -> None:
        """What `make build` leaves is there again."""
        subprocess.run(["cargo", "build", "--release", "--package", "pelton"], cwd=self.repository, check=True, capture_output=True)
