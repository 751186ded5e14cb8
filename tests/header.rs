//! `include/tenon.h` is C99 and later and C++11 and later, alone and twice, without a warning.

mod support;

use std::process::Command;
use support::declarations::Header;

fn compiles(compiler: fn() -> Command, standards: &[&str], extension: &str) {
    let folder = support::scratch(&format!("header_{extension}"));
    for (name, text) in [("alone", "#include <tenon.h>\n"), ("twice", "#include <tenon.h>\n#include <tenon.h>\n")] {
        let source = folder.join(format!("{name}.{extension}"));
        // A translation unit must declare something of its own to be pedantically valid.
        std::fs::write(&source, format!("{text}TenonStatus tenon_header_{name}(void);\n")).unwrap();
        for standard in standards {
            support::succeed(compiler().arg(format!("-std={standard}")).args(["-Wshadow", "-Wundef", "-fsyntax-only"]).arg(&source));
        }
    }
}

#[test]
fn the_header_is_c() {
    compiles(support::c_compiler, &["c99", "c11", "c17"], "c");
}

#[test]
fn the_header_is_cpp() {
    compiles(support::cpp_compiler, &["c++11", "c++17", "c++20"], "cpp");
}

/// Every function of the header is exported, and nothing else is.
#[test]
fn the_library_exports_what_the_header_declares() {
    let header = support::declarations::Header::read();
    let listing =
        support::succeed(Command::new("nm").args(["--dynamic", "--defined-only", "--format=posix"]).arg(support::shared_library()));
    let mut exported: Vec<&str> = listing.lines().filter_map(|line| line.split(' ').next()).collect();
    let mut declared: Vec<&str> = header.functions.iter().map(|function| function.name.as_str()).collect();
    exported.sort_unstable();
    declared.sort_unstable();
    assert_eq!(exported, declared);
    assert!(declared.len() >= 20, "{} functions", declared.len());
}

/// What the catalog of operations lists, hosts can record.
#[test]
fn every_operation_has_a_function() {
    let header = Header::read();
    // Rows that are another way to call a function.
    let ways = [
        ("sum_leading", "sum"),
        ("gelu_tanh", "gelu"),
        ("cross_entropy_probabilities", "cross_entropy"),
        ("scaled_dot_product_attention_causal", "scaled_dot_product_attention"),
        ("kl_div_loss_log_target", "kl_div_loss"),
        ("norm_p", "norm"),
        ("scatter_mul", "scatter"),
        ("scatter_max", "scatter"),
        ("scatter_min", "scatter"),
        ("scatter_mean", "scatter"),
        ("scatter_along_add", "scatter_along"),
        ("scatter_along_mul", "scatter_along"),
        ("scatter_along_max", "scatter_along"),
        ("scatter_along_min", "scatter_along"),
        ("scatter_along_mean", "scatter_along"),
    ];
    let mut missing = Vec::new();
    let mut count = 0;
    for row in tenon::ops::catalog() {
        let name = ways.iter().find(|(row_name, _)| *row_name == row.name).map_or(row.name, |(_, name)| name);
        count += 1;
        if !header
            .functions
            .iter()
            .any(|function| function.name == format!("tenon_{name}") && matches!(function.result.as_str(), "TenonValue" | "void"))
        {
            missing.push(row.name);
        }
    }
    assert!(missing.is_empty(), "the header lacks {missing:?}");
    assert!(count >= 70, "{count} operations");
}
