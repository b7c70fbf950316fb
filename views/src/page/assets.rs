//! The files of the page, in the binary: a name in, type and text out.

/// plotly.js, as the crate `plotly` ships it: `build.rs` says how it comes here.
pub const PLOTLY: &str = include_str!(env!("ISD_PLOTLY_JS"));
/// The page's frame.
pub const INDEX: &str = include_str!("../../page/index.html");
/// Its looks.
pub const STYLE: &str = include_str!("../../page/style.css");
/// Its modules, each behind those that it imports.
pub const MODULES: [(&str, &str); 11] = [
    ("words.js", include_str!("../../page/words.js")),
    ("state.js", include_str!("../../page/state.js")),
    ("theme.js", include_str!("../../page/theme.js")),
    ("server.js", include_str!("../../page/server.js")),
    ("report.js", include_str!("../../page/report.js")),
    ("zoom.js", include_str!("../../page/zoom.js")),
    ("map.js", include_str!("../../page/map.js")),
    ("list.js", include_str!("../../page/list.js")),
    ("series.js", include_str!("../../page/series.js")),
    ("save.js", include_str!("../../page/save.js")),
    ("main.js", include_str!("../../page/main.js")),
];

/// A file of the page: its type and its text.
#[must_use]
pub fn asset(name: &str) -> Option<(&'static str, &'static str)> {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    match name {
        "" => Some(("text/html; charset=utf-8", INDEX)),
        "style.css" => Some(("text/css; charset=utf-8", STYLE)),
        "plotly.js" => Some((SCRIPT, PLOTLY)),
        _ => MODULES.iter().find(|(module, _)| *module == name).map(|(_, text)| (SCRIPT, *text)),
    }
}
