//! Compressed chunks: what is read, and what is refused by name.

use std::path::Path;

use isd_converters::{ReadOptions, open};
use rust_hdf5::format::messages::datatype::{ByteOrder, DatatypeMessage};
use rust_hdf5::format::messages::filter::{Filter, FilterPipeline};
use rust_hdf5::{H5Dataset, H5File};

use crate::archives::{Fixture, ROWS, Storage, archive, dataset, fixture, keys, read, read_path, tenths};

/// A wind that has passed through filters with these numbers, its chunks as `encode` leaves them.
fn filtered(filters: &[u16], encode: impl Fn(&[u8]) -> Vec<u8>) -> Fixture {
    fixture(|file| {
        keys(file, Storage::Gzip(100));
        let wind = chunked(file, filters);
        for (chunk, values) in tenths().chunks(100).enumerate() {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            wind.write_chunk_raw(chunk, &encode(&bytes), 0).unwrap();
        }
    })
}

fn chunked(file: &H5File, filters: &[u16]) -> H5Dataset {
    // Of shuffle it is the size of an element.
    let cd_values = |id| if id == 2 { vec![8] } else { vec![4, 0x105, 800] };
    let filters = filters.iter().map(|&id| Filter { id, flags: 0, cd_values: cd_values(id) }).collect();
    let builder = file.new_dataset::<f64>().shape([ROWS]).chunk(&[100]);
    builder.filter_pipeline(FilterPipeline { filters }).create("wind_speed_rate").unwrap()
}

/// LZF of literal runs, and of the copies that zeros make.
fn lzf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let equal = rest.iter().take_while(|&&byte| byte == first).count().min(265);
        if equal > 4 {
            // The byte itself, and the rest of the run from one back.
            out.extend([0, first]);
            match equal - 1 - 2 {
                length @ ..7 => out.extend([(length as u8) << 5, 0]),
                length => out.extend([7 << 5, (length - 7) as u8, 0]),
            }
            rest = &rest[equal..];
        } else {
            let run = rest.len().min(equal);
            out.push(run as u8 - 1);
            out.extend(&rest[..run]);
            rest = &rest[run..];
        }
    }
    out
}

#[test]
fn lzf_is_read() {
    let expected = read_path(&archive(Storage::Contiguous).path, &ReadOptions::default()).unwrap();
    let packed = filtered(&[32_000], lzf);
    let mut source = open(&packed.path, &ReadOptions::default()).unwrap();
    let all = read(source.as_mut()).unwrap();
    assert_eq!(all.columns[0].1, expected.columns[1].1);
    let shuffled = filtered(&[2, 32_000], |bytes| {
        let shuffled: Vec<u8> = (0..8).flat_map(|byte| bytes.iter().skip(byte).step_by(8).copied()).collect();
        let packed = lzf(&shuffled);
        assert!(packed.len() < shuffled.len() * 3 / 4);
        packed
    });
    let mut source = open(&shuffled.path, &ReadOptions::default()).unwrap();
    assert_eq!(read(source.as_mut()).unwrap().columns[0].1, expected.columns[1].1);
}

#[test]
fn damaged_lzf_is_an_error() {
    let damaged = filtered(&[32_000], |_| vec![0xff; 40]);
    let mut source = open(&damaged.path, &ReadOptions::default()).unwrap();
    let message = read(source.as_mut()).unwrap_err().to_string();
    assert!(message.contains("wind_speed_rate") && message.contains("LZF"), "{message}");
}

#[test]
fn other_filters_are_refused_by_name() {
    for (id, name) in
        [(32_001, "blosc"), (305, "lzo"), (32_015, "zstd"), (307, "bzip2"), (40_000, "filter 40000")]
    {
        let packed = filtered(&[2, id], <[u8]>::to_vec);
        let Err(error) = open(&packed.path, &ReadOptions::default()) else {
            panic!("{name} should be refused")
        };
        let message = error.to_string();
        assert!(
            message.contains("wind_speed_rate: is compressed with") && message.contains(name),
            "{message}"
        );
        assert!(error.hint().unwrap().contains("h5repack -f GZIP=4"));
    }
}

#[test]
fn numbers_that_do_not_fill_their_bytes_are_refused() {
    let datatype = |bit_offset, bit_precision| DatatypeMessage::FixedPoint {
        size: 2,
        byte_order: ByteOrder::LittleEndian,
        signed: true,
        bit_offset,
        bit_precision,
    };
    for (offset, precision) in [(0, 12), (2, 12), (0, 16)] {
        let archive = fixture(|file| {
            keys(file, Storage::Contiguous);
            let builder = file.new_dataset::<i16>().datatype(datatype(offset, precision)).shape([ROWS]);
            builder.create("wind_speed_rate").unwrap().write_raw(&vec![51_i16; ROWS]).unwrap();
        });
        if precision == 16 {
            let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
            assert_eq!(all.columns[0].1, vec![Some(51.0); ROWS]);
            continue;
        }
        // The C library reads them.
        let read = open(&archive.path, &ReadOptions::default()).and_then(|mut source| read(source.as_mut()));
        let error = read.expect_err("the numbers should be refused");
        let message = error.to_string();
        assert!(
            message.ends_with(
                "wind_speed_rate: holds numbers of a type that cannot be read here: 12 bits of an integer of 16"
            ),
            "{message}"
        );
        assert!(error.hint().unwrap().contains("fill their bytes"));
    }
}

#[test]
fn a_column_along_the_way_does_not_keep_the_others_from_being_read() {
    let packed = fixture(|file| {
        keys(file, Storage::Contiguous);
        dataset(file, "wind_speed_rate", &tenths(), Storage::Contiguous);
        let filters = vec![Filter { id: 32_001, flags: 0, cd_values: Vec::new() }];
        let builder = file.new_dataset::<f64>().shape([ROWS]).chunk(&[100]);
        builder.filter_pipeline(FilterPipeline { filters }).create("extra").unwrap();
    });
    let mut source = open(&packed.path, &ReadOptions::default()).unwrap();
    assert!(
        source.info().notes.iter().any(|note| note.contains("extra (is compressed with blosc")),
        "{:?}",
        source.info().notes
    );
    assert_eq!(read(source.as_mut()).unwrap().columns.len(), 1);
}

#[test]
fn chunks_beyond_memory_are_refused_with_a_remedy() {
    let huge = fixture(|file| {
        keys(file, Storage::Contiguous);
        let builder = file.new_dataset::<f64>().shape([ROWS]).chunk(&[1 << 26]).resizable();
        builder.deflate(1).create("wind_speed_rate").unwrap();
    });
    let Err(error) = open(&huge.path, &ReadOptions::default()) else { panic!("it should be refused") };
    assert!(error.to_string().contains("more than 256 MiB each"), "{error}");
    assert!(error.hint().unwrap().contains("h5repack -l CHUNK=65536"), "{:?}", error.hint());
}

/// Its index says that the chunk of rows 20 to 29 begins at row 23: the chunk would be passed over, its rows be missing.
#[test]
fn a_chunk_within_another_is_an_error() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/hdf5/misplaced-chunk.h5");
    let error = open(&path, &ReadOptions::default()).err().unwrap();
    assert!(error.to_string().contains("wind_speed_rate: has a damaged index of chunks"), "{error}");
    assert!(error.hint().is_some());
}
