import pytest

from bukken_contract.paths import problem_of_unserved

BOTH = "GET, HEAD, PUT, PATCH, DELETE"


@pytest.mark.parametrize("path", ["/v1/listings/a", "/v1/listings/%E3%81%82"])
@pytest.mark.parametrize("method", ["POST", "OPTIONS", "TRACE", "GET", "PUT"])
def test_a_method_of_the_other_side_is_405_with_both_sides_methods(path: str, method: str) -> None:
    """The client sees one URL, so `Allow` names what either side serves there."""
    problem = problem_of_unserved(path, method=method)

    assert (problem.status, problem.headers) == (405, {"Allow": BOTH})


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/listings/", "/v1/listings/a/b", "/v1/listing"])
def test_a_path_nobody_serves_is_404(path: str) -> None:
    """An unknown path is not there, whatever the method."""
    assert problem_of_unserved(path, method="GET").status == 404
