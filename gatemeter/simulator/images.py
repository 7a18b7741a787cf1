"""POST images/generations and images/edits: DALL-E 3 priced by the image, gpt-image by tokens."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from gatemeter.simulator import errors, filters, tokens
from gatemeter.simulator.answers import Frame, named_sse
from gatemeter.simulator.ids import new_id
from gatemeter.simulator.ledger import Used
from gatemeter.simulator.words import filler

if TYPE_CHECKING:
    from starlette.responses import Response

    from gatemeter.simulator.call import Call

# The smallest PNG there is: one pixel.
PIXEL: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_SIZES: Final = {
    "dall-e-2": ("1024x1024", "512x512", "256x256"),
    "dall-e-3": ("1024x1024", "1792x1024", "1024x1792"),
}
_IMAGE_TOKENS: Final = {
    ("low", "1024x1024"): 272,
    ("low", "1024x1536"): 408,
    ("low", "1536x1024"): 400,
    ("medium", "1024x1024"): 1056,
    ("medium", "1024x1536"): 1584,
    ("medium", "1536x1024"): 1568,
    ("high", "1024x1024"): 4160,
    ("high", "1024x1536"): 6240,
    ("high", "1536x1024"): 6208,
}


async def generate(call: Call) -> Response:
    """Answer one generation request."""
    prompt = _prompt(call.body.get("prompt"))
    if call.model.startswith("gpt-image"):
        return _token_priced(call, prompt, call.body, uploads=0)
    if not call.model.startswith("dall-e"):
        raise errors.wrong_model("imageGeneration", call.model)
    count, size = check_dall_e(call.model, call.body)
    used = Used(images=count)
    _check(call, prompt, used)
    revised = call.model == "dall-e-3"
    data = [image_item(call, size, revised=revised) for _ in range(count)]
    return call.reply({"created": call.created, "data": data}, used)


async def edit(call: Call) -> Response:
    """Answer one edit request, a form with the image and the prompt."""
    if not call.model.startswith("gpt-image"):
        raise errors.wrong_model("imageEdit", call.model)
    prompt = _prompt(call.form.get("prompt"))
    uploads = [*call.form.getlist("image"), *call.form.getlist("image[]")]
    if not uploads:
        raise errors.bad_request("Missing required parameter: 'image'.", "image")
    fields: dict[str, Any] = {
        name: value for name, value in call.form.items() if isinstance(value, str)
    }
    # Strings are strings in a form; the numbers among them are meant as numbers.
    fields["n"] = int(fields.get("n", "1"))
    fields["stream"] = fields.get("stream") in {"true", "1"}
    return _token_priced(call, prompt, fields, uploads=len(uploads))


def check_dall_e(model: str, body: dict[str, Any]) -> tuple[int, str]:
    """The number and the size of the images asked for.

    Raises:
        AzureError: 400 for a number or size that the model does not have.
    """
    count = body.get("n") or 1
    most = 1 if model == "dall-e-3" else 10
    if not isinstance(count, int) or not 1 <= count <= most:
        raise errors.bad_request(f"Invalid 'n': {model} makes 1 to {most} images.", "n")
    size = body.get("size") or "1024x1024"
    if size not in _SIZES[model]:
        raise errors.bad_request(f"Invalid 'size': one of {', '.join(_SIZES[model])}.", "size")
    return count, size


def _prompt(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise errors.bad_request("Missing required parameter: 'prompt'.", "prompt")
    return value


def _check(call: Call, prompt: str, used: Used) -> None:
    try:
        filters.check_prompt(prompt)
    except errors.AzureError:
        # Nothing was drawn; only a model that is priced by tokens has read something.
        call.bill(Used(input_tokens=used.input_tokens), status_code=400)
        raise


def image_item(call: Call, size: str, *, revised: bool) -> dict[str, Any]:
    """One DALL-E image, as a link or inline."""
    item: dict[str, Any] = {
        "content_filter_results": {
            name: {"filtered": False, "severity": "safe"} for name in filters.SEVERITIES
        },
    }
    if revised:
        item["revised_prompt"] = filler(call.rng, 12)
        item["prompt_filter_results"] = filters.prompt_results()
    if call.body.get("response_format") == "b64_json":
        item["b64_json"] = base64.b64encode(PIXEL).decode()
    else:
        item["url"] = f"https://images.example/{new_id('')}/{size}.png"
    return item


def _token_priced(call: Call, prompt: str, fields: dict[str, Any], *, uploads: int) -> Response:
    quality = fields.get("quality") or "medium"
    quality = "medium" if quality == "auto" else quality
    size = fields.get("size") or "1024x1024"
    size = "1024x1024" if size == "auto" else size
    if (quality, size) not in _IMAGE_TOKENS:
        raise errors.bad_request(f"Invalid size {size!r} or quality {quality!r}.", "size")
    count = fields.get("n") or 1
    text = tokens.count(call.model, prompt)
    seen = 323 * uploads
    drawn = _IMAGE_TOKENS[quality, size] * count
    used = Used(
        input_tokens=text + seen,
        image_input_tokens=seen,
        output_tokens=drawn,
        image_output_tokens=drawn,
        images=count,
    )
    _check(call, prompt, used)
    if fields.get("stream"):
        return call.stream(_frames(call, quality, size, used), used)
    payload = {
        "created": call.created,
        "background": "opaque",
        "output_format": "png",
        "quality": quality,
        "size": size,
        "data": [{"b64_json": base64.b64encode(PIXEL).decode()} for _ in range(count)],
        "usage": usage(used),
    }
    return call.reply(payload, used)


def usage(used: Used) -> dict[str, Any]:
    """The usage object of gpt-image answers."""
    return {
        "total_tokens": used.input_tokens + used.output_tokens,
        "input_tokens": used.input_tokens,
        "output_tokens": used.output_tokens,
        "input_tokens_details": {
            "text_tokens": used.input_tokens - used.image_input_tokens,
            "image_tokens": used.image_input_tokens,
        },
        "output_tokens_details": {"image_tokens": used.image_output_tokens, "text_tokens": 0},
    }


def _frames(call: Call, quality: str, size: str, used: Used) -> list[Frame]:
    kind = "image_edit" if call.operation == "image_edit" else "image_generation"
    base: dict[str, Any] = {
        "b64_json": base64.b64encode(PIXEL).decode(),
        "created_at": call.created,
        "background": "opaque",
        "output_format": "png",
        "quality": quality,
        "size": size,
    }
    partial = base | {"type": f"{kind}.partial_image", "partial_image_index": 0}
    completed = base | {"type": f"{kind}.completed", "usage": usage(used)}
    return [named_sse(partial), named_sse(completed, tokens=used.output_tokens)]
