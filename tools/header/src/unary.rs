//! Writes `src/capi/ops_unary.rs` from the rows in `src/ops/unary.rs`: functions of one value are all of one kind, and a new one is to take
//! no more than its row.

use std::fmt::Write as _;

const OPENING: &str = "\
//! Chapter: elementwise functions of one value. Written by `cargo run -p header` from the rows of `src/ops/unary.rs`; never edited by hand.

use crate::capi::graph::TenonValue;
use crate::capi::record::record;
";

/// The text of `src/capi/ops_unary.rs` for this text of `src/ops/unary.rs`.
pub fn chapter(source: &str) -> Result<String, String> {
    let (_, table) = source.split_once("\nunary! {\n").ok_or("src/ops/unary.rs: there is no table `unary! {`")?;
    let (table, _) = table.split_once("\n}\n").ok_or("src/ops/unary.rs: the table `unary! {` has no end")?;
    let mut text = OPENING.to_string();
    // Rows begin with four spaces and a capital letter; what belongs to one is indented further or begins otherwise.
    for line in table.lines().filter(|line| line.strip_prefix("    ").is_some_and(|rest| rest.starts_with(char::is_uppercase))) {
        let row = Row::read(line.trim()).ok_or_else(|| format!("src/ops/unary.rs: cannot read the row `{}`", line.trim()))?;
        let Row { name, .. } = row;
        let _ = write!(text, "\n/// {}\n#[unsafe(no_mangle)]\n", row.documentation()?);
        let _ = writeln!(text, "pub extern \"C\" fn tenon_{name}(x: TenonValue) -> TenonValue {{");
        let _ = writeln!(text, "    record(\"{name}\", [x], |g, [x]| g.{name}(x))\n}}");
    }
    Ok(text)
}

/// The beginning of a row: `Op name [names elsewhere] "meaning" Domain [-> dtype],`.
struct Row<'a> {
    name: &'a str,
    meaning: &'a str,
    domain: &'a str,
    is_test: bool,
}

impl<'a> Row<'a> {
    fn read(line: &'a str) -> Option<Row<'a>> {
        let (_, rest) = line.split_once(' ')?;
        let (name, rest) = rest.split_once(' ')?;
        // Names elsewhere hold no bracket.
        let rest = if rest.starts_with('[') { rest.split_once("] ")?.1 } else { rest };
        let (meaning, rest) = rest.strip_prefix('"')?.split_once("\" ")?;
        let (head, _) = rest.split_once(',')?;
        let (domain, is_test) = match head.split_once(" -> ") {
            None => (head, false),
            Some((domain, "Bool")) => (domain, true),
            Some(_) => return None,
        };
        Some(Row { name, meaning, domain, is_test })
    }
    fn documentation(&self) -> Result<String, String> {
        let dtypes = match self.domain {
            "Any" => "Any dtype",
            "Float" => "Floats",
            "Number" => "Floats and integers",
            "Integral" => "Integers and bool",
            other => return Err(format!("src/ops/unary.rs: the domain {other} of {} is not known here", self.name)),
        };
        // A word begins the sentence, a formula stays as it is.
        let word = self.meaning.split([' ', ',', ':']).next().unwrap_or("");
        let is_word = word.len() > 2 && word.chars().all(|c| c.is_alphabetic());
        let (first, rest) = self.meaning.split_at(if is_word { 1 } else { 0 });
        let result = if self.is_test { ", as bool" } else { "" };
        Ok(format!("{}{rest}{result}. {dtypes}.", first.to_uppercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_becomes_a_function() {
        let source = "unary\nunary! {\n    Tan tan [\"a.b\", \"-\"] \"tangent, of x\" Float, f64::tan, Ok(|g| {\n        g\n    }), [0..1];\n    IsNan is_nan \"x - 1\" Any -> Bool, f, FLAT, [];\n}\n";
        let text = chapter(source).unwrap();
        assert!(
            text.contains(
                "/// Tangent, of x. Floats.\n#[unsafe(no_mangle)]\npub extern \"C\" fn tenon_tan(x: TenonValue) -> TenonValue {\n"
            )
        );
        assert!(text.contains("/// x - 1, as bool. Any dtype.\n"));
        assert_eq!(text.matches("no_mangle").count(), 2);
        assert!(chapter("unary! {\n}\n").is_err());
    }
}
