"""`make costs`: prints what each size costs, and writes the page with its picture."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.costs import bill, page
from infra.deploy import places, templates


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the totals; with a page named, writes it."""
    parser = argparse.ArgumentParser(prog="python -m infra.costs", description=__doc__)
    parser.add_argument("--page", type=Path, help="write it, with its picture, as this page")
    options = parser.parse_args(argv)
    found = of_every_size()
    for each in found:
        sys.stdout.write(f"{each.size.name:24} {each.total():8,.0f} dollars a month\n")
    if options.page:
        options.page.write_text(page.text(found, prices=bill.prices()), encoding="utf-8")
        page.draw(found, to=options.page.with_suffix(".svg"))
    return 0


def of_every_size() -> list[bill.Bill]:
    """The bills, by the templates and places as they are."""
    known = templates.read()
    there = {name: places.read(name, templates=known) for name in places.PLACES}
    return bill.bills(known, places=there)


if __name__ == "__main__":
    sys.exit(main())
