//! Builds every C and C++ program of `tests/c` and `c_examples` against the public header and the library of this
//! build, and runs it.
//!
//! A program passes if it exits with 0. Each runs in an empty folder of its own; `TENON_DATA` says where the digits are.
//! `TENON_VALGRIND=1` runs the programs of `tests/c` under valgrind, where errors and leaks fail them, and leaves the
//! examples out: they train, which takes minutes there.

mod support;

use std::path::{Path, PathBuf};

fn programs() -> Vec<PathBuf> {
    let mut programs = Vec::new();
    let folders: &[&str] = if support::is_valgrind() { &["tests/c"] } else { &["tests/c", "c_examples"] };
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(support::root().join(folder)) else { continue };
        programs.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    }
    programs.retain(|path| matches!(path.extension().and_then(|e| e.to_str()), Some("c" | "cpp")));
    programs.sort();
    programs
}

fn build(source: &Path, folder: &Path, is_static: bool) -> PathBuf {
    let program = folder.join("program");
    let mut compiler = if source.extension().is_some_and(|extension| extension == "cpp") {
        let mut compiler = support::cpp_compiler();
        compiler.arg("-std=c++17");
        compiler
    } else {
        let mut compiler = support::c_compiler();
        // As `c_examples/Makefile` compiles them, and what newer C permits in the tests.
        compiler.arg(if source.parent().is_some_and(|folder| folder.ends_with("c_examples")) { "-std=c99" } else { "-std=c11" });
        compiler
    };
    compiler.arg("-O1").arg(source).arg("-o").arg(&program);
    if is_static {
        compiler.arg(support::static_library());
    } else {
        // The name that the program will ask for is the library's SONAME.
        let library = support::shared_library();
        for name in ["libtenon.so", "libtenon.so.0"] {
            std::os::unix::fs::symlink(&library, folder.join(name)).unwrap();
        }
        compiler.arg("-L").arg(folder).arg("-ltenon").arg(format!("-Wl,-rpath,{}", folder.display()));
    }
    support::succeed(compiler.args(["-lm", "-lpthread", "-ldl"]));
    program
}

#[test]
fn all_programs_run() {
    let programs = programs();
    let mut failures = Vec::new();
    for source in &programs {
        let name = source.file_stem().unwrap().to_str().unwrap();
        let folder = support::scratch(&format!("program_{name}"));
        let program = build(source, &folder, false);
        match support::run(support::start(&program).current_dir(&folder).env("TENON_DATA", support::root().join("data/digits/digits.csv")))
        {
            Ok(_) => println!("{name}: ok"),
            Err(text) => failures.push(text),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    println!("{} programs ran", programs.len());
    assert!(!programs.is_empty());
}

/// The static library is complete: a program links it with the system's libraries alone.
#[test]
fn a_program_links_statically() {
    let folder = support::scratch("program_static");
    let program = build(&support::root().join("tests/c/tensors.c"), &folder, true);
    support::succeed(support::start(&program).current_dir(&folder));
}
