from __future__ import annotations

import pytest

from bioinstruct import corpora
from bioinstruct.errors import BioinstructError
from bioinstruct.licenses import check_license, license_ids


@pytest.mark.parametrize(
    ("license", "hint"),
    [
        ("CC BY 4.0", "did you mean `CC-BY-4.0`?"),
        ("cc_by_nc_4.0", "did you mean `CC-BY-NC-4.0`?"),
        ("anything at all", "`LicenseRef-` and a name"),
        ("OpenRAIL", "`LicenseRef-` and a name"),
    ],
)
def test_what_is_not_spdx_is_refused_with_what_to_write(license: str, hint: str) -> None:
    with pytest.raises(BioinstructError) as caught:
        check_license(license)
    assert hint in caught.value.hint
    assert license in str(caught.value)


def test_every_corpus_has_an_spdx_licence() -> None:
    for name in corpora.names():
        check_license(corpora.get_corpus(name).license)


def test_the_identifiers_of_an_expression_are_without_operators_and_exceptions() -> None:
    text = "(MIT or GPL-3.0-only WITH Classpath-exception-2.0) AND LicenseRef-my-1.0"
    assert check_license(text) == text
    assert license_ids(text) == ["MIT", "GPL-3.0-only", "LicenseRef-my-1.0"]
