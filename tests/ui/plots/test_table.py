"""What the figures show can be read."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamviz.ui.plots import alt_text, text_table
from wamviz.ui.plots.style import number, wrapped


def test_the_table_has_a_row_a_time_and_a_column_an_origin_and_dimension(full):
    header, rows = text_table(full)
    assert header[0] == "time (s)" and {"recorded dx (m)", "imagined dx (m)", "executed gripper (1)"} <= set(header)
    assert header[-4:] == ["PSNR (dB)", "PSNR of copy last frame (dB)", "SSIM", "SSIM of copy last frame"]
    assert [row[0] for row in rows] == ["0.20", "0.40", "0.60", "0.80", "1.00", "1.20"]
    assert all(len(row) == len(header) for row in rows)
    expected = number(float(full.imagined[0].actions[2, 1]))
    assert rows[2][header.index("imagined dy (m)")] == expected


def test_a_cell_without_a_value_is_a_dash(make_run, make_rollout):
    header, rows = text_table(make_run(reference=make_rollout("recorded", 50, count=3)))
    assert rows[-1][header.index("recorded dx (m)")] == "\u2013"
    assert rows[-1][header.index("imagined dx (m)")] != "\u2013"


def test_an_empty_run_has_an_empty_table(make_run, make_rollout):
    run = make_run(imagined=(make_rollout(acting=False),), samples=1, reference=None, executed=None)
    assert text_table(run) == (["time (s)"], [])


def test_the_description_names_numbers_and_their_controls(full):
    text = alt_text(full)
    assert text.startswith("3 imagined rollouts of 1.20 s for 'pick up the orange'. ")
    parts = ("PSNR ", "dB (copy last frame ", "Action error ", "(hold still ", "In the simulator the task succeeded.")
    for part in parts:
        assert part in text


def test_the_description_leaves_out_what_is_not_known(make_run):
    text = alt_text(make_run(samples=1, reference=None, executed=None))
    assert text == "1 imagined rollout of 1.20 s for 'pick up the orange'."


def test_the_description_works_without_kept_metrics(full):
    assert alt_text(replace(full, metrics={})) == alt_text(full)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.01234, "m", "0.0123 m"), (-1.5, "1", "\u22121.50"), (12.345, "dB", "12.3 dB"), (0, "", "0"), (1e-9, "m", "0 m"),
     (1234.5, "", "1234"), (0.99999, "", "1.00")],
)  # fmt: skip
def test_numbers_have_three_digits_and_a_unit(value, unit, text):
    assert number(value, unit) == text


@given(st.floats(-1e6, 1e6))
def test_a_printed_number_is_near_the_number(value):
    assert abs(float(number(value).replace("\u2212", "-")) - value) <= max(5e-5, 0.005 * abs(value))


@given(st.text(max_size=80))
def test_what_is_written_into_a_figure_is_never_markup(text):
    assert "<" not in wrapped(text, 20).replace("<br>", "")
