import pytest

from impasto.errors import UsageError
from impasto.tuning.budget import Budget


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("40", Budget(drafts=40)),
        (7, Budget(drafts=7)),
        ("5min", Budget(seconds=300)),
        ("90s", Budget(seconds=90)),
        ("1.5 h", Budget(seconds=5400)),
        ("2m", Budget(seconds=120)),
    ],
)
def test_budgets(text, budget):
    assert Budget.parse(text) == budget


@pytest.mark.parametrize(
    "text", ["0", 0, "-3", "4.5", "0s", "0min", "", "many", "5 parsecs", "10001", "nan", "1e9", "99999h"]
)
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(UsageError, match="--budget"):
        Budget.parse(text)


def test_what_is_spent_and_left():
    drafts, seconds = Budget.parse("4"), Budget.parse("10s")
    assert [drafts.spent(done, 99.0) for done in (3, 4)] == [False, True]
    assert [seconds.spent(9, spent) for spent in (9.9, 10.0)] == [False, True]
    assert drafts.left(1, 2.0) == 6.0
    assert drafts.left(0, 0.0) == 0.0
    assert seconds.left(3, 4.0) == 6.0
