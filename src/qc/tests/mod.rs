//! The tests of quality control, one file each: see [`CATALOGUE`](crate::qc::CATALOGUE) for their order.

pub mod clean_up;
pub mod climatological;
pub mod distribution;
pub mod duplicate_month;
pub mod frequent_value;
pub mod hampel;
pub mod humidity;
pub mod isolated_cluster;
pub mod neighbour;
pub mod plateau;
pub mod precipitation;
pub mod pressure;
pub mod rolling;
pub mod spike;
pub mod streak;
pub mod variance;
pub mod wind;
pub mod world_record;
