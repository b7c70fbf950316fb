//! What to make: options in, the error of one that is out of its range out.

use serde::Serialize;

use super::error::{Result, SynthError};
use super::planted::PlantedKind;

/// How long each station's series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// This many rows a station. Those of a 3-hourly station span three times as long as those of an hourly one.
    Rows(u32),
    /// This many calendar years a station, less the hours that it did not report.
    Years(u32),
}

/// Which archive to make. Its rows depend on these values alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SynthOptions {
    /// Number of stations, 1 to [`SynthOptions::MAX_STATIONS`].
    pub stations: usize,
    /// Length of each series.
    pub length: Length,
    /// Year whose 1 January 00:00 UTC begins every series.
    pub start_year: i32,
    /// Seed of all randomness.
    pub seed: u64,
    /// What is planted.
    pub plants: Vec<PlantedKind>,
}

impl Default for SynthOptions {
    fn default() -> Self {
        Self {
            stations: 100,
            length: Length::Years(1),
            start_year: 2000,
            seed: 1,
            plants: PlantedKind::ALL.to_vec(),
        }
    }
}

impl SynthOptions {
    /// Largest number of stations: as many as have USAF numbers of six digits when spread over the WMO blocks.
    pub const MAX_STATIONS: usize = 200_000;
    /// Largest number of rows of one station; at three hours a row they span 684 years.
    pub const MAX_ROWS_PER_STATION: u32 = 2_000_000;
    /// Longest series in years.
    pub const MAX_YEARS: u32 = 200;
    /// Years in which a series may begin.
    pub const START_YEARS: std::ops::RangeInclusive<i32> = 1800..=2200;

    /// Whether faults or weather of that kind are planted.
    pub(super) fn plants(&self, kind: PlantedKind) -> bool {
        self.plants.contains(&kind)
    }

    /// Checks that each value is in its range.
    ///
    /// # Errors
    /// [`SynthError::Option`] for one that is not.
    pub fn validate(&self) -> Result<()> {
        let within = |option, found: u64, least: u64, most: u64| {
            if (least..=most).contains(&found) {
                Ok(())
            } else {
                Err(SynthError::Option {
                    option,
                    found: found.to_string(),
                    expected: format!("{least} to {most}"),
                })
            }
        };
        within("--stations", self.stations as u64, 1, Self::MAX_STATIONS as u64)?;
        match self.length {
            Length::Rows(rows) => {
                within("--rows-per-station", rows.into(), 1, Self::MAX_ROWS_PER_STATION.into())?;
            }
            Length::Years(years) => within("--years", years.into(), 1, Self::MAX_YEARS.into())?,
        }
        if Self::START_YEARS.contains(&self.start_year) {
            Ok(())
        } else {
            Err(SynthError::Option {
                option: "--start",
                found: self.start_year.to_string(),
                expected: format!("{} to {}", Self::START_YEARS.start(), Self::START_YEARS.end()),
            })
        }
    }
}

/// How the archive is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Storage {
    /// How chunks are compressed.
    pub compression: Compression,
    /// Rows of a chunk. Where they are not given, an uncompressed archive is contiguous, and a compressed one has chunks of
    /// [`Storage::DEFAULT_CHUNK_ROWS`].
    pub chunk_rows: Option<usize>,
}

/// How chunks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// Shuffled, then deflated at this level, 0 to 9.
    Gzip(u32),
}

impl Storage {
    /// Rows of a chunk of a compressed archive where they are not given.
    pub const DEFAULT_CHUNK_ROWS: usize = 65_536;
    /// Largest number of rows of a chunk: eleven such chunks are assembled at a time.
    pub const MAX_CHUNK_ROWS: usize = 4 << 20;

    /// Checks that each value is in its range.
    ///
    /// # Errors
    /// [`SynthError::Option`] for one that is not.
    pub fn validate(&self) -> Result<()> {
        if let Compression::Gzip(level) = self.compression
            && level > 9
        {
            return Err(SynthError::Option {
                option: "--gzip-level",
                found: level.to_string(),
                expected: "0 to 9".into(),
            });
        }
        match self.chunk_rows {
            Some(rows) if !(1..=Self::MAX_CHUNK_ROWS).contains(&rows) => Err(SynthError::Option {
                option: "--chunk-rows",
                found: rows.to_string(),
                expected: format!("1 to {}", Self::MAX_CHUNK_ROWS),
            }),
            _ => Ok(()),
        }
    }

    /// Rows of a chunk, or `None` for contiguous storage.
    pub(super) fn effective_chunk_rows(self) -> Option<usize> {
        match self.compression {
            Compression::None => self.chunk_rows,
            Compression::Gzip(_) => Some(self.chunk_rows.unwrap_or(Self::DEFAULT_CHUNK_ROWS)),
        }
    }
}
