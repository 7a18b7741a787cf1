"""Files with saved answers of the public Azure Retail Prices API, read into items.

The API answers in pages of `Items`. What is read: JSON files with one page, with a list of pages or
with the items alone, also several of these one after the other in a file, and folders of such
files.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from analytics.errors import RateCardError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

_SPACE: Final = re.compile(r"\s*")


class Item(BaseModel):
    """A price of a meter in a region from a day on; the API tells more than we need."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    currency: Annotated[str, Field(alias="currencyCode", pattern=r"^[A-Z]{3}$")]
    price: Annotated[Decimal, Field(alias="retailPrice", ge=0)]
    region: Annotated[str | None, Field(alias="armRegionName")] = None
    since: Annotated[datetime, Field(alias="effectiveStartDate")]
    name: Annotated[str, Field(alias="meterName")]
    product: Annotated[str, Field(alias="productName")]
    unit: Annotated[str, Field(alias="unitOfMeasure")]
    kind: Annotated[str, Field(alias="type")] = "Consumption"
    term: Annotated[str | None, Field(alias="reservationTerm")] = None
    from_units: Annotated[Decimal, Field(alias="tierMinimumUnits")] = Decimal(0)
    primary: Annotated[bool, Field(alias="isPrimaryMeterRegion")] = True


@dataclass(frozen=True, slots=True)
class SavedAnswers:
    """What the files hold together."""

    items: tuple[Item, ...]
    version: str
    """A fingerprint of their content."""
    complete: bool
    """False when every page names a next one: the last was not saved."""


def find_price_files(paths: Iterable[Path]) -> list[Path]:
    """The files to read: those named, and the `.json` files of folders.

    Raises:
        RateCardError: a folder has none.
    """
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not inside:
            raise RateCardError(f"{path} has no .json files: save the API's answers there")
        files += inside
    return files


def read_price_files(
    files: Sequence[Path], progress: Callable[[], None] = lambda: None
) -> SavedAnswers:
    """The items of saved answers.

    Args:
        files: one or more, together one list.
        progress: called after each file.

    Raises:
        RateCardError: a file cannot be read, or is no saved answer; the message names it.
    """
    digest, items, ends = hashlib.sha256(), list[Item](), list[bool]()
    for file in files:
        content = _content(file)
        digest.update(content)
        for document in _documents(content, file):
            for page in _pages(document, file):
                items += _items(page, file)
                ends.append(not page.get("NextPageLink"))
        progress()
    return SavedAnswers(tuple(items), digest.hexdigest()[:12], any(ends))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RateCardError(f"{file} cannot be read: {error.strerror}") from None


def _documents(content: bytes, file: Path) -> Iterator[Any]:
    """The JSON values of a file, one after the other."""
    decoder = json.JSONDecoder(parse_float=Decimal)
    try:
        # PowerShell saves UTF-16, and a mark before UTF-8.
        text = content.decode(json.detect_encoding(content)).rstrip()
        end = 0
        while end < len(text):
            value, end = decoder.raw_decode(text, _SPACE.match(text, end).end())  # type: ignore[union-attr] # matches always
            yield value
    except ValueError:
        raise _not_ours(file, "it is no JSON") from None


def _pages(document: Any, file: Path) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON
    """Each page as the API answers it: with `Items`, and a link when a page follows."""
    if isinstance(document, list) and document and _is_page(document[0]):
        for page in document:
            yield from _pages(page, file)
    elif isinstance(document, list):
        yield {"Items": document}
    elif _is_page(document):
        yield document
    elif isinstance(document, dict) and "meterName" in document:
        yield {"Items": [document]}
    else:
        raise _not_ours(file, 'it has no "Items"')


def _is_page(value: Any) -> bool:  # noqa: ANN401 - any JSON
    return isinstance(value, dict) and isinstance(value.get("Items"), list)


def _items(page: dict[str, Any], file: Path) -> list[Item]:
    # Some save the items without the currency, which the page tells as well.
    billed = {"currencyCode": page["BillingCurrency"]} if page.get("BillingCurrency") else {}
    try:
        return _ITEMS.validate_python(
            [{**billed, **item} if isinstance(item, dict) else item for item in page["Items"]]
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _not_ours(file, f"item {place}: {first['msg']}") from None


def _not_ours(file: Path, why: str) -> RateCardError:
    return RateCardError(f"{file} is no saved answer of the Azure Retail Prices API: {why}")


_ITEMS: Final = TypeAdapter(list[Item])
