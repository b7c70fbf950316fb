//! Build script of the crates whose tests need more than the repository: what is missing here in, `cfg`s out by which
//! such tests are ignored.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Tells Cargo which tests cannot run here.
pub fn main() {
    println!("cargo::rerun-if-changed={}", file_in_root("tests/needs/build.rs"));
    println!("cargo::rerun-if-env-changed=ISD_PYTHON");
    println!("cargo::rustc-check-cfg=cfg(no_shared_data, no_h5py, no_script, writes_everywhere)");
    if !has_script() {
        println!("cargo::rustc-cfg=no_script");
    }
    if writes_everywhere().unwrap_or(false) {
        println!("cargo::rustc-cfg=writes_everywhere");
    }
    let data = file_in_root("../shared/data");
    let has_data = Path::new(&data).exists();
    if has_data {
        // A path that does not exist would have the crate compiled anew each time.
        println!("cargo::rerun-if-changed={data}");
    } else {
        println!("cargo::rustc-cfg=no_shared_data");
    }
    // Who only builds the tools has no such data, and no Python is run.
    if !has_data || !imports_h5py() {
        println!("cargo::rustc-cfg=no_h5py");
    }
}

/// A path below the workspace's root.
fn file_in_root(path: &str) -> String {
    let package = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let root = Path::new(&package).ancestors().find(|folder| folder.join("tests/needs/build.rs").exists());
    root.unwrap_or(Path::new("")).join(path).to_string_lossy().into_owned()
}

fn imports_h5py() -> bool {
    let python = env::var("ISD_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    Command::new(python).args(["-c", "import h5py"]).output().is_ok_and(|output| output.status.success())
}

/// Whether this user may write into a directory whose mode forbids it, as root may, and cannot give that up for a run:
/// there is no `setpriv` of util-linux.
fn writes_everywhere() -> io::Result<bool> {
    let locked = Path::new(&env::var("OUT_DIR").map_err(io::Error::other)?).join("locked");
    let probe = locked.join("probe");
    fs::create_dir_all(&locked)?;
    let mut permissions = fs::metadata(&locked)?.permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&locked, permissions)?;
    let may_write = File::create(&probe).is_ok() && fs::remove_file(&probe).is_ok();
    Ok(may_write && Command::new("setpriv").arg("--version").output().is_err())
}

/// Whether there is `script` of util-linux, which makes a terminal; that of other systems has other options.
fn has_script() -> bool {
    let version = Command::new("script").arg("--version").stdin(Stdio::null()).output();
    version.is_ok_and(|version| String::from_utf8_lossy(&version.stdout).contains("util-linux"))
}
