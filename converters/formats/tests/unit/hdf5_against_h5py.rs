//! Every dataset of numbers in files of other writers, whole and in part, against h5py's reading. It is a module of
//! `formats::hdf5`, whose readers are private.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::library::native::NativeFile;
use super::library::{Element, Hdf5Dataset, Hdf5File, Number, Scalar, StoredNumbers};

/// Prints `file <tab> dataset <tab> start..end of each dimension <tab> values` for each dataset of numbers:
/// all of it where it is small, and some part of it.
const SCRIPT: &str = r#"
import random, sys
import h5py, numpy

random.seed(1)

def show(path, name, data, ranges):
    values = data[tuple(slice(a, b) for a, b in ranges)] if ranges else data[()]
    numbers = numpy.asarray(values).ravel().tolist()
    spans = " ".join(f"{a}..{b}" for a, b in ranges)
    print(path, name, spans, " ".join(repr(v) for v in numbers), sep="\t")

def visit(path, name, data):
    if not isinstance(data, h5py.Dataset) or data.shape is None or data.dtype.kind not in "iuf" or data.dtype.itemsize not in (1, 2, 4, 8) or data.dtype == numpy.float16:
        return
    try:
        if data.size <= 5000:
            show(path, name, data, [(0, n) for n in data.shape])
        for _ in range(3):
            part = []
            for n in data.shape:
                a = random.randint(0, n)
                part.append((a, min(n, a + random.randint(0, 12))))
            show(path, name, data, part)
    except OSError as error:
        print(path, name, "cannot", str(error).replace("\n", " ").replace("\t", " "), sep="\t")

for path in sys.argv[1:]:
    with h5py.File(path) as file:
        file.visititems(lambda name, data: visit(path, name, data))
"#;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if !path.to_string_lossy().contains("netcdf3") {
            found.push(path);
        }
    }
}

fn numbers(dataset: &dyn Hdf5Dataset, ranges: &[Range<u64>]) -> Vec<Number> {
    let Element::Scalar(Scalar::Number(number)) = dataset.element() else {
        panic!("{:?} is no number", dataset.element());
    };
    StoredNumbers::side_by_side(*number, &dataset.read(ranges).unwrap()).to_vec()
}

#[test]
#[cfg_attr(no_h5py, ignore = "needs ../shared/data and a Python with h5py: ISD_PYTHON names one")]
fn every_dataset_reads_as_h5py_reads_it() {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/hdf5/third-party"), &mut found);
    let python = std::env::var("ISD_PYTHON").unwrap_or_else(|_| "python3".into());
    let output = Command::new(&python).arg("-c").arg(SCRIPT).args(&found).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut compared = 0;
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[path, name, spans, values] = fields.as_slice() else { panic!("{line}") };
        let file = NativeFile::open(Path::new(path), 0).unwrap();
        let dataset = file.dataset(name).unwrap().unwrap();
        if spans == "cannot" {
            // A filter that h5py lacks, such as LZ4.
            continue;
        }
        let ranges: Vec<Range<u64>> = spans
            .split_whitespace()
            .map(|span| {
                let (start, end) = span.split_once("..").unwrap();
                start.parse().unwrap()..end.parse().unwrap()
            })
            .collect();
        let expected: Vec<&str> = values.split_whitespace().collect();
        let found = numbers(&*dataset, &ranges);
        assert_eq!(found.len(), expected.len(), "{path} {name} {spans}");
        for (found, expected) in found.iter().zip(expected) {
            let same = match found {
                Number::Int(v) => v.to_string() == expected,
                float => {
                    let expected: f64 = expected.parse().unwrap();
                    float.to_f64() == expected || (float.to_f64().is_nan() && expected.is_nan())
                }
            };
            assert!(same, "{path} {name} {spans}: {found:?}, h5py has {expected}");
        }
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}
