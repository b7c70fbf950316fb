//! The dataset's reader is tested in `dataset/tests/dataset`.
