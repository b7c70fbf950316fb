//! The stations: options and a station index in, identifiers, position and cluster out.

use rand::RngExt;

use super::options::SynthOptions;
use super::random::{Purpose, Rng, chance, exponential, generator, uniform};
use super::region::{REGIONS, Region};

/// Number of stations of one cluster, which are near enough to each other that a storm meets several of them.
pub(super) const CLUSTER_STATIONS: usize = 10;

/// Greatest distance of a station from the centre of its cluster.
const CLUSTER_RADIUS_KM: f64 = 220.0;

/// How many of the 10,000 USAF numbers of a WMO block clusters may use.
const BLOCK_NUMBERS: usize = 9_990;

/// Kilometres a degree of latitude.
const KM_PER_DEGREE: f64 = 111.2;

/// WBAN number of a station that has none.
pub(super) const NO_WBAN: u32 = 99_999;

/// A weather station.
#[derive(Debug, Clone, PartialEq)]
pub struct Station {
    /// USAF number, unique within an archive and ascending with the station's index.
    pub usaf: u32,
    /// WBAN number, 99999 where the station has none.
    pub wban: u32,
    /// FIPS country code.
    pub country: &'static str,
    /// Two-letter state; empty where the country has none.
    pub state: &'static str,
    /// Degrees north, to thousandths.
    pub latitude_deg: f64,
    /// Degrees east, to thousandths.
    pub longitude_deg: f64,
    /// Metres above the sea, to tenths.
    pub elevation_m: f64,
    /// Index of the cluster that it shares storms with.
    pub cluster: usize,
    /// Kilometres east and north of the cluster's centre.
    pub(super) offset_km: (f64, f64),
    /// Degrees north of the cluster's centre.
    pub(super) cluster_latitude_deg: f64,
    /// 0 for an island in the ocean, 1 for the middle of Asia.
    pub(super) continentality: f64,
}

impl Station {
    /// `USAF-WBAN`, zero-padded.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{:06}-{:05}", self.usaf, self.wban)
    }

    /// A name that says that the station is synthetic.
    #[must_use]
    pub fn name(&self) -> String {
        format!("SYNTHETIC {} {:05}", self.country, self.usaf / 10)
    }
}

/// The region of a cluster, the first USAF number that it may use and how many it may.
fn cluster_place(cluster: usize, clusters: usize) -> (&'static Region, usize, usize) {
    let index = cluster * REGIONS.len() / clusters;
    let first = (index * clusters).div_ceil(REGIONS.len());
    let after = ((index + 1) * clusters).div_ceil(REGIONS.len());
    let region = &REGIONS[index];
    let width = BLOCK_NUMBERS / (after - first);
    (region, region.block as usize * 10_000 + 10 + (cluster - first) * width, width)
}

/// The station at `index` of the archive that `options` describe. Stations ascend by (USAF, WBAN).
///
/// `options` must be valid, and `index` less than their number of stations.
#[must_use]
pub fn station(options: &SynthOptions, index: usize) -> Station {
    let clusters = options.stations.div_ceil(CLUSTER_STATIONS);
    let (cluster, member) = (index / CLUSTER_STATIONS, index % CLUSTER_STATIONS);
    let (region, first_number, numbers) = cluster_place(cluster, clusters);

    let mut rng = generator(options.seed, Purpose::Cluster, cluster);
    let centre_latitude = region.latitude_deg + uniform(&mut rng, -region.extent_deg.0, region.extent_deg.0);
    let centre_longitude =
        region.longitude_deg + uniform(&mut rng, -region.extent_deg.1, region.extent_deg.1);
    let plateau_m = exponential(&mut rng, 40.0 + 350.0 * region.continentality).min(1_800.0);
    let continentality = (region.continentality + uniform(&mut rng, -0.1, 0.1)).clamp(0.0, 1.0);

    let mut rng = generator(options.seed, Purpose::Station, index);
    let (east_km, north_km) = within_disc(&mut rng);
    let latitude = centre_latitude + north_km / KM_PER_DEGREE;
    let longitude = centre_longitude + east_km / (KM_PER_DEGREE * latitude.to_radians().cos());
    let spread = numbers / CLUSTER_STATIONS;
    let usaf = first_number + member * spread + rng.random_range(0..spread);
    // Most stations of the United States have a WBAN number, and some of Canada.
    let share = match region.country {
        "US" => 0.8,
        "CA" => 0.4,
        _ => 0.0,
    };
    let wban = if chance(&mut rng, share) { rng.random_range(3_000..94_999) } else { NO_WBAN };
    Station {
        usaf: usaf as u32,
        wban,
        country: region.country,
        state: state(region.block),
        latitude_deg: rounded(latitude, 1_000.0),
        longitude_deg: rounded((longitude + 180.0).rem_euclid(360.0) - 180.0, 1_000.0),
        elevation_m: rounded(2.0 + (plateau_m + exponential(&mut rng, 60.0)).min(2_500.0), 10.0),
        cluster,
        offset_km: (east_km, north_km),
        cluster_latitude_deg: centre_latitude,
        continentality,
    }
}

/// The state of a WMO block; empty where the country has none.
fn state(block: u32) -> &'static str {
    match block {
        70 => "AK",
        72 => "KS",
        74 => "NY",
        91 => "HI",
        _ => "",
    }
}

/// The value rounded to a step.
fn rounded(value: f64, steps_per_unit: f64) -> f64 {
    (value * steps_per_unit).round() / steps_per_unit
}

/// A point of the disc around a cluster's centre, uniform by area: kilometres east and north of it.
fn within_disc(rng: &mut Rng) -> (f64, f64) {
    loop {
        let (x, y) = (uniform(rng, -1.0, 1.0), uniform(rng, -1.0, 1.0));
        if x * x + y * y <= 1.0 {
            return (CLUSTER_RADIUS_KM * x, CLUSTER_RADIUS_KM * y);
        }
    }
}
