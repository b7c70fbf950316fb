//! Pictures as pixels: SVG in, PNG out.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use crate::failure::Failure;

/// Pixels of PNG for one of SVG, so that texts are sharp on fine screens and on paper.
const SCALE: f32 = 2.0;
/// Fonts that labels are written in, the first that the system has; else any other that it has.
const FONTS: [&str; 5] = ["DejaVu Sans", "Noto Sans", "Liberation Sans", "Arial", "Helvetica"];

/// Draws an SVG as PNG, twice as wide and high as it says. Labels are written in a font of the system.
///
/// # Errors
/// A system without fonts, and a picture that does not fit in memory.
pub fn png(svg: &str) -> Result<Vec<u8>, Failure> {
    let mut fonts = fontdb::Database::new();
    fonts.load_system_fonts();
    png_with(svg, fonts)
}

/// Draws an SVG as [`png`] does, with these fonts.
///
/// # Errors
/// Those of [`png`].
pub fn png_with(svg: &str, mut fonts: fontdb::Database) -> Result<Vec<u8>, Failure> {
    let families = || fonts.faces().flat_map(|face| &face.families).map(|(family, _)| family.as_str());
    let known = FONTS.into_iter().find(|font| families().any(|family| family == *font));
    let Some(family) = known.or_else(|| families().next()).map(str::to_owned) else {
        return Err(Failure::error("no font is installed that the labels of a PNG could be written in")
            .hint("install one, such as the package fonts-dejavu-core, or draw to .svg"));
    };
    fonts.set_sans_serif_family(&family);
    let options = Options { font_family: family, fontdb: Arc::new(fonts), ..Options::default() };
    let broken = |reason: String| Failure::error(format!("the picture cannot become PNG: {reason}"));
    let tree = Tree::from_str(svg, &options).map_err(|error| broken(error.to_string()))?;
    let size = tree.size().to_int_size().scale_by(SCALE).ok_or_else(|| broken("it has no size".into()))?;
    let mut pixels =
        Pixmap::new(size.width(), size.height()).ok_or_else(|| broken("it is too large".into()))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| broken(error.to_string()))
}
