//! Random graphs against the oracle.

use crate::generate::random_case;

/// What ran must not become less.
const GRAPHS: u64 = 800;

#[test]
fn random_graphs_give_the_oracles_values() {
    // TENON_GRAPH=17 looks at one, TENON_GRAPHS=5000 at more.
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let (first, last) = match number("TENON_GRAPH") {
        Some(graph) => (graph, graph + 1),
        None => (0, number("TENON_GRAPHS").unwrap_or(GRAPHS)),
    };
    let mut failed = Vec::new();
    let mut detail = String::new();
    for graph in first..last {
        let case = random_case(graph);
        let faults = case.faults();
        if let Some(fault) = faults.first() {
            failed.push(format!("graph {graph}: {}", fault.lines().next().unwrap_or_default()));
            if failed.len() == 1 {
                detail = format!("{}\n{}", case.graph, faults.join("\n"));
            }
        }
    }
    assert!(failed.is_empty(), "{} graphs failed; the first:\n{detail}\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn random_graphs_have_the_same_bits_on_every_job_system() {
    for graph in (0..GRAPHS).step_by(10) {
        random_case(graph).check_jobs(&format!("graph {graph}"));
    }
}
