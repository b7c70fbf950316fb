//! Build script: finds plotly.js, which the page draws with, and says which tests cannot run here.
//!
//! The crate `plotly` ships `plotly.min.js`. Compiling that crate for one of its files would compile forty more, and change
//! features that other packages of this workspace share. So Cargo is only asked to download it, by the version and the checksum
//! in `plotly/Cargo.lock`, and where it lies. Whoever builds without a network runs
//! `cargo fetch --locked --manifest-path views/plotly/Cargo.toml` before, or names the file in `ISD_PLOTLY_JS`.

#[path = "../tests/needs/build.rs"]
mod needs;

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    needs::main();
    if env::var_os("CARGO_FEATURE_TOOL").is_none() {
        return Ok(());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=plotly/Cargo.lock");
    println!("cargo::rerun-if-env-changed=ISD_PLOTLY_JS");
    let script = match env::var_os("ISD_PLOTLY_JS") {
        Some(named) => PathBuf::from(named),
        None => shipped()?,
    };
    if !script.exists() {
        return Err(format!("{}: there is no such file of plotly.js", script.display()).into());
    }
    println!("cargo::rerun-if-changed={}", script.display());
    println!("cargo::rustc-env=ISD_PLOTLY_JS={}", script.display());
    Ok(())
}

/// The file in the sources of the crate, which Cargo downloads where they are not there yet.
fn shipped() -> Result<PathBuf, Box<dyn Error>> {
    let target = env::var("TARGET")?;
    let output = Command::new(env::var("CARGO")?)
        .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", &target])
        .args(["--manifest-path", "plotly/Cargo.toml"])
        .output()?;
    if !output.status.success() {
        return Err(format!("cannot get plotly.js: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let metadata = String::from_utf8(output.stdout)?;
    let package =
        metadata.split_once(r#""name":"plotly","version""#).ok_or("Cargo names no package plotly")?.1;
    let manifest = package.split_once(r#""manifest_path":""#).ok_or("the package plotly has no manifest")?.1;
    let manifest = manifest.split('"').next().unwrap_or_default().replace(r"\\", r"\");
    Ok(Path::new(&manifest).with_file_name("resource").join("plotly.min.js"))
}
