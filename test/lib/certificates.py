"""Certificates for a test, made in its directory by the openssl program.

    folder = Certificates(path)
    folder.make("server", "/CN=127.0.0.1", sans="IP:127.0.0.1")   # path/server.pem: certificate and key
"""

import os
import pathlib
import subprocess


def openssl(*words, **options):
    return subprocess.run(["openssl", *words], check=True, capture_output=True, text=True, **options)


class Certificates:
    def __init__(self, folder, name="ca"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.name = name
        self.authority = self.path(name)
        self._key(name)
        openssl("req", "-x509", "-new", "-key", self.path(f"{name}.key"), "-days", "2",
                "-subj", f"/O=Largetable tests/CN={name}", "-out", self.authority)

    def path(self, name):
        return str(self.folder / (name if name.endswith(".key") else f"{name}.pem"))

    def _key(self, name):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                self.path(f"{name}.key"))

    def make(self, name, subject, sans=None, password=None):
        """A certificate that the authority has signed, and its key, in one file."""
        self._key(name)
        key, request = self.path(f"{name}.key"), self.path(f"{name}-request")
        openssl("req", "-new", "-utf8", "-key", key, "-subj", subject, "-out", request)
        extensions = self.path(f"{name}-extensions")
        pathlib.Path(extensions).write_text(f"subjectAltName={sans}\n" if sans else "\n")
        signed = openssl("x509", "-req", "-in", request, "-CA", self.authority, "-CAkey",
                         self.path(f"{self.name}.key"), "-days", "2", "-extfile", extensions).stdout
        if password:
            openssl("pkey", "-in", key, "-aes256", "-passout", f"pass:{password}", "-out",
                    key + ".locked")
            key += ".locked"
        pathlib.Path(self.path(name + "-new")).write_text(signed + pathlib.Path(key).read_text())
        os.replace(self.path(name + "-new"), self.path(name))
        return self.path(name)

    def revoke(self, *names):
        """A list of revoked certificates."""
        folder = self.folder / "revoking"
        folder.mkdir(exist_ok=True)
        (folder / "index.txt").write_text("")
        (folder / "number").write_text("01")
        config = folder / "ca.cnf"
        config.write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={folder}/index.txt\n"
                          f"crlnumber={folder}/number\ndefault_md=sha256\ndefault_crl_days=2\n")
        common = ["-config", str(config), "-cert", self.authority, "-keyfile",
                  self.path(f"{self.name}.key")]
        for name in names:
            openssl("ca", *common, "-revoke", self.path(name))
        openssl("ca", *common, "-gencrl", "-out", self.path("crl"))
        return self.path("crl")
