//! Writes `docs/ops.md`, the page with a row for each operation, from the catalog in `src/ops/`.
//!
//! `cargo run -p docs` writes the page, `-- --check` compares it with the one that is there.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use tenon::ops::{Differentiable, FAMILIES, Row};

fn main() -> ExitCode {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ops.md");
    let page = page();
    let result = if std::env::args().any(|argument| argument == "--check") {
        let present = std::fs::read_to_string(&path).unwrap_or_default();
        match difference(&present, &page) {
            Some(text) => Err(format!("docs/ops.md is not what the catalog says; `make docs` writes it\n{text}")),
            None => Ok(()),
        }
    } else {
        std::fs::write(&path, page).map_err(|error| format!("{}: {error}", path.display()))
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

const OPENING: &str = "\
# Operations

Every operation that a graph can record, by family. In C each is a function `tenon_` with the name behind, in Rust a method of `Trace`;
where a name is one way to call a function that has more, the function is the one without the last words of the name. The C
documentation, with parameters, defaults, and errors, is in [`include/tenon.h`](../include/tenon.h); what slopes are at corners and poles
is in [kinks.md](kinks.md). Loops (`tenon_scan`), assignments (`tenon_parameter_assign_value` and its like), calls, and operations of the host's own
are in the header alone. The page is made from the rows that the tests draw on: `make docs` writes it anew.

* **Shapes** are given as `operands -> result`, with `...` for any dimensions. Elementwise operations of several operands broadcast:
  shapes are aligned at the last dimension, and sizes are equal or 1.
* **Dtypes**: floats are f64, f32, f16, bf16; integers are i64, i32, u8. Operands of different dtypes meet in the wider one.
* **Gradient**: *any order*: it can be differentiated as often as one likes. *first order*: once, in the sense that is given. *0*: it is flat
  wherever it has a slope. *none*: there is a slope, but no rule for it, and asking for it fails when the gradient is taken, with the path of the cell.
* **PyTorch**, **MindSpore**: what the same thing is called there, which need not have the same parameters and defaults.
";

fn page() -> String {
    let mut titles: Vec<&str> = Vec::new();
    for family in FAMILIES {
        if !titles.contains(&family.title) {
            titles.push(family.title);
        }
    }
    let rows_of =
        |title: &str| FAMILIES.iter().filter(|family| family.title == title).flat_map(|family| family.rows).collect::<Vec<&Row>>();
    let mut page = OPENING.to_string();
    let all: usize = titles.iter().map(|title| rows_of(title).len()).sum();
    let _ = writeln!(page, "\n{all} operations:\n");
    for title in &titles {
        let anchor: String = title.to_lowercase().replace(' ', "-").chars().filter(|c| c.is_alphanumeric() || *c == '-').collect();
        let _ = writeln!(page, "* [{title}](#{anchor}) ({})", rows_of(title).len());
    }
    for title in &titles {
        let rows = rows_of(title);
        // A column in which nothing stands is none.
        let shapes = rows.iter().any(|row| !row.shapes.is_empty());
        let _ = writeln!(page, "\n## {title}\n");
        let line = |cells: [String; 7]| {
            let kept: Vec<&str> =
                cells.iter().enumerate().filter(|(index, _)| shapes || *index != 2).map(|(_, cell)| cell.as_str()).collect();
            format!("| {} |\n", kept.join(" | "))
        };
        page += &line(["name", "meaning", "shapes", "dtypes", "gradient", "PyTorch", "MindSpore"].map(str::to_string));
        page += &line(["---"; 7].map(str::to_string)).replace(' ', "");
        for row in rows {
            page += &line([
                code(row.name),
                escaped(row.meaning),
                if row.shapes.is_empty() { "elementwise".to_string() } else { code(row.shapes) },
                row.domain.describe().to_string(),
                gradient(row),
                code(&row.in_torch().concat().replacen("torch.", "", 1)),
                code(&row.in_mindspore().concat().replacen("mindspore.", "", 1)),
            ]);
        }
    }
    page
}

fn gradient(row: &Row) -> String {
    match row.differentiable {
        Differentiable::Yes => "any order".to_string(),
        Differentiable::Once(sense) => format!("first order: {}", escaped(sense)),
        Differentiable::Zero(reason) => format!("0: {}", escaped(reason)),
        Differentiable::No(reason) => format!("none: {}", escaped(reason)),
    }
}

/// A bar would end the cell.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", escaped(text)) }
}

/// The first line in which two texts differ.
fn difference(old: &str, new: &str) -> Option<String> {
    if old == new {
        return None;
    }
    let same = old.lines().zip(new.lines()).take_while(|(a, b)| a == b).count();
    let line = |text: &str| text.lines().nth(same).unwrap_or("").to_string();
    Some(format!("@@ line {}\n- {}\n+ {}", same + 1, line(old), line(new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_page_is_current() {
        let present = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ops.md")).unwrap();
        assert_eq!(difference(&present, &page()), None);
    }

    #[test]
    fn every_table_is_whole() {
        let mut columns = 0;
        for line in page().lines() {
            let bars = line.replace("\\|", "").matches('|').count();
            if !line.starts_with('|') {
                columns = 0;
            } else if columns == 0 {
                columns = bars;
            }
            assert_eq!(bars, columns, "{line}");
        }
    }

    #[test]
    fn a_difference_names_the_line() {
        assert_eq!(difference("a\nb", "a\nb"), None);
        assert_eq!(difference("a\nb", "a\nc").unwrap(), "@@ line 2\n- b\n+ c");
    }
}
