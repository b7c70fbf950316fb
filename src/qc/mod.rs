//! Quality control: observations in, the values that the field's tests find out.
//!
//! [`CATALOGUE`] lists the tests. Each is one file of `tests/` that implements [`Test`]; to add one, write that file and a line
//! of the list. [`series_stage`] runs them station by station, [`neighbour_stage`] compares stations with those around them.

pub mod calendar;
pub mod config;
pub mod derived;
pub mod explain;
pub mod finding;
pub mod groups;
pub mod load;
pub mod neighbour_stage;
pub mod profile;
pub mod rewrite;
pub mod run;
pub mod series_stage;
pub mod settings;
pub mod spike_limits;
pub mod station;
pub mod statistics;
pub mod table;
pub mod test;
pub mod tests;
pub mod truth;

pub use finding::{Finding, Verdict};
pub use run::{Outcome, run};
pub use settings::Settings;
pub use station::Station;
pub use test::{About, Needs, Parameter, Test};

/// All tests, in the order in which they run.
pub static CATALOGUE: [&dyn Test; 18] = [
    &tests::duplicate_month::DuplicateMonth,
    &tests::isolated_cluster::IsolatedCluster,
    &tests::frequent_value::FrequentValue,
    &tests::distribution::Distribution,
    &tests::world_record::WorldRecord,
    &tests::streak::Streak,
    &tests::climatological::Climatological,
    &tests::spike::Spike,
    &tests::plateau::Plateau,
    &tests::humidity::Humidity,
    &tests::wind::Wind,
    &tests::pressure::Pressure,
    &tests::precipitation::Precipitation,
    &tests::variance::Variance,
    &tests::rolling::Rolling,
    &tests::hampel::Hampel,
    &tests::neighbour::Neighbour,
    &tests::clean_up::CleanUp,
];
