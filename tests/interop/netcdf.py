"""Compares what isd-convert makes of netCDF variables with what netCDF4-python reads: types, each with every set of attributes.

    python3 netcdf.py DIRECTORY_OF_THE_BINARIES

Not compared, since the netCDF User's Guide and netCDF4-python differ: default fill values of 8-bit types, which the guide says
are none, and of integers that `_Unsigned` reinterprets, of which netCDF4-python compares the signed number.
"""

import itertools
import math
import pathlib
import subprocess
import sys
import tempfile
import warnings

import netCDF4
import numpy
import pyarrow.dataset

TYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
MISSING = ["none", "_FillValue", "missing_value", "missing_values", "both"]
PACKING = ["none", "scale", "offset", "scale and offset"]
RANGES = ["none", "valid_range", "valid_min", "valid_max", "valid_min and valid_max"]
EXTENTS = ["whole", "partly written", "shorter"]
ROWS = 12


class Case:
    """A variable of some type with some attributes."""

    def __init__(self, number, kind, unsigned, missing, packing, limits, extent):
        self.name = f"v{number:04}"
        self.kind, self.unsigned, self.missing = numpy.dtype(kind), unsigned, missing
        self.packing, self.limits, self.extent = packing, limits, extent

    def __str__(self):
        return (f"{self.kind.str[1:]}, _Unsigned {self.unsigned}, missing {self.missing}, packing {self.packing}, "
                f"range {self.limits}, {self.extent}")

    @property
    def comparable(self):
        has_fill = self.missing in ("_FillValue", "both")
        if self.unsigned and self.kind.itemsize == 1 and not has_fill:
            return False  # netCDF4-python itself fails: its default of bytes is no unsigned number.
        default = self.extent == "whole" or has_fill
        return default or self.kind.itemsize > 1 and not self.unsigned

    def write(self, file, dimension):
        fill = self.stored(7) if self.missing in ("_FillValue", "both") else None
        variable = file.createVariable(self.name, self.kind, (dimension,), fill_value=fill)
        variable.set_auto_maskandscale(False)
        values = [self.stored(step) for step in range(ROWS)]
        if self.kind.kind == "f":
            values[5] = numpy.array(numpy.nan, self.kind)
        if self.extent == "whole":
            variable[:] = numpy.array(values, self.kind)
        elif self.extent == "partly written":
            variable[:4] = numpy.array(values[:4], self.kind)
            variable[6:9] = numpy.array(values[6:9], self.kind)
        else:
            variable[:8] = numpy.array(values[:8], self.kind)
        if self.missing in ("missing_value", "both"):
            variable.missing_value = self.stored(3)
        if self.missing == "missing_values":
            variable.missing_value = numpy.array([self.stored(2), self.stored(6)], self.kind)
        if "scale" in self.packing:
            variable.scale_factor = numpy.float64(0.1)
        if "offset" in self.packing:
            variable.add_offset = numpy.float64(20.0)
        if self.limits == "valid_range":
            variable.valid_range = numpy.array([self.stored(1), self.stored(9)], self.kind)
        if "valid_min" in self.limits:
            variable.valid_min = self.stored(1)
        if "valid_max" in self.limits:
            variable.valid_max = self.stored(9)
        if self.unsigned:
            variable._Unsigned = "true"

    def stored(self, step):
        """A stored number of a step: they ascend as they are read, some beyond the signed integers of their size."""
        if self.kind.kind == "f":
            return numpy.array(step * 1.25 - 5, self.kind)
        if not self.unsigned:
            first = 0 if self.kind.kind == "u" else -50
            return numpy.array(first + 9 * step, self.kind)
        bits = 8 * self.kind.itemsize
        number = 2 ** (bits - 1) + 9 * (step - 5)
        return numpy.array(number, numpy.dtype(f"u{self.kind.itemsize}")).view(self.kind)


def cases():
    number = 0
    for kind, unsigned, *rest in itertools.product(TYPES, [False, True], MISSING, PACKING, RANGES, EXTENTS):
        # Beyond 2^53 a double does not hold what netCDF4-python keeps as an integer.
        if unsigned and (kind[0] != "i" or kind == "i8"):
            continue
        case = Case(number, kind, unsigned, *rest)
        if case.comparable:
            yield case
            number += 1


def times(kind):
    """Axes of times: packed or not, hours since 2017 as they are unpacked."""
    hours = numpy.arange(ROWS)
    return {
        "plain": ({}, hours),
        "scale_factor": ({"scale_factor": numpy.float64(0.5)}, 2 * hours),
        "scale_factor and add_offset": (
            {"scale_factor": numpy.float64(0.25), "add_offset": numpy.float64(6.0)}, 4 * (hours - 6)),
    } if kind != "u1" else {"plain": ({}, hours)}


def make(path, chosen, kind="f8", packing="plain"):
    with netCDF4.Dataset(path, "w") as file:
        file.station_id = "725300-94846"
        file.createDimension("time", None)
        time = file.createVariable("time", kind, ("time",))
        time.set_auto_maskandscale(False)
        attributes, stored = times(kind)[packing]
        time.units = "hours since 2017-01-01"
        for name, value in attributes.items():
            setattr(time, name, value)
        time[:] = stored.astype(kind)
        for case in chosen:
            case.write(file, "time")


def converted(binaries, path, target):
    run = subprocess.run(
        [binaries / "isd-convert", path, "-o", target, "--quiet"], capture_output=True, text=True, check=False)
    if run.returncode:
        raise AssertionError(run.stderr.strip())
    return pyarrow.dataset.dataset(target, partitioning="hive").to_table().sort_by("timestamp")


def compare(case, variable, ours):
    theirs = numpy.ma.masked_invalid(variable[:])
    mask = numpy.ma.getmaskarray(theirs)
    for row, found in enumerate(ours):
        expected = None if mask[row] else float(theirs[row])
        same = found is None if expected is None else found is not None and math.isclose(found, expected, rel_tol=1e-6 if case.kind == numpy.dtype("f4") else 1e-12, abs_tol=1e-12)
        if not same:
            return f"row {row}: found {found}, netCDF4-python has {expected}"
    return None


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    binaries = pathlib.Path(sys.argv[1])
    warnings.simplefilter("ignore")
    failed = compared = 0
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        chosen = list(cases())
        for number in range(0, len(chosen), 200):
            group = chosen[number:number + 200]
            path = directory / f"{number}.nc"
            make(path, group)
            table = converted(binaries, path, directory / f"{number}.dataset")
            with netCDF4.Dataset(path) as file:
                for case in group:
                    # A column of which all is missing may be left out.
                    ours = table[case.name].to_pylist() if case.name in table.column_names else [None] * ROWS
                    difference = compare(case, file[case.name], ours)
                    compared += 1
                    if difference:
                        failed += 1
                        print(f"FAILED {case}: {difference}")
        for kind in [kind for kind in TYPES if kind not in ("u1", "u2", "u4", "u8")]:
            for packing in times(kind):
                path = directory / f"time-{kind}-{packing}.nc"
                make(path, chosen[:1], kind, packing)
                table = converted(binaries, path, directory / f"{path.stem}.dataset")
                with netCDF4.Dataset(path) as file:
                    time = file["time"]
                    expected = [netCDF4.num2date(hour, time.units).isoformat() for hour in time[:]]
                found = [value.replace(tzinfo=None).isoformat() for value in table["timestamp"].to_pylist()]
                compared += 1
                if found != expected:
                    failed += 1
                    print(f"FAILED times in {kind}, {packing}: found {found}, netCDF4-python has {expected}")
    print(f"netCDF: {compared - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
