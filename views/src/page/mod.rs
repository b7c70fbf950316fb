//! The page of `isd-view`: a dataset, its outliers, flags and events in; what a browser shows, from a server on the loopback
//! address or in one file, out.
//!
//! ```text
//! dataset, files --> archive --> overview, view --> answer --> server <--> browser (views/page/)
//!                                          \------> report --> one file
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`archive`] | all that the page knows |
//! | [`findings`] | outliers, flags and exceedances in memory |
//! | [`loaded`] | series that are being looked at |
//! | [`overview`], [`view`] | what is shown of all stations, and of a series, as JSON |
//! | [`answer`] | questions of the page, and answers |
//! | [`guard`], [`server`] | who may ask; the server |
//! | [`assets`] | the files of the page, in the binary |
//! | [`report`] | the page as one file |

pub mod answer;
pub mod archive;
pub mod assets;
pub mod findings;
pub mod guard;
pub mod loaded;
pub mod overview;
pub mod report;
pub mod server;
pub mod view;
