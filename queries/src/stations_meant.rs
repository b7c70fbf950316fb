//! In: values for the parameters of a named query; out: the same with what the tables say: which station is meant by a part of
//! its id or name, and with which options outliers were made.

use std::fs::File;

use arrow::array::AsArray;
use isd_dataset::guard::guarded;
use isd_dataset::layout::STATION_ID;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::error::{Error, Result};
use crate::named::{Kind, NamedQuery};
use crate::session::Session;

/// The key of a file's metadata with the options that `isd-detect` made it with.
const PARAMETERS: &str = "isd.parameters";

/// Stations that a message lists.
const LISTED: usize = 8;

impl Session {
    /// The values given for a query's parameters, and those that the tables say: the id of a station that is given by a part of
    /// its id or name, and, for a parameter that is called as an option of `isd-detect`, the option that the table `outliers`
    /// was made with.
    ///
    /// # Errors
    /// [`Error::Parameter`] where no station has the part, or several have it.
    pub async fn complete(
        &self,
        query: &NamedQuery,
        given: &[(String, String)],
    ) -> Result<Vec<(String, String)>> {
        let is_open = |name: &str| {
            query.parameters.iter().any(|p| p.name == name) && given.iter().all(|(g, _)| g != name)
        };
        let mut values: Vec<(String, String)> =
            self.made_with().into_iter().filter(|(name, _)| is_open(name)).collect();
        for (name, value) in given {
            let is_station = query.parameters.iter().any(|p| p.name == *name && p.kind == Kind::Station);
            let value = if is_station { self.station(&query.name, value).await? } else { value.clone() };
            values.push((name.clone(), value));
        }
        Ok(values)
    }

    /// The options that the table `outliers` was made with; none where it does not say.
    fn made_with(&self) -> Vec<(String, String)> {
        let tables = self.known();
        let Some(file) =
            tables.iter().find(|table| table.name == "outliers").and_then(|table| table.parts.first())
        else {
            return Vec::new();
        };
        let read = guarded(|| {
            let reader = SerializedFileReader::new(File::open(file)?)?;
            let pairs = reader.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
            Ok::<_, ParquetError>(
                pairs.into_iter().find(|pair| pair.key == PARAMETERS).and_then(|pair| pair.value),
            )
        });
        // A file of another format says nothing, and one that is damaged is refused where it is queried.
        let options = read.ok().flatten().and_then(|text| serde_json::from_str(&text).ok());
        let options: serde_json::Map<String, serde_json::Value> = options.unwrap_or_default();
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => Some(text),
            serde_json::Value::Number(number) => Some(number.to_string()),
            serde_json::Value::Bool(is) => Some(is.to_string()),
            _ => None,
        };
        options.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect()
    }

    /// The id of the station that a text means: its id, or a part of its id or name, in capital or small letters.
    async fn station(&self, query: &str, part: &str) -> Result<String> {
        let tables = self.tables();
        let has = |name: &str, column: &str| {
            tables.iter().any(|(table, columns)| table == name && columns.iter().any(|c| c == column))
        };
        if !has("observations", STATION_ID) {
            // The query itself says which table it needs.
            return Ok(part.to_owned());
        }
        let literal = part.replace('\'', "''");
        let exact = format!("select station_id from observations where station_id = '{literal}' limit 1");
        if let Some(station) = self.texts(&exact).await?.pop() {
            return Ok(station);
        }
        let by_name = if has("stations", "name") {
            format!(
                "or station_id in (select station_id from stations where strpos(lower(name), lower('{literal}')) > 0)"
            )
        } else {
            String::new()
        };
        let found = self
            .texts(&format!(
                "select station_id from (select distinct station_id from observations)
                 where strpos(lower(station_id), lower('{literal}')) > 0 {by_name} order by 1"
            ))
            .await?;
        let refuse =
            |found: String, hint: String| Err(Error::Parameter { query: query.to_owned(), found, hint });
        match found.as_slice() {
            [station] => Ok(station.clone()),
            [] if by_name.is_empty() => refuse(
                format!("no station of the table `observations` has `{part}` in its id"),
                "to go by names, name NOAA's list too: isd-history.csv".into(),
            ),
            [] => refuse(
                format!("no station of the table `observations` has `{part}` in its id or name"),
                "`select distinct station_id from observations` lists what there is".into(),
            ),
            several => refuse(
                format!("`{part}` is in the id or name of {} stations", several.len()),
                format!("such as {}", several[..several.len().min(LISTED)].join(", ")),
            ),
        }
    }

    /// The texts of the first column that a statement gives.
    async fn texts(&self, sql: &str) -> Result<Vec<String>> {
        let mut answer = self.run(sql).await?;
        let mut texts = Vec::new();
        while let Some(batch) = answer.next().await {
            let batch = batch?;
            let column = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8);
            let column = column.map_err(|e| Error::Internal { what: e.to_string() })?;
            texts.extend(column.as_string::<i32>().iter().flatten().map(str::to_owned));
        }
        Ok(texts)
    }
}
