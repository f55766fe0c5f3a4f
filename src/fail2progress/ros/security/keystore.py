"""A keystore as ROS 2 reads it (ROS_SECURITY_KEYSTORE), made by the program openssl. Imports no ROS."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from fail2progress.core.files import write_whole
from fail2progress.ros.security.policy import ENCLAVES, accesses, governance, permissions

YEARS = 10
_CURVE = "prime256v1"


class KeystoreError(RuntimeError):
    """There is no keystore, and why."""


@dataclass(frozen=True)
class Keystore:
    """A folder with a certificate authority of its own and an enclave for every node of the robot's stack, and one for people."""

    folder: Path
    domain: int
    namespace: str = ""

    def make(self) -> list[str]:
        """Make it; the enclaves' names. KeystoreError where the folder is in use, or openssl is missing or fails."""
        if shutil.which("openssl") is None:
            raise KeystoreError("the program openssl is missing: apt-get install openssl")
        if self.folder.exists() and any(self.folder.iterdir()):
            raise KeystoreError(f"{self.folder}: not empty; name a new folder, keys are not written over")
        public, private, enclaves = (self.folder / name for name in ("public", "private", "enclaves"))
        for folder in (public, private, enclaves):
            folder.mkdir(parents=True, exist_ok=True)
        private.chmod(0o700)
        self._authority(public, private)
        write_whole(enclaves / "governance.xml", governance(self.domain))
        self._sign(enclaves / "governance.xml")
        names = list(accesses())
        for name in names:
            self._enclave(name)
        return names

    def _authority(self, public: Path, private: Path) -> None:
        """One certificate authority for identities and permissions; the names that ROS asks for are links to it."""
        key, cert = private / "ca.key.pem", public / "ca.cert.pem"
        self._key(key)
        about: list[str | Path] = ["-subj", "/CN=fail2progress robot", "-days", str(YEARS * 365)]
        _openssl("req", "-x509", "-new", "-key", key, "-sha256", *about, "-out", cert)
        for kind in ("identity", "permissions"):
            (public / f"{kind}_ca.cert.pem").symlink_to("ca.cert.pem")
            (private / f"{kind}_ca.key.pem").symlink_to("ca.key.pem")

    def _enclave(self, name: str) -> None:
        folder = self.folder / "enclaves" / ENCLAVES.strip("/") / name
        folder.mkdir(parents=True)
        key, cert, request = folder / "key.pem", folder / "cert.pem", folder / "request.pem"
        self._key(key)
        subject = f"{ENCLAVES}/{name}".replace("/", "\\/")
        _openssl("req", "-new", "-key", key, "-sha256", "-subj", f"/CN={subject}", "-out", request)
        by: list[str | Path] = [
            "-CA",
            self.folder / "public" / "ca.cert.pem",
            "-CAkey",
            self.folder / "private" / "ca.key.pem",
            "-CAcreateserial",
        ]
        _openssl("x509", "-req", "-in", request, *by, "-sha256", "-days", str(YEARS * 365), "-out", cert)
        request.unlink()
        begin = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(days=1)
        text = permissions(name, accesses()[name].within(self.namespace), self.domain, begin, begin + timedelta(days=YEARS * 365))
        write_whole(folder / "permissions.xml", text)
        self._sign(folder / "permissions.xml")
        up = Path(*[".."] * (1 + ENCLAVES.count("/")))
        (folder / "governance.p7s").symlink_to(up / "governance.p7s")
        for kind in ("identity", "permissions"):
            (folder / f"{kind}_ca.cert.pem").symlink_to(up / ".." / "public" / "ca.cert.pem")

    def _key(self, path: Path) -> None:
        _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{_CURVE}", "-out", path)
        path.chmod(0o600)

    def _sign(self, document: Path) -> None:
        """As S/MIME, which is what the middleware verifies."""
        by: list[str | Path] = [
            "-signer",
            self.folder / "public" / "ca.cert.pem",
            "-inkey",
            self.folder / "private" / "ca.key.pem",
        ]
        _openssl("smime", "-sign", "-in", document, "-text", "-md", "sha256", *by, "-out", document.with_suffix(".p7s"))


def _openssl(*words: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise KeystoreError(f"openssl {words[0]} failed: {done.stderr.strip().splitlines()[-1:] or ['no reason given']}")
