//! What to make: the options as given in, validated ones out.

use serde::Serialize;

use super::{Error, Result};

/// How long each station's series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// So many rows a station, whatever time they take: a 3-hourly station takes three times as long as an hourly one.
    Rows(u32),
    /// So many calendar years a station, less the hours that it did not report.
    Years(u32),
}

/// Which archive to make. It is a function of these values alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Options {
    /// Number of stations, 1 to [`Options::MAX_STATIONS`].
    pub stations: usize,
    /// Length of each series.
    pub length: Length,
    /// Year whose 1 January 00:00 UTC begins every series.
    pub start_year: i32,
    /// Seed of all randomness.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { stations: 100, length: Length::Years(1), start_year: 2000, seed: 1 }
    }
}

impl Options {
    /// Most stations: what the six digits of a USAF number hold when spread over the WMO blocks.
    pub const MAX_STATIONS: usize = 200_000;
    /// Most rows of one station; at three hours a row they reach 684 years.
    pub const MAX_ROWS_PER_STATION: u32 = 2_000_000;
    /// Longest series in years.
    pub const MAX_YEARS: u32 = 200;
    /// Years in which a series may begin.
    pub const START_YEARS: std::ops::RangeInclusive<i32> = 1800..=2200;

    /// # Errors
    /// [`Error::Option`] for a value out of its range.
    pub fn validate(&self) -> Result<()> {
        let within = |option, found: u64, least: u64, most: u64| {
            if (least..=most).contains(&found) {
                Ok(())
            } else {
                Err(Error::Option {
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
            Err(Error::Option {
                option: "--start",
                found: self.start_year.to_string(),
                expected: format!("{} to {}", Self::START_YEARS.start(), Self::START_YEARS.end()),
            })
        }
    }
}

/// How the archive is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Layout {
    /// Filters of the chunks.
    pub compression: Compression,
    /// Rows a chunk; without it an uncompressed archive is contiguous and a compressed one has
    /// chunks of [`Layout::DEFAULT_CHUNK_ROWS`].
    pub chunk_rows: Option<usize>,
}

/// How chunks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// Shuffle, then deflate of that level, 0 to 9.
    Gzip(u32),
}

impl Layout {
    /// Rows a chunk where nothing else is said.
    pub const DEFAULT_CHUNK_ROWS: usize = 65_536;
    /// Most rows a chunk: eleven such chunks are assembled at a time.
    pub const MAX_CHUNK_ROWS: usize = 4 << 20;

    /// # Errors
    /// [`Error::Option`] for a value out of its range.
    pub fn validate(&self) -> Result<()> {
        if let Compression::Gzip(level) = self.compression
            && level > 9
        {
            return Err(Error::Option {
                option: "--gzip-level",
                found: level.to_string(),
                expected: "0 to 9".into(),
            });
        }
        match self.chunk_rows {
            Some(rows) if !(1..=Self::MAX_CHUNK_ROWS).contains(&rows) => Err(Error::Option {
                option: "--chunk-rows",
                found: rows.to_string(),
                expected: format!("1 to {}", Self::MAX_CHUNK_ROWS),
            }),
            _ => Ok(()),
        }
    }

    /// Rows a chunk, or `None` for contiguous storage.
    pub(super) fn effective_chunk_rows(self) -> Option<usize> {
        match self.compression {
            Compression::None => self.chunk_rows,
            Compression::Gzip(_) => Some(self.chunk_rows.unwrap_or(Self::DEFAULT_CHUNK_ROWS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_refused_by_their_flag() {
        let bad = [
            Options { stations: 0, ..Options::default() },
            Options { stations: 200_001, ..Options::default() },
            Options { length: Length::Rows(0), ..Options::default() },
            Options { length: Length::Years(201), ..Options::default() },
            Options { start_year: 1700, ..Options::default() },
        ];
        let flags = ["--stations", "--stations", "--rows-per-station", "--years", "--start"];
        for (options, flag) in bad.iter().zip(flags) {
            let message = options.validate().unwrap_err().to_string();
            assert!(message.contains(flag), "{message}");
        }
        assert!(Options::default().validate().is_ok());
        assert!(Layout { compression: Compression::Gzip(10), chunk_rows: None }.validate().is_err());
        assert!(Layout { compression: Compression::None, chunk_rows: Some(0) }.validate().is_err());
    }

    #[test]
    fn only_uncompressed_archives_without_a_chunk_size_are_contiguous() {
        let rows = |compression, chunk_rows| Layout { compression, chunk_rows }.effective_chunk_rows();
        assert_eq!(rows(Compression::None, None), None);
        assert_eq!(rows(Compression::None, Some(100)), Some(100));
        assert_eq!(rows(Compression::Gzip(4), None), Some(65_536));
        assert_eq!(rows(Compression::Gzip(4), Some(7)), Some(7));
    }
}
