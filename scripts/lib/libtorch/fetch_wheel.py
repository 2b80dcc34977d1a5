"""Downloads one wheel with pip's own session (its index, proxy, certificates and login), and resumes a part.

usage: fetch_wheel.py NAME SHA256 PATH

Prints "BYTES TOTAL" as bytes arrive. Exit status 1 before the first such line: this pip or this index does not offer
the file in this way, and `pip download` is the way that is left.
"""

import os
import re
import sys
from urllib.parse import urldefrag, urljoin

from pip._internal.commands import create_command


def main(name, sha256, path):
    command = create_command("download")
    options, _ = command.parse_args([])
    session = command._build_session(options)
    address = find(session, [options.index_url, *(options.extra_index_urls or [])], name, sha256)
    if address is None:
        return 1
    part = path + ".part"
    have = os.path.getsize(part) if os.path.exists(part) else 0
    response = get(session, address, have)
    if response.status_code != 206:
        have = 0
    if response.status_code == 416:  # the part is as long as the file, or longer
        response = get(session, address, 0)
    response.raise_for_status()
    total = have + int(response.headers["content-length"])
    with open(part, "ab" if have else "wb") as file:
        for piece in response.iter_content(1 << 20):
            file.write(piece)
            have += len(piece)
            print(have, total, flush=True)
    if have != total:
        return 1
    os.replace(part, path)
    return 0


def get(session, address, start):
    """The numbers of bytes are those of the file: pip asks for no compression, either."""
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    return session.get(address, headers=headers, stream=True)


def find(session, indexes, name, sha256):
    """The address of the file with this hash on the index page of a package (PEP 503); None where there is none."""
    for index in indexes:
        page = session.get(index.rstrip("/") + "/" + name + "/", headers={"Accept": "text/html"})
        link = re.search(r'href="([^"]+#sha256=' + sha256 + r')"', page.text) if page.ok else None
        if link:
            return urldefrag(urljoin(page.url, link.group(1)))[0]
    return None


sys.exit(main(*sys.argv[1:]))
