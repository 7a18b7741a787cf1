"""Multipart forms: fields, the file, and what is left of a broken one."""

import pytest

from gateway_hooks.reading.form import Form, read_form, read_form_texts

TYPE = "multipart/form-data; boundary=B"
FIELD = b'--B\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
FILE = (
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n'
    b"Content-Type: audio/mpeg\r\n\r\nsound\r\n"
)


def test_fields_and_file() -> None:
    """A text field is a text, a part with a file name is the file."""
    assert read_form(TYPE, FIELD + FILE + b"--B--\r\n") == Form(
        {"model": "whisper-1"}, b"sound", "a.mp3"
    )


def test_cut_form_gives_its_whole_parts() -> None:
    """What came before the break is used; the torn part is not."""
    assert read_form(TYPE, FIELD + FILE[:-3]) == Form({"model": "whisper-1"})


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", FIELD),
        ("multipart/form-data; boundary=", FIELD),
        ("multipart/form-data; boundary=other", FIELD),
        ("multipart/form-data; boundary=" + "x" * 500, FIELD),
        (TYPE, b"nonsense"),
        (TYPE, b""),
        (TYPE, b"--B\r\nbad header\r\n\r\n"),
        (TYPE, b"--B\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n"),
    ],
)
def test_broken_forms_are_empty(content_type: str, body: bytes) -> None:
    """A form that cannot be read raises nothing."""
    assert read_form(content_type, body) == Form()


def test_first_value_counts_and_long_ones_are_left_out() -> None:
    """A repeated field changes nothing, and a prompt is not kept."""
    prompt = b'--B\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n' + b"p" * 5000 + b"\r\n"
    again = FIELD.replace(b"whisper-1", b"other")
    assert read_form(TYPE, FIELD + again + prompt + b"--B--\r\n").fields == {"model": "whisper-1"}


def test_only_the_first_file_is_kept() -> None:
    """Two files in a form do not cost twice the memory."""
    second = FILE.replace(b"sound", b"noise").replace(b"a.mp3", b"b.mp3")
    form = read_form(TYPE, FILE + second + b"--B--\r\n")
    assert (form.file, form.file_name) == (b"sound", "a.mp3")


def test_part_without_a_name_is_passed_over() -> None:
    """A part that names nothing is nothing."""
    assert read_form(TYPE, b"--B\r\nX-Y: 1\r\n\r\nv\r\n--B--\r\n") == Form()


def test_texts_that_must_not_be_missed() -> None:
    """Long ones, all of a name, and those that pretend to be files; none of a broken form."""
    part = b'--b\r\ncontent-disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    body = (
        part % (b"prompt", b"", b"a" * 9000)
        + part % (b"image", b'; filename="i.png"', b"pixels")
        + part % (b"prompt", b'; filename="p.txt"', b"second")
    )
    names, kind = frozenset({"prompt"}), "multipart/form-data; boundary=b"
    assert read_form_texts(kind, body + b"--b--\r\n", names) == ["a" * 9000, "second"]
    assert read_form_texts(kind, body, names) is None
    assert read_form_texts("multipart/form-data", body, names) is None
