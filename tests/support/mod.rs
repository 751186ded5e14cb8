//! What the tests of the C boundary share: the compilers, the library that belongs to this very build, programs and
//! their output.
#![allow(dead_code, reason = "each test program uses its part")]

pub mod declarations;

use std::path::{Path, PathBuf};
use std::process::Command;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo put the library of this build: beside the test program. One compiler call makes the rlib that the test
/// links and the C libraries, so they are of the same source and profile. Naming a type of the crate keeps the rlib a
/// dependency.
fn build_folder() -> PathBuf {
    let _: tenon::Status = tenon::Status::Ok;
    let program = std::env::current_exe().expect("the test program has a path");
    program.parent().expect("the test program lies in a folder").to_path_buf()
}

/// libtenon.so of this build.
pub fn shared_library() -> PathBuf {
    existing(build_folder().join("libtenon.so"))
}

/// libtenon.a of this build.
pub fn static_library() -> PathBuf {
    existing(build_folder().join("libtenon.a"))
}

fn existing(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is missing: cargo builds it with the tests, from `crate-type` in Cargo.toml", path.display());
    path
}

/// An empty folder of this name below the target folder.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    folder
}

/// The C compiler (`CC`, else gcc).
pub fn c_compiler() -> Command {
    compiler("CC", "gcc")
}

/// The C++ compiler (`CXX`, else g++).
pub fn cpp_compiler() -> Command {
    compiler("CXX", "g++")
}

fn compiler(variable: &str, default: &str) -> Command {
    let name = std::env::var(variable).unwrap_or_else(|_| default.to_string());
    assert!(
        Command::new(&name).arg("--version").output().is_ok_and(|output| output.status.success()),
        "{name} does not run. These tests need gcc and g++ (Debian: `apt-get install gcc g++`), or others named by CC and CXX"
    );
    let mut command = Command::new(name);
    command.args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-g"]).arg("-I").arg(root().join("include"));
    command
}

/// Runs a command to its end and returns what it printed; fails the test with all of it if the command fails.
pub fn succeed(command: &mut Command) -> String {
    run(command).unwrap_or_else(|text| panic!("{text}"))
}

/// What a command printed to its standard output, or, if it fails, all it printed.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(format!("{command:?}\n{}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// Whether programs are to run under valgrind.
pub fn is_valgrind() -> bool {
    std::env::var("TENON_VALGRIND").as_deref() == Ok("1")
}

/// How to start a program: as it is, or under valgrind if the environment says `TENON_VALGRIND=1`; errors and leaks
/// then fail it.
pub fn start(program: &Path) -> Command {
    if !is_valgrind() {
        return Command::new(program);
    }
    assert!(
        Command::new("valgrind").arg("--version").output().is_ok(),
        "TENON_VALGRIND=1 needs valgrind (Debian: `apt-get install valgrind`)"
    );
    let mut command = Command::new("valgrind");
    command
        .args(["--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect,possible"])
        .args(["--keep-debuginfo=yes", "--num-callers=30"])
        .arg(program);
    command
}
