"""Pictures: those of ``isd-view``, as notebooks display them."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import isdtools
import pytest
from conftest import WIND, Observations, must


def test_a_series_is_drawn_and_displayed(small: Observations, tmp_path: Path) -> None:
    station = small.table["station_id"][0].as_py()
    plot = isdtools.plot_series(small.dataset, station, [WIND, "air_temperature"], to=date(2000, 2, 1), window="7d", threshold=5)
    picture = ElementTree.fromstring(plot._repr_svg_())
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    texts = {element.text for element in picture.iter() if element.text}
    assert {"wind speed rate (m/s)", "air temperature (°C)", "time (UTC)"} <= texts
    assert "window: the 7d before; threshold: 5 standard deviations" in texts
    assert plot.svg in plot.html
    plot.save(tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").read_text(encoding="utf-8") == plot.svg
    with pytest.raises(ValueError, match="expected a name that ends in .svg or .html"):
        plot.save(tmp_path / "plot.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["plot.svg"]


def test_it_is_the_picture_of_the_tool(small: Observations, tmp_path: Path) -> None:
    # Another package than the other tools: where it was not built, there is nothing to compare with.
    if shutil.which("isd-view", path=os.environ.get("ISD_BINARIES", "")) is None:
        pytest.skip("isd-view was not built")
    station = small.table["station_id"][0].as_py()
    must("isd-view", small.dataset, "--plot=series", "--station", station, "-m", WIND, "-o", tmp_path / "plot.svg", "--quiet")
    assert isdtools.plot_series(small.dataset, station, WIND).svg == (tmp_path / "plot.svg").read_text(encoding="utf-8")


def test_failures_are_those_of_the_tool(small: Observations) -> None:
    with pytest.raises(isdtools.IsdError, match="holds no station 000000") as failed:
        isdtools.plot_series(small.dataset, "000000", WIND)
    assert failed.value.hint is not None
    with pytest.raises(isdtools.IsdError, match="holds no measurement wind\n"):
        isdtools.plot_series(small.dataset, small.table["station_id"][0].as_py(), "wind")
    with pytest.raises(ValueError, match="--to: lies before --from"):
        isdtools.plot_series(small.dataset, "0", WIND, from_="2001-01-01", to="2000-01-01")
    with pytest.raises(ValueError, match="needs -m"):
        isdtools.plot_series(small.dataset, "0", [])
