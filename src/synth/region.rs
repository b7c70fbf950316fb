//! Where stations lie: WMO blocks with their country, position and nearness to the sea.

/// A WMO block, whose number is the first two digits of its stations' numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Region {
    /// 1 to 98.
    pub block: u32,
    /// FIPS country code, as `isd-history.csv` has it.
    pub country: &'static str,
    /// Centre, degrees north.
    pub latitude_deg: f64,
    /// Centre, degrees east.
    pub longitude_deg: f64,
    /// Greatest distance of a cluster from the centre, degrees of latitude and of longitude.
    pub extent_deg: (f64, f64),
    /// 0 for an island in the ocean, 1 for the middle of Asia.
    pub continentality: f64,
}

const fn region(
    block: u32,
    country: &'static str,
    (latitude_deg, longitude_deg): (f64, f64),
    extent_deg: (f64, f64),
    continentality: f64,
) -> Region {
    Region { block, country, latitude_deg, longitude_deg, extent_deg, continentality }
}

/// All regions, in the order of their blocks.
pub(super) const REGIONS: [Region; 52] = [
    region(1, "NO", (62.0, 9.0), (4.0, 3.0), 0.3),
    region(2, "SW", (61.0, 15.0), (4.0, 2.0), 0.5),
    region(3, "UK", (53.0, -2.0), (3.0, 2.0), 0.15),
    region(6, "NL", (52.2, 5.5), (0.8, 1.0), 0.2),
    region(7, "FR", (46.8, 2.5), (2.5, 3.0), 0.3),
    region(8, "SP", (40.2, -4.0), (2.5, 3.0), 0.4),
    region(10, "GM", (51.0, 10.0), (2.5, 3.0), 0.35),
    region(11, "AU", (47.6, 14.0), (0.8, 2.0), 0.45),
    region(12, "PL", (52.0, 19.0), (2.0, 3.0), 0.5),
    region(15, "RO", (45.8, 25.0), (1.3, 2.5), 0.6),
    region(16, "IT", (43.0, 12.0), (3.0, 2.0), 0.3),
    region(17, "TU", (39.0, 34.0), (1.5, 5.0), 0.5),
    region(22, "RS", (63.0, 40.0), (3.0, 6.0), 0.65),
    region(24, "RS", (63.0, 125.0), (4.0, 9.0), 1.0),
    region(26, "LG", (57.0, 25.0), (1.5, 2.0), 0.45),
    region(29, "RS", (56.0, 92.0), (3.0, 7.0), 0.95),
    region(31, "RS", (50.0, 133.0), (3.0, 5.0), 0.85),
    region(33, "UP", (49.0, 30.0), (2.0, 4.0), 0.6),
    region(35, "KZ", (48.5, 62.0), (2.5, 7.0), 0.9),
    region(38, "UZ", (41.0, 64.0), (2.0, 4.0), 0.85),
    region(40, "IZ", (33.0, 43.5), (2.5, 2.0), 0.7),
    region(42, "IN", (26.0, 77.0), (3.0, 4.0), 0.6),
    region(43, "IN", (14.5, 77.0), (3.0, 1.5), 0.35),
    region(47, "JA", (36.5, 138.0), (2.0, 2.0), 0.3),
    region(48, "TH", (15.5, 101.5), (2.5, 1.5), 0.35),
    region(50, "CH", (47.0, 124.0), (3.0, 4.0), 0.85),
    region(54, "CH", (40.0, 117.0), (2.0, 3.0), 0.7),
    region(57, "CH", (29.5, 110.0), (2.5, 3.0), 0.5),
    region(60, "AG", (33.5, 3.0), (2.5, 4.0), 0.55),
    region(61, "SG", (14.8, -15.0), (1.0, 1.5), 0.35),
    region(62, "EG", (27.0, 30.5), (3.0, 2.0), 0.65),
    region(63, "KE", (-0.5, 37.5), (2.5, 1.8), 0.35),
    region(65, "NI", (9.5, 8.0), (2.5, 3.0), 0.35),
    region(67, "ZA", (-14.5, 28.0), (2.0, 3.0), 0.45),
    region(68, "SF", (-29.0, 25.0), (2.5, 3.5), 0.5),
    region(70, "US", (63.5, -152.0), (3.0, 6.0), 0.6),
    region(71, "CA", (51.0, -104.0), (3.0, 9.0), 0.8),
    region(72, "US", (39.5, -95.0), (5.0, 15.0), 0.6),
    region(74, "US", (41.5, -75.5), (1.5, 2.5), 0.45),
    region(76, "MX", (22.0, -101.5), (3.5, 2.5), 0.4),
    region(78, "DR", (18.8, -70.5), (0.4, 0.8), 0.05),
    region(80, "CO", (5.0, -74.0), (2.5, 1.5), 0.25),
    region(82, "BR", (-5.0, -45.0), (2.5, 4.0), 0.3),
    region(83, "BR", (-19.0, -46.0), (4.0, 4.0), 0.35),
    region(84, "PE", (-8.5, -77.0), (3.0, 1.5), 0.25),
    region(85, "CI", (-33.5, -71.0), (4.0, 0.5), 0.25),
    region(87, "AR", (-34.0, -62.5), (4.0, 3.0), 0.45),
    region(91, "US", (20.5, -156.8), (0.8, 1.2), 0.0),
    region(93, "NZ", (-41.5, 174.0), (3.5, 2.0), 0.1),
    region(94, "AS", (-31.0, 146.0), (4.0, 4.0), 0.5),
    region(96, "ID", (-3.0, 108.0), (3.0, 6.0), 0.1),
    region(98, "RP", (14.0, 121.5), (3.0, 1.0), 0.1),
];
