"""What transformers says is as it was after a quiet block, whatever happened inside."""

import pytest
from transformers.utils import logging

from curation.pretrained.quiet import quiet


@pytest.fixture(params=[True, False])
def bars(request):
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    (logging.enable_progress_bar if request.param else logging.disable_progress_bar)()
    logging.set_verbosity_info()
    yield request.param
    logging.set_verbosity(before[0])
    (logging.enable_progress_bar if before[1] else logging.disable_progress_bar)()


def test_a_block_is_quiet_and_leaves_no_trace(bars):
    with quiet():
        assert logging.get_verbosity() == logging.ERROR and not logging.is_progress_bar_enabled()
    assert logging.get_verbosity() == logging.INFO and logging.is_progress_bar_enabled() is bars


def test_an_error_inside_is_passed_on(bars):
    with pytest.raises(OSError, match="no file"), quiet():
        raise OSError("no file")
    assert logging.get_verbosity() == logging.INFO and logging.is_progress_bar_enabled() is bars
