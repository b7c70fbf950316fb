//! Looking at isd datasets, on a page in the browser or in pictures, as SVG: `isd-view`.
//!
//! ```text
//! dataset ----------> record --> band (by the kernel) --> series_plot \
//! outliers, flags --> table  ---------------------------> map_plot     --> drawing --> SVG
//! events                                                  calendar_plot/
//!     \----------------------------------------------> page         --> browser, or one file
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`record`] | a station's times and values, from the dataset |
//! | [`table`] | files of outliers, flags and events |
//! | [`band`] | window mean, band of the threshold and outliers of a series |
//! | [`columns`] | the smallest and largest value of each pixel column; what is missing |
//! | [`scale`] | axes and their ticks |
//! | [`drawing`] | elements of a picture, colours, legends |
//! | [`series_plot`], [`map_plot`], [`calendar_plot`] | the pictures |
//! | [`png`] | pictures as pixels |
//! | [`page`] | the page, with a server of its own |
//! | [`coast`] | outlines of land |
//! | [`failure`] | what the user is told of a run that drew nothing |

pub mod band;
pub mod calendar_plot;
pub mod cli;
pub mod coast;
pub mod columns;
pub mod drawing;
pub mod failure;
pub mod map_plot;
#[cfg(feature = "tool")]
pub mod page;
#[cfg(feature = "tool")]
pub mod png;
pub mod record;
pub mod scale;
pub mod series_plot;
pub mod table;
